//! Sums of values that may be unknown.

/// Returns the sum, or `None` if a part is unknown or there are no parts.
pub fn sum_known(parts: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let mut total = None;
    for part in parts {
        total = Some(total.unwrap_or(0.0) + part?);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::sum_known;

    #[test]
    fn one_unknown_part_makes_the_sum_unknown() {
        assert_eq!(sum_known([Some(1.0), Some(2.0)]), Some(3.0));
        assert_eq!(sum_known([Some(1.0), None]), None);
        assert_eq!(sum_known([]), None);
    }
}
