//! Samples and options of a comparison.

use std::time::Duration;

use crate::moments::mean;

/// One run: the unit of all statistics here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunSample {
    /// Its value: J/token, J, or any other quantity where less is better. Only positive, finite
    /// values have a ratio.
    pub value: f64,
    /// Wall clock of its start, ns since 1970.
    pub start_unix_ns: i64,
    /// Wall clock of its end, ns since 1970.
    pub end_unix_ns: i64,
}

/// Statistical options.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComparisonOptions {
    /// Confidence level of intervals: 0.95. One minus this is also the rate of false verdicts,
    /// and of false discoveries among nodes.
    pub confidence: f64,
    /// Smallest relative difference that matters: 0.01 is 1 %.
    pub min_effect: f64,
    /// Relative standard deviation between sessions: 0.025 is 2.5 %. Assumed if the runs do not
    /// show it.
    pub session_sd: f64,
    /// Minimum pause between two sessions.
    pub session_gap: Duration,
}

impl Default for ComparisonOptions {
    fn default() -> Self {
        Self {
            confidence: 0.95,
            min_effect: 0.01,
            session_sd: 0.025,
            session_gap: Duration::from_secs(30 * 60),
        }
    }
}

impl ComparisonOptions {
    /// Returns the allowed error rate: one minus the confidence.
    pub(super) fn alpha(&self) -> f64 {
        1.0 - self.confidence
    }

    /// Returns the smallest difference that matters, as a logarithm.
    pub(super) fn min_ln_effect(&self) -> f64 {
        self.min_effect.max(0.0).ln_1p()
    }
}

/// Returns the geometric mean of the values; `None` if there are none, or if one is not
/// positive.
pub fn geometric_mean(samples: &[RunSample]) -> Option<f64> {
    Some(mean(&logarithms(samples)?)?.exp())
}

/// Returns the logarithms of the values; `None` if one of them has none.
pub(super) fn logarithms(samples: &[RunSample]) -> Option<Vec<f64>> {
    let ln = |sample: &RunSample| {
        let ln = sample.value.ln();
        ln.is_finite().then_some(ln)
    };
    samples.iter().map(ln).collect()
}
