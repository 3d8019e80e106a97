//! Unit of the integer widths, chosen to hide rounding.

use super::options::Measure;

/// A unit of widths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WidthUnit {
    /// `uJ`, `ns`.
    pub(super) name: &'static str,
    /// Units per joule or second.
    pub(super) per_base: f64,
}

/// Larger counts exceed the exact integers of a browser.
const MAX_COUNT: f64 = 1e15;

impl WidthUnit {
    /// Returns the largest unit in which the total is at least a million, or the smallest one.
    pub(super) fn for_total(measure: Measure, total: f64) -> Self {
        let steps: &[(&'static str, f64)] = match measure {
            Measure::Energy => &[
                ("J", 1.0),
                ("mJ", 1e3),
                ("uJ", 1e6),
                ("nJ", 1e9),
                ("pJ", 1e12),
            ],
            Measure::Time => &[("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)],
        };
        let enough = steps.iter().find(|(_, per_base)| total * per_base >= 1e6);
        let smallest = steps[steps.len() - 1];
        let (name, per_base) = *enough.unwrap_or(&smallest);
        Self { name, per_base }
    }

    /// Returns whether a total can be drawn.
    pub(super) fn can_draw(self, total: f64) -> bool {
        total > 0.0 && total * self.per_base <= MAX_COUNT && total * self.per_base >= 0.5
    }

    /// Rounds amounts to integers that sum to the rounded total: each is the difference of two
    /// rounded cumulative sums, so no number and no sum of neighbours is off by more than one.
    pub(super) fn whole(self, amounts: impl Iterator<Item = f64>) -> Vec<u64> {
        let (mut sum, mut before) = (0.0, 0);
        let mut next = |amount: f64| {
            sum += amount * self.per_base;
            let now = sum.round() as u64;
            let whole = now.saturating_sub(before);
            before = now;
            whole
        };
        amounts.map(&mut next).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_grow_with_the_total() {
        let name = |total| WidthUnit::for_total(Measure::Energy, total).name;
        assert_eq!(
            [1e-9, 1e-6, 1e-3, 0.5, 1.0, 999.0, 1e3, 1e6, 1e12].map(name),
            ["pJ", "pJ", "nJ", "nJ", "uJ", "uJ", "mJ", "J", "J"]
        );
        assert_eq!(WidthUnit::for_total(Measure::Time, 12.0).name, "us");
        assert_eq!(WidthUnit::for_total(Measure::Time, 1e-9).name, "ns");
    }

    #[test]
    fn totals_that_cannot_be_drawn_are_rejected() {
        let can_draw = |total| WidthUnit::for_total(Measure::Energy, total).can_draw(total);
        assert!([1e-6, 1.0, 1e14].into_iter().all(can_draw));
        assert!(
            ![0.0, -1.0, 1e-13, f64::NAN, f64::INFINITY]
                .into_iter()
                .any(can_draw)
        );
    }

    #[test]
    fn rounding_errors_do_not_accumulate() {
        let unit = WidthUnit {
            name: "J",
            per_base: 1.0,
        };
        let whole = unit.whole(std::iter::repeat_n(0.4, 1000));
        assert_eq!(whole.iter().sum::<u64>(), 400);
        assert!(whole.iter().all(|count| *count <= 1));
    }
}
