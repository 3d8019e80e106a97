//! Converts raw counts to run time.
//!
//! The collector records pairs of (raw count, monotonic time), one at each pass, and
//! interpolates linearly between the latest two: the counter's rate need not be known in
//! advance.

use crate::record::Record;
use energy_data::units::Nanos;

/// Divergence of the two clocks between readings that counts as a jump, in ns.
const JUMP_NS: i64 = 5_000_000;

/// Number of readings of both clocks per pass. The pair read closest together is used: the
/// thread was not interrupted between them.
const READINGS: usize = 5;

/// Converts raw counts by the latest two pairs.
#[derive(Debug)]
pub(crate) struct RunTimeScale {
    raw: [u64; 2],
    time: [i64; 2],
    /// ns per count between the pairs before the latest.
    rate: Option<f64>,
    /// Raw and run time of each thread's latest enter or exit.
    turns: Vec<(u64, i64)>,
}

/// Reads a raw count and the run time at the same moment.
pub(crate) fn read_both(raw: impl Fn() -> u64, now: impl Fn() -> Nanos) -> (u64, Nanos) {
    let reading = || {
        let (before, time) = (raw(), now());
        let took = raw().saturating_sub(before);
        (took, before + took / 2, time)
    };
    let mut closest = reading();
    for _ in 1..READINGS {
        let next = reading();
        if next.0 < closest.0 {
            closest = next;
        }
    }
    (closest.1, closest.2)
}

impl RunTimeScale {
    /// Creates a calibration with a first pair.
    pub(crate) fn new(raw: u64, time: Nanos) -> Self {
        Self {
            raw: [raw; 2],
            time: [time.nanos(); 2],
            rate: None,
            turns: Vec::new(),
        }
    }

    /// Adds a pair. Returns the jump in ns if one clock advanced while the other stopped
    /// (the machine was suspended).
    pub(crate) fn note(&mut self, raw: u64, time: Nanos) -> Option<i64> {
        self.raw = [self.raw[1], raw];
        self.time = [self.time[1], time.nanos()];
        let counts = self.raw[1].saturating_sub(self.raw[0]) as f64;
        if counts <= 0.0 {
            return None;
        }
        let passed = (self.time[1] - self.time[0]) as f64;
        let expected = self.rate.map(|rate| rate * counts);
        self.rate = Some(passed / counts);
        let jump = expected.map_or(0.0, |expected| passed - expected) as i64;
        (jump.abs() > JUMP_NS).then_some(jump)
    }

    /// Returns the run time of a raw count, exact to the ns between the latest two pairs.
    pub(crate) fn time(&self, raw: u64) -> i64 {
        let span = self.raw[1].saturating_sub(self.raw[0]);
        if span == 0 {
            return self.time[1];
        }
        let counts = i128::from(raw) - i128::from(self.raw[0]);
        let passed = i128::from(self.time[1] - self.time[0]);
        self.time[0] + (counts * passed / i128::from(span)) as i64
    }

    /// Returns the run time of a record of the numbered thread. A record with the raw time
    /// of the thread's latest enter or exit gets the run time returned for it, however many
    /// pairs were added since.
    pub(crate) fn record_time(&mut self, thread: usize, raw: u64, record: &Record<'_>) -> i64 {
        if self.turns.len() <= thread {
            self.turns.resize(thread + 1, (0, 0));
        }
        let (latest_raw, latest_ns) = self.turns[thread];
        if raw == latest_raw && latest_raw > 0 {
            return latest_ns;
        }
        let time = self.time(raw);
        if matches!(record, Record::Enter { .. } | Record::Exit { .. }) {
            self.turns[thread] = (raw, time);
        }
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_between_two_pairs_are_interpolated_linearly() {
        let mut calibration = RunTimeScale::new(0, Nanos::ZERO);
        calibration.note(3_000, Nanos::from_nanos(1_000));
        assert_eq!(calibration.time(1_500), 500);
        calibration.note(6_000, Nanos::from_nanos(2_200));
        assert_eq!(calibration.time(3_000), 1_000);
        assert_eq!(calibration.time(4_500), 1_600);
    }

    #[test]
    fn a_record_with_an_earlier_raw_time_keeps_its_run_time() {
        let mut calibration = RunTimeScale::new(0, Nanos::ZERO);
        calibration.note(3_000, Nanos::from_nanos(1_000));
        let exited = calibration.record_time(1, 2_400, &Record::Exit { id: 7 });
        calibration.note(6_000, Nanos::from_nanos(2_200));
        assert_ne!(calibration.time(2_400), exited);
        let close = Record::Close { id: 7 };
        assert_eq!(calibration.record_time(1, 2_400, &close), exited);
        assert_ne!(calibration.record_time(0, 2_400, &close), exited);
    }

    #[test]
    fn the_readings_closest_together_are_used() {
        // The two raw counts of each reading differ by their distance; the time identifies
        // the reading.
        let counts = [
            0, 900, 1_000, 1_010, 2_000, 2_500, 3_000, 3_800, 4_000, 4_700,
        ];
        let (at, readings) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let raw = || counts[at.replace(at.get() + 1)];
        let now = || Nanos::from_nanos(readings.replace(readings.get() + 1));
        assert_eq!(read_both(raw, now), (1_005, Nanos::from_nanos(1)));
    }

    #[test]
    fn a_suspended_machine_is_reported_as_a_jump() {
        let mut calibration = RunTimeScale::new(0, Nanos::ZERO);
        assert_eq!(calibration.note(3_000_000, Nanos::from_millis(1)), None);
        assert_eq!(calibration.note(6_000_000, Nanos::from_millis(2)), None);
        assert_eq!(
            calibration.note(9_000_000, Nanos::from_millis(503)),
            Some(500_000_000)
        );
    }
}
