//! Text to tokens and back: vocabularies of model files, and chat templates.

mod byte_level;
pub(crate) mod bytes;
pub(crate) mod chat;
pub(crate) mod detokenizer;
mod ends;
pub(crate) mod gguf;
pub(crate) mod huggingface;
mod metadata;
mod pre_tokenizer;
mod pre_tokenizer_patterns;
mod sentencepiece;
pub(crate) mod tokenizer;
mod vocabulary;
