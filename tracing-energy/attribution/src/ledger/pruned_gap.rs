//! The part of an open gap in which spans were dropped already.

use std::collections::BTreeMap;

use crate::spans::phases::Sets;

/// Times of sets in the dropped part of a gap.
#[derive(Debug, Default)]
pub(crate) struct PrunedGap {
    /// End of that part.
    pub(crate) until: i64,
    /// Time of each set.
    pub(crate) times: BTreeMap<u32, i64>,
}

impl PrunedGap {
    /// Adds the times of sets in `[from, to)`.
    pub(crate) fn add(&mut self, sets: &Sets, from: i64, to: i64) {
        for (set, ns) in sets.cut(from, to) {
            *self.times.entry(set).or_default() += ns;
        }
    }

    /// Removes the time after `start`, which a late window covers, from a gap of
    /// `[from, known)`.
    pub(crate) fn shorten(&mut self, from: i64, known: i64, start: i64) {
        if start >= known {
            return;
        }
        let part = (start - from) as f64 / (known - from) as f64;
        let times = self.times.values_mut();
        times.for_each(|ns| *ns = (*ns as f64 * part) as i64);
    }
}
