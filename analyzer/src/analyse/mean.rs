//! Geometric means of runs with Student's interval.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

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
    let logarithms: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    if logarithms.is_empty() || logarithms.iter().any(|ln| !ln.is_finite()) {
        return None;
    }
    let count = logarithms.len() as f64;
    let mean = logarithms.iter().sum::<f64>() / count;
    let half = half_width(&logarithms, mean, confidence);
    let end = |sign: f64| Some((mean + sign * half?).exp()).filter(|end| end.is_finite());
    Some(MeanInterval {
        value: mean.exp(),
        lo: end(-1.0),
        hi: end(1.0),
    })
}

fn half_width(logarithms: &[f64], mean: f64, confidence: f64) -> Option<f64> {
    let count = logarithms.len() as f64;
    if count < 2.0 {
        return None;
    }
    let squares: f64 = logarithms.iter().map(|ln| (ln - mean).powi(2)).sum();
    let error = (squares / (count - 1.0) / count).sqrt();
    let student = StudentsT::new(0.0, 1.0, count - 1.0).ok()?;
    Some(student.inverse_cdf(0.5 + confidence / 2.0) * error)
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
