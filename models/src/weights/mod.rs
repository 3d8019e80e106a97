//! Reading weights from model files.

pub(crate) mod gguf;
mod header;
mod precision;

pub(crate) use precision::Precision;
pub use precision::Requantize;
