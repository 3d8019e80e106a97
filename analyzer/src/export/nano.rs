//! Joules as whole nanojoules whose sum is the rounded sum.

/// Rounds one number after the other; what was rounded off so far goes to the next one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Nanojoules {
    exact_j: f64,
    /// What rounding of sums has lost (Kahan).
    lost_j: f64,
    given: i64,
}

impl Nanojoules {
    /// The next one. All that were given differ from the sum by half a nanojoule at most.
    pub(super) fn next(&mut self, joules: f64) -> i64 {
        if !joules.is_finite() {
            return 0;
        }
        let add = joules - self.lost_j;
        let sum = self.exact_j + add;
        self.lost_j = (sum - self.exact_j) - add;
        self.exact_j = sum;
        let given = round(self.exact_j).saturating_sub(self.given);
        self.given += given;
        given
    }

    /// The sum of all that were given.
    #[cfg_attr(not(feature = "parquet"), allow(dead_code))]
    pub(super) fn given(&self) -> i64 {
        self.given
    }
}

/// The nearest number of nanojoules.
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
            let given: i64 = all.iter().map(|joules| nano.next(*joules)).sum();
            let exact: f64 = all.iter().sum();
            proptest::prop_assert_eq!(given, nano.given());
            proptest::prop_assert!((given - round(exact)).abs() <= 1, "{} {}", given, exact);
        }
    }
}
