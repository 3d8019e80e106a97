//! Reading weights from model files.

pub mod gguf;
mod header;
mod precision;

pub use precision::Requantize;
pub(crate) use precision::Precision;
