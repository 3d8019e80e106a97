//! CPU time at the edges of spans, read by traced threads at a limited rate.
//!
//! ```text
//! thread   |== a ==|      sleeps      |== b ==|
//! read     ^       ^                  ^       ^      CPU time of a and b alone
//! flood    |=||=||=||=||=||=||=||=||=||=||=||=|
//! read     ^                     ^                   one reading in 100 us
//! ```
//!
//! A reading is a record in the thread's own log, so that it stays in order with the edges.
//! Readings are rate-limited: one in [`INTERVAL`] on average, with a small reserve for the
//! edges of outermost spans, so that both edges of a short span are read after a pause.
//!
//! Guarantees: no lock and no allocation, except that the first reading of a thread may
//! open its clock. Not guaranteed: that an edge is read.

mod choice;
mod clock;
mod fallback;
mod meter;
#[cfg(target_os = "linux")]
mod perf;
#[cfg(target_os = "linux")]
mod slots;

pub use choice::EdgeClock;
pub(crate) use fallback::Fallback;
pub(super) use meter::{EdgeMeter, INTERVAL};

/// Closes the parent's perf events in a forked child.
pub(super) fn close_in_child() {
    #[cfg(target_os = "linux")]
    slots::close_in_child();
}
