//! Generation of text.

pub(crate) mod generation;
pub(crate) mod generator;
pub(crate) mod next_token;
pub(crate) mod options;
pub(crate) mod stop_texts;
