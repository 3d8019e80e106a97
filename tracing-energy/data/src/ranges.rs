//! Sets of numbers in little memory: consecutive ones are one range.

use std::collections::BTreeMap;

/// Half-open ranges of numbers or times, by their starts.
#[derive(Debug, Clone, Default)]
pub struct Ranges(BTreeMap<i64, i64>);

impl Ranges {
    /// Adds `[start, end)`. A range without length still has its start.
    pub fn add(&mut self, start: i64, end: i64) {
        let mut end = end.max(start.saturating_add(1));
        let mut begin = start;
        if let Some((&first, &last)) = self.0.range(..=start).next_back()
            && last >= start
        {
            (begin, end) = (first, end.max(last));
        }
        while let Some((&next, &last)) = self.0.range(begin + 1..=end).next() {
            self.0.remove(&next);
            end = end.max(last);
        }
        self.0.insert(begin, end);
    }

    /// Returns whether a range contains the number.
    pub fn contains(&self, number: i64) -> bool {
        let before = self.0.range(..=number).next_back();
        before.is_some_and(|(_, end)| number < *end)
    }

    /// Returns the number of ranges.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no range.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Joins the first ranges until there are at most `most`, at least one. The numbers between them
    /// are contained afterwards.
    pub fn limit(&mut self, most: usize) {
        while self.0.len() > most.max(1) {
            let first = self.0.pop_first();
            let second = self.0.pop_first();
            if let (Some((start, _)), Some((_, end))) = (first, second) {
                self.0.insert(start, end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_contain_what_a_set_of_numbers_contains(
            windows in prop::collection::vec(0_i64..40, 0..60),
        ) {
            let mut ranges = Ranges::default();
            let mut set = BTreeSet::new();
            for at in windows {
                ranges.add(at * 10, at * 10 + 10);
                set.insert(at);
            }
            for at in 0..40 {
                prop_assert_eq!(ranges.contains(at * 10), set.contains(&at));
            }
            let gaps = set.iter().filter(|at| !set.contains(&(**at + 1))).count();
            prop_assert_eq!(ranges.len(), gaps);
        }
    }

    #[test]
    fn a_limit_joins_the_first_ranges() {
        let mut ranges = Ranges::default();
        for at in [0, 10, 20, 30] {
            ranges.add(at, at + 2);
        }
        ranges.limit(2);
        assert_eq!(ranges.len(), 2);
        assert!(ranges.contains(5) && ranges.contains(31));
        assert!(!ranges.contains(25));
    }
}
