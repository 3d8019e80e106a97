//! Weights from model files.

pub(crate) mod foreign;
pub(crate) mod fp8;
pub(crate) mod gguf;
pub(crate) mod gguf_parts;
mod gguf_types;
mod header;
pub(crate) mod packing;
pub(crate) mod precision;
pub(crate) mod quantised_folder;
pub(crate) mod regular_file;
pub(crate) mod safetensors;
mod safetensors_file;
pub(crate) mod split;
pub(crate) mod stored;
pub(crate) mod tensor_names;
