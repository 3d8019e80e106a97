//! CPU time of threads, processes and the machine.
use crate::units::Nanos;
pub fn current_tid() -> i64 {
    0
}
pub fn current_thread() -> Option<Nanos> {
    None
}
