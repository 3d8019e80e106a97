//! The sequence of an estimate: one fit for each source, twice if its clock is not determined.

use crate::estimate::fit_input::{SensorInput, sources};
use crate::estimate::observed::{EstimateOptions, EstimatedPrices, ObservedRun};
use crate::estimate::to_prices::PriceBuilder;
use crate::fit::{FitOptions, SensorFit};

/// Share of the variance of power that spans must explain on at least one rail. Below it
/// the samples do not determine the offset of the sensor's clock.
const MIN_RESOLVED_R2: f64 = 0.2;

/// Estimates the power of kinds on every rail that can be estimated.
pub fn estimate(observed: &ObservedRun, options: &EstimateOptions) -> EstimatedPrices {
    let mut builder = PriceBuilder::new(observed, options);
    for source in sources(observed, options) {
        let sensor = SensorInput::new(observed, options, &source);
        let fit_options = FitOptions {
            method: options.method,
            fixed_clock_offset_ns: options.clock_offset_ns,
            ..FitOptions::default()
        };
        let mut fitted = sensor.fit(&fit_options);
        if options.clock_offset_ns.is_none() && is_unresolved(&fitted) {
            let at_zero = FitOptions {
                fixed_clock_offset_ns: Some(0),
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
