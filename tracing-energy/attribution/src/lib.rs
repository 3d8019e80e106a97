//! Internal to tracing-energy, without a stability promise.
//!
//! Attributes measured energy to spans and processes. Pure: no clock, no I/O, no threads.
//!
//! Spans, CPU times and samples are fed as they arrive; rows of the ledger are returned
//! as windows close. The same inputs give the same numbers, bit for bit, however often
//! rows are fetched: times are integers, sums run in the order of time and of ids, and a
//! window closes only when all its inputs have arrived.
//!
//! ```text
//!  open, close --> segments (stacks) --> track (retained) --+
//!                     |      `-> idle (shares)              v
//!                     |-------> phases, intervals <-- windows (what ran in one)
//!  cpu ----------> cpu_series (interpolated) -----------+   |
//!  sample -------> rails (cut to the run) ------------> rule (the split)
//!                                                           |
//!  estimate (of the whole run, or live, of the past) -> prices (placed by kind)
//!                                                           v
//!                       rows <-- report <-- conserve <-- ledger (totals)
//! ```
//!
//! Method `proportional`, version 2. Its limits: activations of one kind and thread
//! have one power within a window, by the CPU time used in them. If CPU time was not read
//! at the edges of spans, all activations of a thread have one power. A GPU's work is
//! placed by time, not by queue. Version 1 used no CPU times of parts of a window.
//!
//! Method `fitted` has two forms. Offline, the run is observed (`observe`), fitted
//! (`fit`, `estimate`) and replayed into an engine that uses the `prices`. Live
//! (`live`, `live_windows`), each window is priced by a model of the windows before it and
//! never revised.

mod activation;
mod baseline_cpu;
pub mod batches;
mod conserve;
mod coverage;
mod cpu_series;
mod device_use;
mod energy_curve;
mod engine;
pub mod estimate;
pub mod fit;
mod gaps;
mod idle;
mod idle_samples;
mod idle_test;
mod intervals;
mod kind_report;
mod kinds;
mod ledger;
mod live;
mod live_windows;
pub mod observe;
mod phases;
pub mod prices;
pub mod pricing;
mod processes;
mod rails;
mod report;
mod rule;
mod scatter;
mod segments;
mod set_energy;
mod split;
#[cfg(test)]
mod tests;
mod totals;
mod track;
mod unit;
mod warnings;
mod window_cpu;
mod windows;

pub use conserve::{balances, imbalance, remainder_j};
pub use engine::Engine;
pub use idle_samples::IdleSamples;
pub use idle_test::refuted_baselines;
pub use kinds::{Kind, KindNames, Kinds};
pub use report::{Finished, RailTotal};
pub use segments::Opened;

/// The method's name in tables.
pub const METHOD: &str = "proportional";
/// The method's version.
pub const VERSION: u32 = 2;
