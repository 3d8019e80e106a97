//! Chat templates: Jinja as Hugging Face sets it up.

mod apart;
mod environment;
pub(crate) mod options;
mod python_json;
mod rewriting;
pub(crate) mod stored;
mod tags;
pub(crate) mod template;
mod values;
