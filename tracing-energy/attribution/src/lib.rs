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
//! open, close --> spans (stacks, phases) --+
//! cpu, device use --> series --------------+--> window builder: one view per window
//! sample --> queue (cut to the run) -------+           |
//!                                                      v
//!     proportional (rule) | estimated (prices) | live (prices of the past)
//!                                                      | one allocation per window
//!                                                      v
//!                    rows <-- report <-- ledger: sums, sets of phases, intervals
//! ```
//!
//! Method `proportional`, version 2. Its limits: activations of one kind and thread
//! have one power within a window, by the CPU time used in them. If CPU time was not read
//! at the edges of spans, all activations of a thread have one power. A GPU's work is
//! placed by time, not by queue. Version 1 used no CPU times of parts of a window.
//!
//! Method `fitted` has two forms. Offline, the run is observed (`observe`), fitted
//! (`fit`, `estimate`) and replayed into an engine that uses the `prices`. Live
//! (`allocate::live`), each window is priced by a model of the windows before it and
//! never revised.

#![cfg_attr(
    not(feature = "fit"),
    allow(
        dead_code,
        reason = "estimates use what the method proportional does not"
    )
)]

mod allocate;
pub mod batches;
mod conserve;
mod cpu;
mod engine;
#[cfg(feature = "fit")]
pub mod estimate;
#[cfg(feature = "fit")]
pub mod fit;
mod idle_power;
mod idle_samples;
mod kinds;
mod ledger;
pub mod observe;
mod pipeline;
pub mod prices;
pub mod pricing;
mod report;
mod spans;
mod stats;
#[cfg(test)]
mod tests;
mod windows;

pub use allocate::proportional::{METHOD, VERSION};
pub use conserve::{balances, imbalance, remainder_j};
pub use engine::Engine;
pub use idle_power::refuted_baselines;
pub use idle_samples::IdleSamples;
pub use kinds::{Kind, KindNames, Kinds};
pub use report::finished::{Finished, RailTotal};
pub use spans::segments::Opened;
