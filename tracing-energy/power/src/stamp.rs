//! Determines the time at which a sensor was read. The reading thread may be suspended by
//! the scheduler at any moment.
//!
//! ```text
//! time    before   read    after              before           (stopped)   read  after
//!           |--------x------|                   |--------------------------x-------|
//!              short: time is known               long: time is unknown, read again
//! ```
//!
//! If a counter is read long after its time stamp, its reading includes later energy, and the
//! window shows too much power.

use crate::clock::Clock;
use energy_data::units::Nanos;

/// Maximum number of attempts for a reading that was interrupted.
const TRIES: usize = 4;

/// Longest time of a reading beyond twice the usual time, and longest time of the first
/// reading.
const QUICK: Nanos = Nanos::from_millis(2);
const FIRST: Nanos = Nanos::from_millis(20);

/// Reads sensors with time stamps.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stamp {
    /// The shortest duration of a reading so far.
    usual: Option<Nanos>,
}

impl Stamp {
    /// Reads and returns the reading with its time. Reads again if it took much longer than
    /// usual.
    pub(super) fn read<T>(&mut self, clock: &dyn Clock, mut read: impl FnMut() -> T) -> (T, Nanos) {
        let mut once = || {
            let before = clock.now();
            let raw = read();
            let took = clock.now() - before;
            (raw, before, took)
        };
        let mut best = once();
        let most = self.usual.map_or(FIRST, |usual| QUICK + usual + usual);
        for _ in 1..TRIES {
            if best.2 <= most {
                break;
            }
            let next = once();
            if next.2 < best.2 {
                best = next;
            }
        }
        let (raw, before, took) = best;
        self.usual = Some(self.usual.map_or(took, |usual| usual.min(took)));
        (raw, before + Nanos::from_nanos(took.nanos() / 2))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::clock::ManualClock;

    const fn ms(millis: i64) -> Nanos {
        Nanos::from_millis(millis)
    }

    /// Returns reading and stamp in ms for a sensor whose successive readings take `lengths`
    /// and which returns the time at the end of a reading.
    fn stamps(lengths: &[i64]) -> Vec<(i64, i64)> {
        let clock = ManualClock::default();
        let now = Cell::new(0);
        let mut lengths = lengths.iter();
        let mut stamp = Stamp::default();
        let mut found = Vec::new();
        while lengths.len() > 0 {
            let (raw, time) = stamp.read(&clock, || {
                now.set(now.get() + lengths.next().copied().unwrap_or(1));
                clock.set(ms(now.get()));
                now.get()
            });
            found.push((raw, time.nanos() / 1_000_000));
        }
        found
    }

    #[test]
    fn the_stamp_is_the_middle_of_the_reading() {
        assert_eq!(stamps(&[0, 2, 2]), [(0, 0), (2, 1), (4, 3)]);
    }

    #[test]
    fn an_interrupted_reading_is_repeated() {
        // The thread is suspended for 20 s in the second reading, or in the first.
        assert_eq!(stamps(&[2, 20_000, 2]), [(2, 1), (20_004, 20_003)]);
        assert_eq!(stamps(&[20_000, 2]), [(20_002, 20_001)]);
    }

    #[test]
    fn readings_of_a_slow_sensor_are_limited() {
        assert_eq!(stamps(&[40, 42, 41, 43]), [(40, 20)]);
    }
}
