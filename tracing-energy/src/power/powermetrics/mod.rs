//! powermetrics, Apple's sensor command.
//!
//! Limits: figures are the system's own estimates, in steps of 1 mJ for each
//! rail and sample, for the whole machine and not for comparing devices. No
//! memory since macOS 13, no rail for the whole system. Real intervals are
//! longer than the wished ones; the true length is used. It needs root.

#[cfg(unix)]
pub mod activity;
mod child;
pub mod document;
#[cfg(unix)]
pub mod launch;
mod oddities;
pub(in crate::power) mod rails;
mod shape;
#[cfg(unix)]
mod source;
pub mod stream;
pub mod timeline;

#[cfg(unix)]
pub use launch::Launch;
#[cfg(unix)]
pub use source::{Options, Powermetrics};
