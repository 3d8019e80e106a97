//! Estimates the prices of an observed run: prepares the input of the fit (`fit_input`), and
//! converts its result into accounts of samples (`to_prices`).
//!
//! ```text
//! samples - others - profiler --+
//! pieces of time, by kind ------+-> fit -> energy of each kind in each sample
//! idle power, known powers -----+              |
//!                                              v
//!                   prices: idle + kinds + outside + others + profiler + residual
//!                           + unknown
//! ```
//!
//! Rails of one source share a clock, and therefore one offset. Modelled rails are a
//! function of CPU time, which a fit would only reproduce: they stay proportional, as does
//! every rail that the fit refuses.

mod fit_input;
mod to_prices;

use energy_data::Batched;
use energy_data::Kernel;
use energy_data::Prior;
use energy_data::rows::{BaselineRow, KindFitRow, RailRow, SampleRow};

pub use fit_input::scope;

use super::fit::{self, Method, SensorFit, Timeline};
use super::kinds::Kinds;
use super::observe::{SampleNonProgramEnergy, Scope};
use super::prices::Prices;

/// Version of the estimation methods.
pub const VERSION: u32 = 2;

/// Share of the variance of power that spans must explain on at least one rail. Below it
/// the samples do not determine the offset of the sensor's clock.
const MIN_RESOLVED_R2: f64 = 0.2;

/// Everything about a run that the estimate uses.
#[derive(Debug)]
pub struct ObservedRun {
    /// Rails of the run.
    pub rails: Vec<RailRow>,
    /// Samples, merged where readings came in batches.
    pub samples: Vec<SampleRow>,
    /// Rails whose samples were merged.
    pub batched: Vec<Batched>,
    /// Idle powers, measured or configured.
    pub baselines: Vec<BaselineRow>,
    /// Energies of samples that are not the program's.
    pub non_program: Vec<SampleNonProgramEnergy>,
    /// Kinds of the run's nodes.
    pub kinds: Kinds,
    /// Scopes whose activity was observed.
    pub scopes: Vec<Scope>,
    /// The timeline of each scope. Kind `k` has index `k - 1`; the process outside its spans
    /// has the last index.
    pub timelines: Vec<Timeline>,
    /// Whether CPU times were recorded.
    pub cpu_times: bool,
}

/// Options of an estimate.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EstimateOptions {
    /// Whether calibrations are used.
    pub method: Method,
    /// Names of the rails to estimate; empty means all.
    pub rails: Vec<String>,
    /// Sensor kernels by rail name, which replace the recorded ones.
    pub kernels: Vec<(String, Kernel)>,
    /// Offset of the sensor's clock; `None`: estimated.
    pub clock_offset_ns: Option<i64>,
    /// Known powers of kinds.
    pub known: Vec<Prior>,
    /// Results of earlier runs by rail name.
    pub pooled: Vec<(String, KindFitRow)>,
    /// Free text that is stored with the attribution.
    pub note: Option<String>,
}

/// The result of an estimate.
#[derive(Debug)]
pub struct Estimate {
    /// Accounts of every sample.
    pub prices: Prices,
    /// Powers of kinds, for the fits of later runs.
    pub fits: Vec<KindFitRow>,
}

/// Estimates the power of kinds on every rail that can be estimated.
pub fn estimate(observed: &ObservedRun, options: &EstimateOptions) -> Estimate {
    let mut builder = to_prices::PriceBuilder::new(observed, options);
    for source in fit_input::sources(observed, options) {
        let sensor = fit_input::Sensor::new(observed, options, &source);
        let fit_options = fit::FitOptions {
            method: options.method,
            fixed_offset_ns: options.clock_offset_ns,
            ..fit::FitOptions::default()
        };
        let mut fitted = sensor.fit(&fit_options);
        if options.clock_offset_ns.is_none() && is_unresolved(&fitted) {
            let at_zero = fit::FitOptions {
                fixed_offset_ns: Some(0),
                ..fit_options
            };
            fitted = sensor.fit(&at_zero);
        }
        builder.add(&sensor, fitted);
    }
    builder.finish()
}

/// Whether the samples do not determine the clock offset. The offset is then 0, as for
/// `proportional`, because a wrong one would cut samples off at the edges of the run.
fn is_unresolved(fitted: &SensorFit) -> bool {
    let mut rails = fitted.rails.iter().flatten();
    rails.all(|rail| rail.r2.is_none_or(|r2| r2 < MIN_RESOLVED_R2))
}
