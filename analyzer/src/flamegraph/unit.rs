//! Widths are whole numbers: which unit makes rounding disappear?

use super::options::Measure;

/// A unit of widths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unit {
    /// `uJ`, `ns`.
    pub(super) name: &'static str,
    /// How many make a joule or a second.
    pub(super) per_base: f64,
}

/// More would not fit whole numbers of a browser.
const MOST: f64 = 1e15;

impl Unit {
    /// The unit of which the total has a million to a milliard, where there is one.
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

    /// Whether a total can be drawn at all.
    pub(super) fn holds(self, total: f64) -> bool {
        total > 0.0 && total * self.per_base <= MOST && total * self.per_base >= 0.5
    }

    /// Whole numbers that sum to the whole total: each is the difference of two rounded
    /// sums, so that no number and no sum of neighbours is off by more than one.
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
        let name = |total| Unit::for_total(Measure::Energy, total).name;
        assert_eq!(
            [1e-9, 1e-6, 1e-3, 0.5, 1.0, 999.0, 1e3, 1e6, 1e12].map(name),
            ["pJ", "pJ", "nJ", "nJ", "uJ", "uJ", "mJ", "J", "J"]
        );
        assert_eq!(Unit::for_total(Measure::Time, 12.0).name, "us");
        assert_eq!(Unit::for_total(Measure::Time, 1e-9).name, "ns");
    }

    #[test]
    fn what_cannot_be_drawn_is_known() {
        let holds = |total| Unit::for_total(Measure::Energy, total).holds(total);
        assert!([1e-6, 1.0, 1e14].into_iter().all(holds));
        assert!(
            ![0.0, -1.0, 1e-13, f64::NAN, f64::INFINITY]
                .into_iter()
                .any(holds)
        );
    }

    #[test]
    fn rounding_does_not_add_up() {
        let unit = Unit {
            name: "J",
            per_base: 1.0,
        };
        let whole = unit.whole(std::iter::repeat_n(0.4, 1000));
        assert_eq!(whole.iter().sum::<u64>(), 400);
        assert!(whole.iter().all(|count| *count <= 1));
    }
}
