//! Whether two sets of runs differ, from one figure a run.
//!
//! ```text
//! base    0.91 0.93 0.92  J/token      ln      mean, variance --+
//! other   1.00 0.98 1.04  J/token   -------->  mean, variance --+--> ratio, interval, p
//! times   when each run began ------> sessions, what they add --+        |
//!                                                   min effect ----> verdict
//! ```
//!
//! A sample is one run: tokens, spans and windows of a run share its machine state
//! and are no repeats. Energies are positive and their noise is a share of them, so
//! everything is reckoned on logarithms: a difference of means is then the ratio of
//! geometric means, and doubling weighs as much as halving. Variances of the two
//! sides may differ (Welch 1947). What runs of one session have in common is seen by
//! no repeat within it; `Options::session_sd` adds it to the error where it does not cancel.
//!
//! Limits: with three runs a side only differences of more than about three times the
//! noise are found; figures that are not positive have no logarithm and no ratio.

mod comparison;
mod contrast;
mod family;
mod gate;
mod sample;
mod sessions;
mod student;
mod verdict;

pub use comparison::{Comparison, compare, compare_all};
pub use family::{Item, nodes};
pub use gate::{Gate, gate};
pub use sample::{Options, Sample, geometric_mean};
pub use sessions::Layout;
pub use verdict::{Reason, Verdict};

#[cfg(test)]
mod tests;
