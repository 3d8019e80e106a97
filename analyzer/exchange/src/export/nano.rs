//! Rounds joules to whole nanojoules whose sum is the rounded sum.

/// Rounds numbers in sequence and carries the rounding error to the next one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Nanojoules {
    exact_j: f64,
    /// Compensation of the running sum's floating-point error (Kahan).
    compensation_j: f64,
    rounded: i64,
}

impl Nanojoules {
    /// Rounds the next number. The sum of all results differs from the exact sum by half a
    /// nanojoule at most.
    pub(super) fn next(&mut self, joules: f64) -> i64 {
        if !joules.is_finite() {
            return 0;
        }
        let add = joules - self.compensation_j;
        let sum = self.exact_j + add;
        self.compensation_j = (sum - self.exact_j) - add;
        self.exact_j = sum;
        let rounded = round(self.exact_j).saturating_sub(self.rounded);
        self.rounded += rounded;
        rounded
    }

    /// Returns the sum of all results.
    #[cfg_attr(not(feature = "parquet"), allow(dead_code))]
    pub(super) fn rounded(&self) -> i64 {
        self.rounded
    }
}

/// Rounds joules to the nearest nanojoule.
pub(super) fn round(joules: f64) -> i64 {
    (joules * 1e9).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_sum_is_the_rounded_sum(all in proptest::collection::vec(-1e-3..1.0_f64, 0..500)) {
            let mut nano = Nanojoules::default();
            let sum: i64 = all.iter().map(|joules| nano.next(*joules)).sum();
            let exact: f64 = all.iter().sum();
            proptest::prop_assert_eq!(sum, nano.rounded());
            proptest::prop_assert!((sum - round(exact)).abs() <= 1, "{} {}", sum, exact);
        }
    }
}
