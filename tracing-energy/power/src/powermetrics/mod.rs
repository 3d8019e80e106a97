//! Reads powermetrics, Apple's sensor command.
//!
//! Limits: values are the system's estimates, in steps of 1 mJ for each rail and sample. They
//! cover the whole machine and are not suited to compare devices. No memory since macOS 13,
//! no rail for the whole system. Real intervals are longer than requested; the true length is
//! used. powermetrics needs root.

#[cfg(unix)]
pub mod activity;
mod child;
pub mod document;
mod faults;
#[cfg(unix)]
pub mod launch;
mod number;
pub(crate) mod rails;
mod shape;
#[cfg(unix)]
mod source;
pub mod stream;
pub mod timeline;

#[cfg(unix)]
pub use launch::Launch;
#[cfg(unix)]
pub use source::{Powermetrics, PowermetricsOptions};
