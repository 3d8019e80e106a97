//! Reads totals and spans of a recording.

mod intervals;
mod push;
mod totals;

pub use push::{PushedSpans, SendRequest, push_spans};
pub use totals::{KnownTotals, run_totals};
