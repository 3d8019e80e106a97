//! A Chrome trace (JSON array format) for Perfetto and `chrome://tracing`.
//!
//! The file is written during the run. Both viewers read it without the closing `]`, as
//! after a crash.

mod json;
mod sink;
mod text;

pub use sink::ChromeSink;
pub use text::{Slice, TraceText};
