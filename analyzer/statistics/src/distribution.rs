//! Distribution of many values of one kind, such as the energies of requests.

use crate::estimate::IntervalEstimate;
use crate::moments::{at_rank, mean, variance};
use crate::student::quantile_of_two_tails;

/// Number of blocks of consecutive values: their means show how uncertain the overall mean is.
const BLOCKS: usize = 20;

/// Values by size.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Distribution {
    sorted: Vec<f64>,
}

impl Distribution {
    /// Sorts the values.
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { sorted: values }
    }

    /// Returns the quantile, by linear interpolation; `None` without values.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        at_rank(&self.sorted, 1.0 + share * (self.sorted.len() as f64 - 1.0))
    }

    /// Returns the largest value; `None` without values.
    pub fn max(&self) -> Option<f64> {
        self.sorted.last().copied()
    }
}

/// Returns the mean of values in the order of time, with its interval. Means of blocks of consecutive
/// values are compared, because neighbouring values are not independent: they share power windows.
/// `None` without values; the interval is unbounded for fewer than two.
pub fn mean_over_time(values: &[f64], confidence: f64) -> Option<IntervalEstimate> {
    let value = mean(values)?;
    let unbounded = IntervalEstimate {
        value,
        lo: None,
        hi: None,
        confidence,
    };
    let length = values.len().div_ceil(BLOCKS);
    let means: Vec<f64> = values.chunks(length).filter_map(mean).collect();
    let Some(variance) = variance(&means) else {
        return Some(unbounded);
    };
    let count = means.len() as f64;
    let t = quantile_of_two_tails(1.0 - confidence, count - 1.0);
    let half = t * (variance / count).sqrt();
    Some(IntervalEstimate::symmetric(value, half, confidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_sorted_values() {
        let of = |values: &[f64]| Distribution::new(values.to_vec());
        let five = of(&[5.0, 1.0, 3.0, 2.0, 4.0]);
        assert_eq!(five.quantile(0.5), Some(3.0));
        assert_eq!(five.quantile(0.9), Some(4.6));
        assert_eq!((five.quantile(0.0), five.max()), (Some(1.0), Some(5.0)));
        assert_eq!((of(&[]).quantile(0.5), of(&[]).max()), (None, None));
    }

    /// Values that are equal for a while: the interval by single values would be too narrow.
    #[test]
    fn intervals_of_dependent_values_are_wider() {
        let steps: Vec<f64> = (0..2_000).map(|at| f64::from(at / 100 % 2)).collect();
        let turns: Vec<f64> = (0..2_000).map(|at| f64::from(at % 2)).collect();
        let width = |values: &[f64]| mean_over_time(values, 0.9).unwrap().width().unwrap();
        assert!((mean_over_time(&steps, 0.9).unwrap().value - 0.5).abs() < 1e-12);
        assert!(width(&steps) > 0.3 && width(&turns) < 0.05);
        assert_eq!(mean_over_time(&[2.0], 0.9).unwrap().lo, None);
        assert_eq!(mean_over_time(&[], 0.9), None);
    }
}
