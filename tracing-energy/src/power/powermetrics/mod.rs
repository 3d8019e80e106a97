//! powermetrics, Apple's sensor command.
//!
//! Limits: figures are the system's own estimates, in steps of 1 mJ for each
//! rail and sample, for the whole machine and not for comparing devices. No
//! memory since macOS 13, no rail for the whole system. Real intervals are
//! longer than the wished ones; the true length is used. It needs root.

pub mod document;
#[cfg(unix)]
mod live;
#[cfg(unix)]
mod process;
mod shape;
pub mod stream;

#[cfg(unix)]
pub use live::Powermetrics;
#[cfg(unix)]
pub use process::EXECUTABLE_VARIABLE;
