//! Decides whether two sets of runs differ, from one value per run.
//!
//! ```text
//! base    0.91 0.93 0.92  J/token      ln      mean, variance --+
//! other   1.00 0.98 1.04  J/token   -------->  mean, variance --+--> ratio, interval, p
//! times   start of each run --------> sessions, added variance -+        |
//!                                                   min effect ----> verdict
//! ```
//!
//! A sample is one run: tokens, spans and windows of a run share its machine state and are not
//! repeats. Energies are positive with relative noise, so everything is computed on logarithms:
//! a difference of means is then the ratio of geometric means, and doubling weighs as much as
//! halving. Variances of the two sides may differ (Welch 1947). Effects shared by the runs of
//! one session are invisible to repeats within it; `ComparisonOptions::session_sd` adds them
//! to the error unless they cancel.
//!
//! Limits: with three runs per side only differences of more than about three times the noise
//! are found; values that are not positive have no logarithm and no ratio.

mod comparison;
mod contrast;
mod family;
mod gate;
mod sample;
mod sessions;
mod verdict;

pub use comparison::{Comparison, compare, compare_all};
pub use family::{Item, nodes};
pub use gate::{GateOutcome, gate};
pub use sample::{
    ComparisonOptions, GeometricMean, RunSample, geometric_mean, geometric_mean_interval,
};
pub use sessions::SessionLayout;
pub use verdict::{Reason, SideVerdict};

#[cfg(test)]
mod tests;
