//! Chat templates: Jinja as Hugging Face sets it up.

mod environment;
mod generation_tags;
pub(crate) mod options;
mod python_json;
pub(crate) mod stored;
pub(crate) mod template;
