//! Samples and options of a comparison.

use std::time::Duration;

use crate::moments::{mean, variance};
use crate::student::quantile_of_two_tails;

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

/// Returns the geometric mean of the values with its interval by Student's distribution of their
/// logarithms; the interval is `None` for fewer than two values. `None` if there are no values, or
/// if one is not positive.
pub fn geometric_mean_interval(values: &[f64], confidence: f64) -> Option<GeometricMean> {
    let ln: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    if ln.iter().any(|ln| !ln.is_finite()) {
        return None;
    }
    let middle = mean(&ln)?;
    let interval = variance(&ln).map(|variance| {
        let count = ln.len() as f64;
        let t = quantile_of_two_tails(1.0 - confidence, count - 1.0);
        let half = t * (variance / count).sqrt();
        ((middle - half).exp(), (middle + half).exp())
    });
    Some(GeometricMean {
        mean: middle.exp(),
        interval,
    })
}

/// A geometric mean and its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeometricMean {
    /// The mean.
    pub mean: f64,
    /// Lower and upper end; `None` if one value does not show its scatter.
    pub interval: Option<(f64, f64)>,
}

/// Returns the logarithms of the values; `None` if one of them has none.
pub(super) fn logarithms(samples: &[RunSample]) -> Option<Vec<f64>> {
    let ln = |sample: &RunSample| {
        let ln = sample.value.ln();
        ln.is_finite().then_some(ln)
    };
    samples.iter().map(ln).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_means_are_those_of_textbooks() {
        // t for two degrees of freedom and 95 % is 4.302653.
        let found = geometric_mean_interval(&[1.0, std::f64::consts::E, 1.0], 0.95).unwrap();
        let (middle, half) = (1.0 / 3.0, 4.302_653 * (1.0_f64 / 9.0).sqrt());
        let (lo, hi) = found.interval.unwrap();
        assert!((found.mean.ln() - middle).abs() < 1e-12);
        assert!((lo.ln() - (middle - half)).abs() < 1e-5, "{lo}");
        assert!((hi.ln() - (middle + half)).abs() < 1e-5, "{hi}");
        assert_eq!(
            geometric_mean_interval(&[2.0], 0.95).unwrap().interval,
            None
        );
        let same = geometric_mean_interval(&[2.0, 2.0], 0.95).unwrap();
        assert_eq!(same.interval.map(|(lo, hi)| hi - lo), Some(0.0));
        for wrong in [&[][..], &[1.0, 0.0], &[-1.0], &[f64::NAN]] {
            assert_eq!(geometric_mean_interval(wrong, 0.95), None);
        }
    }
}
