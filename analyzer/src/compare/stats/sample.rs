//! What is compared, and how strictly.

use std::time::Duration;

/// One run: the unit of all statistics here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Its figure: J/token or J, or anything else of which less is better. Only
    /// positive, finite figures have a ratio.
    pub value: f64,
    /// Wall clock of its start, ns since 1970.
    pub start_unix_ns: i64,
    /// Wall clock of its end, ns since 1970.
    pub end_unix_ns: i64,
}

/// How strictly sides are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Part of intervals that hold the true ratio: 0.95. One less this is also the
    /// rate of false verdicts, and of false discoveries among nodes.
    pub confidence: f64,
    /// Differences up to this part do not matter: 0.01 is 1 %.
    pub min_effect: f64,
    /// Standard deviation of what all runs of one session have in common, as a part:
    /// 0.025 is 2.5 %, which is supposed where it cannot be seen from the runs.
    pub session_sd: f64,
    /// A pause longer than this ends a session.
    pub session_gap: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            confidence: 0.95,
            min_effect: 0.01,
            session_sd: 0.025,
            session_gap: Duration::from_secs(30 * 60),
        }
    }
}

impl Options {
    /// Rate of errors that is allowed: one less the confidence.
    pub(super) fn alpha(&self) -> f64 {
        1.0 - self.confidence
    }

    /// The least difference that matters, on the scale of logarithms.
    pub(super) fn least(&self) -> f64 {
        self.min_effect.max(0.0).ln_1p()
    }
}

/// The geometric mean of the figures; none where one of them is not positive, or
/// where there are none.
pub fn geometric_mean(samples: &[Sample]) -> Option<f64> {
    Some(mean(&logarithms(samples)?)?.exp())
}

/// Logarithms of the figures; none where one of them has none.
pub(super) fn logarithms(samples: &[Sample]) -> Option<Vec<f64>> {
    let ln = |sample: &Sample| {
        let ln = sample.value.ln();
        ln.is_finite().then_some(ln)
    };
    samples.iter().map(ln).collect()
}

/// The mean; none of nothing.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The variance that `values` estimate of what they are drawn from; none of fewer
/// than two.
pub(super) fn variance(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (values.len() > 1).then(|| squares.sum::<f64>() / (values.len() - 1) as f64)
}
