//! The numbers that shape a decoder, from the metadata of a GGUF file or from a
//! `config.json`.

pub(crate) mod decoder_config;
pub(crate) mod gguf;
pub(crate) mod huggingface;
mod huggingface_rope;
mod infer;
pub(crate) mod rope_scaling;
