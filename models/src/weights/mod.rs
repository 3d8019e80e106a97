//! Weights from model files.

pub(crate) mod gguf;
mod header;
pub(crate) mod precision;
pub(crate) mod safetensors;
pub(crate) mod split;
pub(crate) mod stored;
mod tensor_names;
