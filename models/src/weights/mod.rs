//! Reading weights from model files.

pub(crate) mod gguf;
mod header;
mod precision;
mod split;

pub(crate) use precision::Precision;
pub use precision::Requantize;
pub(crate) use split::split;
