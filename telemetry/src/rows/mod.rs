//! Reads totals and spans of a recording.

mod intervals;
mod known;
mod push;
mod totals;

pub use known::KnownTotals;
pub use push::{PushedSpans, SendRequest, push_spans};
pub use totals::run_totals;
