//! Rounds joules to nanojoules so that parts sum to their total exactly.

/// Relative difference between a total and the sum of its parts that rounding of floating-point
/// numbers explains.
const ROUNDING: f64 = 1e-8;
/// The same for totals near zero, in joules.
const ROUNDING_J: f64 = 1e-6;

/// Rounds joules to nanojoules; `None` if the number is not finite or does not fit.
pub fn nanojoules(joules: f64) -> Option<i64> {
    let rounded = (joules * 1e9).round();
    // 2^63 is a floating-point number, i64::MAX is not.
    let limit = 9_223_372_036_854_775_808.0;
    (rounded > -limit && rounded < limit).then_some(rounded as i64)
}

/// Returns whether `parts` sum to `total_j` except for rounding.
pub fn is_sum(total_j: f64, parts: impl IntoIterator<Item = f64>) -> bool {
    let (mut sum, mut size) = (0.0, total_j.abs());
    for part in parts {
        sum += part;
        size += part.abs();
    }
    // Negated so that a NaN is a difference.
    (total_j - sum).abs() <= ROUNDING * size + ROUNDING_J
}

/// Rounds `parts_j` to nanojoules that sum to `total_nj`: each is rounded down, and the largest
/// remainders are rounded up. What then differs is rounding of floating-point sums, and is added to
/// the largest part. `None` if a part is unknown.
///
/// ```text
/// total 10   parts 3.4  3.3  3.3     down 3 3 3     largest remainder: 4 3 3
/// ```
pub fn apportion(total_nj: i64, parts_j: &[f64]) -> Option<Vec<i64>> {
    let floors: Option<Vec<i64>> = parts_j.iter().copied().map(floor).collect();
    let mut parts = floors?;
    let sum: i128 = parts.iter().copied().map(i128::from).sum();
    let missing = i128::from(total_nj) - sum;
    let units = missing.clamp(0, parts.len() as i128);
    let mut order: Vec<usize> = (0..parts.len()).collect();
    let remainder = |at: &usize| parts_j[*at] * 1e9 - (parts_j[*at] * 1e9).floor();
    // Stable: equal remainders in their order.
    order.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)));
    for &at in order.iter().take(usize::try_from(units).ok()?) {
        parts[at] = parts[at].checked_add(1)?;
    }
    let unexplained = i64::try_from(missing - units).ok()?;
    let largest = |at: &usize| parts_j[*at].abs();
    let at = (0..parts.len()).max_by(|a, b| largest(a).total_cmp(&largest(b)).then(b.cmp(a)));
    match at {
        Some(at) => parts[at] = parts[at].checked_add(unexplained)?,
        None if unexplained != 0 => return None,
        None => {}
    }
    Some(parts)
}

fn floor(joules: f64) -> Option<i64> {
    let down = (joules * 1e9).floor();
    (down.abs() < 9.0e18).then_some(down as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unknown_energies_are_refused() {
        assert_eq!(nanojoules(f64::NAN), None);
        assert_eq!(nanojoules(f64::INFINITY), None);
        assert_eq!(nanojoules(1e10), None);
        assert_eq!(nanojoules(-0.25e-9), Some(0));
        assert_eq!(apportion(1, &[f64::NAN]), None);
        assert_eq!(apportion(5, &[]), None);
        assert_eq!(apportion(0, &[]), Some(vec![]));
        assert!(!is_sum(f64::NAN, [1.0]));
    }

    #[test]
    fn largest_remainders_are_rounded_up() {
        assert_eq!(
            apportion(10, &[3.4e-9, 3.3e-9, 3.3e-9]),
            Some(vec![4, 3, 3])
        );
        assert_eq!(apportion(-2, &[-2.5e-9, 0.6e-9]), Some(vec![-3, 1]));
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_total_and_differ_by_one_at_most(
            parts in prop::collection::vec(-1e-3..5.0_f64, 1..200),
        ) {
            let total = parts.iter().sum::<f64>();
            prop_assert!(is_sum(total, parts.iter().copied()));
            let total = nanojoules(total).unwrap();
            let rounded = apportion(total, &parts).unwrap();
            prop_assert_eq!(rounded.iter().sum::<i64>(), total);
            for (rounded, exact) in rounded.iter().zip(&parts) {
                prop_assert!((*rounded as f64 - exact * 1e9).abs() <= 1.5);
            }
        }
    }
}
