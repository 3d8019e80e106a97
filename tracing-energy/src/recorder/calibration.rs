//! The counter's raw counts as run time.
//!
//! The collector notes pairs of (raw count, monotonic time), one at each pass,
//! and converts what was recorded between two notes by the straight line between
//! them: the counter's rate never has to be known in advance.

use crate::units::Nanos;

/// How far the two clocks may drift apart between notes before it is a jump.
const JUMP_NS: i64 = 5_000_000;

/// Converts raw counts by the latest two notes.
#[derive(Debug)]
pub(crate) struct Calibration {
    raw: [u64; 2],
    time: [i64; 2],
    /// ns per count over the notes before the latest.
    rate: Option<f64>,
}

impl Calibration {
    /// Begins with one note.
    pub(crate) fn new(raw: u64, time: Nanos) -> Self {
        Self {
            raw: [raw; 2],
            time: [time.nanos(); 2],
            rate: None,
        }
    }

    /// Takes a note. Answers the jump in ns if one clock went on while the other
    /// stood still (the machine was suspended).
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

    /// Run time of the raw count, exact to the ns between the latest two notes.
    pub(crate) fn time(&self, raw: u64) -> i64 {
        let span = self.raw[1].saturating_sub(self.raw[0]);
        if span == 0 {
            return self.time[1];
        }
        let counts = i128::from(raw) - i128::from(self.raw[0]);
        let passed = i128::from(self.time[1] - self.time[0]);
        self.time[0] + (counts * passed / i128::from(span)) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_between_two_notes_lie_on_a_line() {
        let mut calibration = Calibration::new(0, Nanos::ZERO);
        calibration.note(3_000, Nanos::from_nanos(1_000));
        assert_eq!(calibration.time(1_500), 500);
        calibration.note(6_000, Nanos::from_nanos(2_200));
        assert_eq!(calibration.time(3_000), 1_000);
        assert_eq!(calibration.time(4_500), 1_600);
    }

    #[test]
    fn a_suspended_machine_is_a_jump() {
        let mut calibration = Calibration::new(0, Nanos::ZERO);
        assert_eq!(calibration.note(3_000_000, Nanos::from_millis(1)), None);
        assert_eq!(calibration.note(6_000_000, Nanos::from_millis(2)), None);
        assert_eq!(
            calibration.note(9_000_000, Nanos::from_millis(503)),
            Some(500_000_000)
        );
    }
}
