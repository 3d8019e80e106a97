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
