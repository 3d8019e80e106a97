//! Pulses: artificial windows in which an observed run is read, as often as CPU times are read.
//!
//! ```text
//! pulse    |--50 ms--|--50 ms--|--|--50 ms--|      cut where rows are fetched
//! ```

use std::collections::VecDeque;

/// Length of a pulse: the interval at which CPU times are read.
const PULSE_NS: i64 = 50_000_000;

/// Pulses that were not read yet, in order of time and without gaps.
#[derive(Debug, Default)]
pub(crate) struct PulseClock {
    waiting: VecDeque<(i64, i64)>,
    added_until: i64,
    read_until: i64,
}

impl PulseClock {
    /// Adds pulses up to `until`.
    pub(crate) fn add(&mut self, until: i64) {
        let mut start = self.added_until;
        while start < until {
            let end = (start + PULSE_NS).min(until);
            self.waiting.push_back((start, end));
            start = end;
        }
        self.added_until = start;
    }

    /// Returns the next pulse that ends by `limit`, cut to the end of the run.
    pub(crate) fn next(&self, limit: i64, run_end: i64) -> Option<(i64, i64)> {
        let (start, end) = *self.waiting.front()?;
        let end = end.min(run_end);
        (start < end && end <= limit).then_some((start, end))
    }

    /// Removes the pulse that [`Self::next`] returned.
    pub(crate) fn take(&mut self) {
        if let Some((_, end)) = self.waiting.pop_front() {
            self.read_until = end;
        }
    }

    /// End of the last pulse that was read.
    pub(crate) fn read_until(&self) -> i64 {
        self.read_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// ```text
    /// added until    70 ms         130 ms; the run ends at 110 ms
    /// pulses         |--50--|-20-|---40---|
    /// ```
    #[test]
    fn pulses_have_no_gaps_and_end_with_the_run() {
        let mut clock = PulseClock::default();
        clock.add(70 * MS);
        assert_eq!(
            clock.next(40 * MS, i64::MAX),
            None,
            "it ends after the limit"
        );
        let mut read = Vec::new();
        while let Some(pulse) = clock.next(70 * MS, i64::MAX) {
            read.push(pulse);
            clock.take();
        }
        assert_eq!(read, [(0, 50 * MS), (50 * MS, 70 * MS)]);
        assert_eq!(clock.read_until(), 70 * MS);
        clock.add(130 * MS);
        let last = clock.next(110 * MS, 110 * MS);
        assert_eq!(last, Some((70 * MS, 110 * MS)));
    }
}
