//! Text to tokens and back: vocabularies of model files, and chat templates.

mod byte_level;
pub(crate) mod bytes;
pub(crate) mod chat_template;
pub(crate) mod detokenizer;
pub(crate) mod gguf;
pub(crate) mod huggingface;
mod metadata;
mod pre_tokenizer;
mod sentencepiece;
pub(crate) mod tokenizer;
mod vocabulary;
