//! Means, variances, quantiles and logarithms of plain numbers.

use crate::not_estimable::NotEstimable;

/// Returns the mean; `None` if there are no values.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Returns the sample variance; `None` for fewer than two values.
pub(crate) fn variance(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (values.len() > 1).then(|| squares.sum::<f64>() / (values.len() - 1) as f64)
}

/// Returns the logarithm of a value that has to be positive and finite.
pub(crate) fn ln(value: f64) -> Result<f64, NotEstimable> {
    let ln = value.ln();
    match ln.is_finite() {
        true => Ok(ln),
        false => Err(NotEstimable::NotPositive { value }),
    }
}

/// Returns the logarithms of values that have to be positive and finite.
pub(crate) fn logarithms(values: &[f64]) -> Result<Vec<f64>, NotEstimable> {
    values.iter().map(|value| ln(*value)).collect()
}

/// Returns the value with rank `rank` (from one) of sorted values, interpolated between
/// neighbours; `None` if the rank is outside of them or the value is infinite.
pub(crate) fn at_rank(sorted: &[f64], rank: f64) -> Option<f64> {
    let below = rank.floor();
    if below < 1.0 || rank > sorted.len() as f64 {
        return None;
    }
    let low = *sorted.get(below as usize - 1)?;
    let part = rank - below;
    let value = match part > 0.0 {
        true => low + part * (sorted.get(below as usize)? - low),
        false => low,
    };
    value.is_finite().then_some(value)
}

/// Returns the quantile of values in any order, by linear interpolation between the smallest and
/// the largest; `None` if there are none.
pub(crate) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    at_rank(&sorted, 1.0 + share * (sorted.len() as f64 - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_interpolated_within_the_values_only() {
        let sorted = [1.0, 2.0, 4.0, f64::INFINITY];
        assert_eq!(at_rank(&sorted, 1.0), Some(1.0));
        assert_eq!(at_rank(&sorted, 2.5), Some(3.0));
        assert_eq!(at_rank(&sorted, 3.0), Some(4.0));
        assert_eq!(at_rank(&sorted, 3.1), None);
        assert_eq!(at_rank(&sorted, 0.9), None);
        assert_eq!(at_rank(&sorted, 4.1), None);
    }

    #[test]
    fn the_median_of_an_even_count_is_between_the_middle_values() {
        assert_eq!(quantile(&[4.0, 1.0, 2.0, 8.0], 0.5), Some(3.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
