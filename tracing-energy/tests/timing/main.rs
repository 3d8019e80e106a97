//! Tests that sleep for a given time, measure it, depend on being scheduled in time, or measure
//! the whole process: one at a time. The main step of the checks leaves out tests with `timing_`
//! in their names, and a step of its own runs them.

mod timing_configured_idle_power_is_kept;
mod timing_cpu_time_is_read_at_edges_of_spans;
mod timing_documents_are_not_retained_in_memory;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits until no other test of this program runs.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
