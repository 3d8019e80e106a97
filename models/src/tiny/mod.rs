//! Test support: tiny Llama files with random weights.
//!
//! Such a model generates nonsense, but it loads in milliseconds, runs every code path of
//! a real one, and computes the same numbers everywhere for the same seed.

mod file;
mod tiny_config;
mod vocabulary;
mod weights;

pub use file::write_gguf;
pub use tiny_config::TinyConfig;
pub use vocabulary::{VOCAB, vocabulary};
