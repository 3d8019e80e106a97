//! Windows that were read long ago, in little memory: consecutive ones are one range.

use std::collections::BTreeMap;

/// Ranges of time by their starts. Windows of one rail do not overlap, so that a window that starts
/// inside a range is part of it.
#[derive(Debug, Clone, Default)]
pub(super) struct StartRanges(BTreeMap<i64, i64>);

impl StartRanges {
    /// Adds a window.
    pub(super) fn add(&mut self, start_ns: i64, end_ns: i64) {
        // A window without length still has its start.
        let mut end_ns = end_ns.max(start_ns.saturating_add(1));
        let mut begin_ns = start_ns;
        if let Some((&first, &last)) = self.0.range(..=start_ns).next_back()
            && last >= start_ns
        {
            (begin_ns, end_ns) = (first, end_ns.max(last));
        }
        while let Some((&next, &last)) = self.0.range(begin_ns + 1..=end_ns).next() {
            self.0.remove(&next);
            end_ns = end_ns.max(last);
        }
        self.0.insert(begin_ns, end_ns);
    }

    /// Returns whether a window that starts then was added.
    pub(super) fn contains(&self, start_ns: i64) -> bool {
        let before = self.0.range(..=start_ns).next_back();
        before.is_some_and(|(_, end_ns)| start_ns < *end_ns)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_contain_what_a_set_of_windows_contains(
            windows in prop::collection::vec(0_i64..40, 0..60),
        ) {
            let mut ranges = StartRanges::default();
            let mut set = BTreeSet::new();
            for at in windows {
                ranges.add(at * 10, at * 10 + 10);
                set.insert(at);
            }
            for at in 0..40 {
                prop_assert_eq!(ranges.contains(at * 10), set.contains(&at));
            }
            let gaps = set.iter().filter(|at| !set.contains(&(**at + 1))).count();
            prop_assert_eq!(ranges.0.len(), gaps);
        }
    }
}
