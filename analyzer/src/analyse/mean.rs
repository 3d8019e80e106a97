//! Geometric means of runs with Student's interval.

use energy_statistics::compare::geometric_mean_interval;
use serde::Serialize;

/// A geometric mean with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MeanInterval {
    /// The mean.
    pub value: f64,
    /// Lower end of the interval; `None` with fewer than two values.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
}

/// Returns the geometric mean of positive values with an interval of this confidence, on the
/// logarithmic scale; `None` if there are no values or one is not positive.
pub fn mean_interval(values: &[f64], confidence: f64) -> Option<MeanInterval> {
    let found = geometric_mean_interval(values, confidence)?;
    let is_finite = |end: &f64| end.is_finite();
    Some(MeanInterval {
        value: found.mean,
        lo: found.interval.map(|(lo, _)| lo).filter(is_finite),
        hi: found.interval.map(|(_, hi)| hi).filter(is_finite),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_student_on_logarithms() {
        // Logarithms 0, 1, 2: mean 1, standard error 1 / sqrt(3), t(0.975, 2) = 4.302653.
        let values = [1.0, 1f64.exp(), 2f64.exp()];
        let mean = mean_interval(&values, 0.95).unwrap();
        assert!((mean.value - 1f64.exp()).abs() < 1e-12);
        let half = mean.hi.unwrap().ln() - 1.0;
        assert!((half - 4.302_653 / 3f64.sqrt()).abs() < 1e-5, "{half}");
        assert_eq!(mean_interval(&[2.0], 0.95).unwrap().lo, None);
        assert_eq!(mean_interval(&[2.0, 0.0], 0.95), None);
        assert_eq!(mean_interval(&[], 0.95), None);
    }
}
