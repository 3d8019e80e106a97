//! Generation of text.

pub(crate) mod batch_row;
pub(crate) mod generation;
pub(crate) mod generator;
pub(crate) mod next_token;
pub(crate) mod options;
pub(crate) mod prefill_pass;
pub(crate) mod prompt_tokens;
pub(crate) mod stop_texts;
