//! The numbers that shape a decoder, from the metadata of a GGUF file or from a
//! `config.json`.

mod assumptions;
pub(crate) mod decoder_config;
pub(crate) mod experts;
pub(crate) mod gguf;
mod gguf_keys;
mod gguf_metadata;
mod gguf_rope;
pub(crate) mod huggingface;
mod huggingface_experts;
mod huggingface_keys;
mod huggingface_rope;
pub(crate) mod rope;
pub(crate) mod rope_scaling;
mod setting;
