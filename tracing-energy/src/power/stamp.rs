//! When a sensor was read, where the reading thread may stand still at any moment.
//!
//! ```text
//! time    before   read    after              before           (stopped)   read  after
//!           |--------x------|                   |--------------------------x-------|
//!              short: read then                    long: read when? once more
//! ```
//!
//! A counter that is read long after the time that its reading bears holds energy of later:
//! its window would show more power than there was.

use crate::clock::Clock;
use crate::units::Nanos;

/// How often a reading that was interrupted is made again.
const TRIES: usize = 4;

/// Every reading may take so long, and the first one, of which nothing is known, so long.
const QUICK: Nanos = Nanos::from_millis(2);
const FIRST: Nanos = Nanos::from_millis(20);

/// Reads sensors and says when.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stamp {
    /// The shortest time that a reading took.
    usual: Option<Nanos>,
}

impl Stamp {
    /// Reads, and gives the time of it; again where it took much longer than usual.
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

    /// A sensor whose readings take so long, in turn; reads the time at the end.
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
    fn a_reading_bears_the_time_at_which_it_was_made() {
        assert_eq!(stamps(&[0, 2, 2]), [(0, 0), (2, 1), (4, 3)]);
    }

    #[test]
    fn a_reading_that_was_interrupted_is_made_again() {
        // The thread stands still for 20 s in the second reading, or in the first.
        assert_eq!(stamps(&[2, 20_000, 2]), [(2, 1), (20_004, 20_003)]);
        assert_eq!(stamps(&[20_000, 2]), [(20_002, 20_001)]);
    }

    #[test]
    fn a_sensor_that_is_slow_itself_is_not_read_for_ever() {
        assert_eq!(stamps(&[40, 42, 41, 43]), [(40, 20)]);
    }
}
