//! A number with its interval.

use serde::Serialize;

/// An estimate and the ends of its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct IntervalEstimate {
    /// The estimate.
    pub value: f64,
    /// Lower end of the interval; `None` if the data do not bound it.
    pub lo: Option<f64>,
    /// Upper end; `None` if the data do not bound it.
    pub hi: Option<f64>,
    /// Confidence level of the interval: 0.95 is 95 %.
    pub confidence: f64,
}

impl IntervalEstimate {
    /// Returns an estimate with a symmetric interval.
    pub(crate) fn symmetric(value: f64, half: f64, confidence: f64) -> Self {
        Self {
            value,
            lo: Some(value - half),
            hi: Some(value + half),
            confidence,
        }
    }

    /// Returns the exponentials of an estimate on the logarithmic scale; ends that are not finite
    /// are unbounded.
    pub(crate) fn exp(self) -> Self {
        let end = |ln: Option<f64>| ln.map(f64::exp).filter(|end| end.is_finite());
        Self {
            value: self.value.exp(),
            lo: end(self.lo),
            hi: end(self.hi),
            confidence: self.confidence,
        }
    }

    /// Returns whether the interval contains a value. An end that is `None` excludes nothing.
    pub fn contains(&self, value: f64) -> bool {
        self.lo.is_none_or(|lo| lo <= value) && self.hi.is_none_or(|hi| value <= hi)
    }

    /// Returns the width of the interval; `None` if an end is unbounded.
    pub fn width(&self) -> Option<f64> {
        Some(self.hi? - self.lo?)
    }
}
