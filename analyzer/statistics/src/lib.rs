//! Internal to tracing-energy, without a stability promise: statistics of measured energies.
//!
//! Plain numbers in, estimates with intervals out. No file, no clock, no thread. Random numbers
//! come from a fixed seed, so that equal input gives equal output.
//!
//! | module | question |
//! |---|---|
//! | [`mod@compare`] | do two sets of runs differ? |
//! | [`best`] | which level of a factor needs the least energy? |
//! | [`power_law`](mod@power_law) | with which exponent does energy grow with the parameters of a model? |
//! | [`hinge`] | from which context on does the energy per token rise faster? |
//! | [`prediction`] | what will a configuration cost that was not measured? |
//! | [`frontier`], [`knee`] | which configurations trade speed for energy, and where does it turn? |
//! | [`rank`], [`regression`] | which property of a model goes with its energy? |
//! | [`trend`](mod@trend) | does the energy drift over time? |
//! | [`distribution`] | what does one of many requests cost, and the dearest? |
//!
//! A configuration is the sample, not a run: repeats of a configuration show the noise of the
//! machine, but not how configurations scatter about a law. Energies have relative noise, so means
//! are geometric and residuals are logarithms. A question that the data cannot answer gets a
//! [`NotEstimable`] with the reason and the remedy.
//!
//! ```text
//! moments, student, least_squares, resampling, not_estimable
//!        ^                ^
//!     compare <- best   power_law, hinge, prediction, frontier, knee, rank, regression, trend,
//!                          distribution
//! ```

pub mod best;
pub mod compare;
pub mod configuration;
pub mod distribution;
pub mod estimate;
pub mod frontier;
pub mod hinge;
pub mod knee;
mod least_squares;
mod moments;
mod not_estimable;
pub mod power_law;
pub mod prediction;
pub mod rank;
pub mod regression;
mod resampling;
mod student;
pub mod trend;

pub use configuration::Configuration;
pub use estimate::IntervalEstimate;
pub use not_estimable::NotEstimable;
pub use power_law::{PowerLaw, power_law};
pub use resampling::RunPair;
pub use trend::{Trend, TrendPoint, trend};
