//! A Chrome trace (JSON array format) for Perfetto and `chrome://tracing`.
//!
//! The file is written while the run goes on; without the closing `]`, after a
//! crash, both viewers still read it.

mod json;
mod pending;
mod sink;
mod text;
mod within;

pub use sink::ChromeSink;
pub use text::{Slice, TraceText};
