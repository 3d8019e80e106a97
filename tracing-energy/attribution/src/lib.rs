//! Internal to tracing-energy, without a stability promise: divides measured energy among spans
//! and processes. Pure: no clock, no I/O, no threads. Depends on `energy-data` only.
//!
//! [`Engine`] receives spans, CPU times and samples as they arrive, and returns rows of the
//! ledger as windows close. `fit` estimates the power of kinds, `estimate` turns estimates into
//! [`prices`], [`observe`] prepares their input. The same inputs give the same numbers, bit for
//! bit: times are integers, sums run in the order of time and of ids, and a window closes only
//! when all its inputs have arrived.
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
//! Method `fitted` has two forms. After a run, the run is observed, fitted and replayed into an
//! engine that uses the prices. During a run, each window uses prices of the windows before it
//! and is never revised.

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
pub mod ended;
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
