//! Means, variances and shares in f64.

use candle_core::{DType, Tensor};

use crate::error::Result;

/// Returns the numbers of a tensor.
pub(super) fn numbers(x: &Tensor) -> Result<Vec<f32>> {
    Ok(x.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?)
}

/// Returns the share of numbers for which `is_in` holds, `None` without numbers.
pub(super) fn share(numbers: &[f32], is_in: impl Fn(f32) -> bool) -> Option<f64> {
    let count = numbers.iter().filter(|x| is_in(**x)).count();
    (!numbers.is_empty()).then(|| count as f64 / numbers.len() as f64)
}

/// Returns the share of numbers closer to 0 than the threshold.
pub(super) fn share_below(numbers: &[f32], threshold: f32) -> Option<f64> {
    share(numbers, |x| x.abs() < threshold)
}

/// Returns the largest number; NaN if one is.
pub(super) fn largest(numbers: impl IntoIterator<Item = f32>) -> f32 {
    let larger = |most: f32, x: f32| match x.is_nan() || x > most {
        true if !most.is_nan() => x,
        _ => most,
    };
    numbers.into_iter().fold(0.0, larger)
}

/// Returns the sum of squared differences from the mean.
pub(super) fn squares(numbers: &[f32]) -> f64 {
    let mean = numbers.iter().map(|x| f64::from(*x)).sum::<f64>() / numbers.len() as f64;
    let square = |x: &f32| (f64::from(*x) - mean).powi(2);
    numbers.iter().map(square).sum()
}

/// Mean of numbers that are added one by one.
#[derive(Debug, Default)]
pub(super) struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    /// Adds a number.
    pub(super) fn add(&mut self, number: f64) {
        self.sum += number;
        self.count += 1;
    }

    /// Returns the mean, `None` without numbers.
    pub(super) fn get(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

impl FromIterator<f64> for Mean {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Self {
        let mut mean = Self::default();
        numbers.into_iter().for_each(|number| mean.add(number));
        mean
    }
}

#[cfg(test)]
mod tests {
    use super::largest;

    #[test]
    fn the_largest_of_unknown_numbers_is_unknown() {
        assert_eq!(largest([1.0, 3.0, 2.0]), 3.0);
        for numbers in [
            [f32::NAN, 1.0, 2.0],
            [1.0, f32::NAN, 2.0],
            [1.0, 2.0, f32::NAN],
        ] {
            assert!(largest(numbers).is_nan());
        }
    }
}
