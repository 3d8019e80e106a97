//! Estimates the power of each kind of work from the energy of many samples. Pure and
//! deterministic: the same inputs give the same numbers on the same machine.
//!
//! ```text
//! pieces --> timeline --> design: seconds of each kind per window --+
//!                                                                   v
//! windows --> offset (where they fit best) --> alpha --> solve <--> noise, drift
//!                                                          |  <---- prior
//!                            gate (may the fit be trusted?) +
//!                                                          v
//!                       report <-- shares (every joule), groups, intervals
//! ```
//!
//! The model of one window: `energy = idle * length + sum of seconds * power + noise`.
//! A kind's seconds are those of its spans' own time, each moment times `n^(alpha - 1)`
//! while n spans run. Powers are log-normal around a common level, with a level per
//! parent kind, and around a calibration or earlier runs if available. Their spread, the
//! size and correlation of the noise, the offset between the clocks and `alpha` are all
//! estimated from the same samples by their likelihood.
//!
//! # Limits
//!
//! - If every sample contains the same mix of kinds, the samples do not separate them. The
//!   gate predicts each block of samples from all others. If that is no better than levels
//!   alone, shares are proportional to time (or to calibrated powers), with a warning. The
//!   gate is a margin, not a guarantee.
//! - Kinds that run in a fixed proportion have a total, not a split: see [`GroupFit`].
//! - Without samples free of spans, idle power is a guess.
//! - An instance gets its kind's mean power and differs by its length only, unless it covers
//!   several samples.
//! - Time within a slot of the timeline (0.25 ms by default) counts as spread evenly.
//! - If spans of several parents overlap in time, levels per parent are left out, because
//!   they cannot be separated.

mod columns;
mod design;
mod drift;
mod driver;
mod energies;
mod fitted_rail;
mod gate;
mod gram;
mod groups;
mod input;
mod noise;
mod offset;
mod outcome;
mod prior;
mod quarters;
mod rail;
mod report;
mod shares;
mod solve;
#[cfg(test)]
mod tests;
mod timeline;
mod windows;

pub use driver::fit;
pub use input::{
    CalibratedPrior, FitKernel, FitMethod, FitOptions, FitSensor, FitWindow, KindInfo, KnownIdle,
    PooledPrior, RailInput,
};
pub use outcome::{
    FitBasis, FitWarning, GroupFit, KindFit, RailOutcome, Refusal, SensorFit, WindowFit,
};
pub use timeline::{Timeline, TimelineBuilder};
