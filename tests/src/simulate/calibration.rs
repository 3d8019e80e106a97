//! Powers of kinds measured beforehand, one kind at a time, as a calibration would
//! have them: all wrong by a common factor, each by its own measuring error and by a
//! mismatch between measuring and running.

use std::collections::BTreeMap;

use super::SimulatedTrace;
use super::draws::{Draws, Purpose};
use super::trace::SimulatedRail;

/// Kinds that hold others and cannot be run alone.
const CONTAINERS: [&str; 8] = [
    "run", "prefill", "decode", "token", "p.layer", "d.layer", "request", "step",
];

/// Errors of a calibration; all are standard deviations of the logarithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationErrors {
    /// Common to all kinds (such as a clock frequency).
    pub shift_sd: f64,
    /// Of each kind, known to the method.
    pub measuring_sd: f64,
    /// Of each kind: difference between running and measuring.
    pub mismatch_sd: f64,
    /// The mismatch that the method assumes.
    pub assumed_mismatch_sd: f64,
    /// Added to the logarithm of about half of the kinds, unknown to the method.
    pub half_raised_by: f64,
}

impl CalibrationErrors {
    /// The usual errors with a mismatch that the method knows.
    #[must_use]
    pub fn with_mismatch(mismatch_sd: f64) -> Self {
        Self {
            shift_sd: 0.10,
            measuring_sd: 0.04,
            mismatch_sd,
            assumed_mismatch_sd: mismatch_sd,
            half_raised_by: 0.0,
        }
    }
}

/// A kind's calibrated power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibratedPower {
    /// Power above idle while it runs, W.
    pub watts: f64,
    /// Standard deviation of its logarithm that the method assumes, without the shift.
    pub relative_sd: f64,
}

/// Calibrated powers of one rail's kinds, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct TrueCalibration {
    /// The rail it is of.
    pub rail: SimulatedRail,
    /// Kinds that were measured; containers never are.
    pub powers: BTreeMap<String, CalibratedPower>,
}

impl TrueCalibration {
    /// Draws a calibration of `rail` from the trace's true powers and its seed.
    #[must_use]
    pub fn draw(trace: &SimulatedTrace, rail: SimulatedRail, errors: CalibrationErrors) -> Self {
        let part = (errors.mismatch_sd * 1e3).round() as u64 * 4 + rail as u64;
        let mut draws = Draws::new(trace.seed, Purpose::Calibration, part << 8);
        let shift = errors.shift_sd * draws.normal();
        let relative_sd = errors.measuring_sd.hypot(errors.assumed_mismatch_sd);
        let mut powers = BTreeMap::new();
        for (kind, by_rail) in &trace.truth.powers_w {
            let own = errors.measuring_sd * draws.normal() + errors.mismatch_sd * draws.normal();
            let raised = f64::from(draws.chance(0.5)) * errors.half_raised_by;
            let true_w = by_rail
                .get(&rail)
                .filter(|_| !CONTAINERS.contains(&kind.as_str()));
            if let Some(true_w) = true_w {
                let watts = true_w * (shift + own + raised).exp();
                powers.insert(kind.clone(), CalibratedPower { watts, relative_sd });
            }
        }
        Self { rail, powers }
    }
}
