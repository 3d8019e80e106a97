//! Estimates the prices of an observed run: prepares the input of the fit (`fit_input`), and
//! converts its result into accounts of samples (`to_prices`).
//!
//! ```text
//! samples - other processes - profiler --+
//! pieces of time, by kind ---------------+-> fit -> energy of each kind in each sample
//! idle power, known powers --------------+              |
//!                                                       v
//!                   prices: idle + kinds + unattributed + other processes + profiler
//!                           + residual + unknown
//! ```
//!
//! Rails of one source share a clock, and therefore one offset. Modelled rails are a
//! function of CPU time, which a fit would only reproduce: they stay proportional, as does
//! every rail that the fit refuses.

mod fit_input;
mod observed;
mod solve;
mod to_prices;

pub use fit_input::scope;
pub use observed::{EstimateOptions, EstimatedPrices, ObservedRun};
pub use solve::estimate;
