//! Schedules readings at a fixed interval.

use crate::clock::Clock;
use energy_data::units::Nanos;

/// Deadlines at multiples of an interval after the start. A late reading does not delay later
/// ones, and missed deadlines are skipped.
#[derive(Debug, Clone, Copy)]
pub struct Ticker {
    interval: Nanos,
    next: Nanos,
}

impl Ticker {
    /// Creates deadlines every `interval` (at least a microsecond) after `start`.
    pub fn starting(start: Nanos, interval: Nanos) -> Self {
        let interval = interval.max(Nanos::from_nanos(1_000));
        Self {
            interval,
            next: start + interval,
        }
    }

    /// Returns the next deadline.
    pub const fn next(&self) -> Nanos {
        self.next
    }

    /// Returns whether the deadline is reached at `now`, and if so advances to the next one.
    pub fn due(&mut self, now: Nanos) -> bool {
        if now < self.next {
            return false;
        }
        let passed = (now - self.next).nanos() / self.interval.nanos() + 1;
        self.next += Nanos::from_nanos(passed * self.interval.nanos());
        true
    }

    /// Sleeps until the deadline, at most `timeout`. Returns whether it is reached.
    pub fn wait(&mut self, clock: &dyn Clock, timeout: Nanos) -> bool {
        let left = self.next - clock.now();
        std::thread::sleep(left.min(timeout).duration());
        self.due(clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const fn ms(millis: i64) -> Nanos {
        Nanos::from_millis(millis)
    }

    #[test]
    fn lateness_does_not_accumulate() {
        let mut ticker = Ticker::starting(ms(0), ms(100));
        assert!(!ticker.due(ms(99)));
        assert!(ticker.due(ms(130)));
        assert_eq!(ticker.next(), ms(200));
        assert!(ticker.due(ms(200)));
        assert_eq!(ticker.next(), ms(300));
    }

    #[test]
    fn missed_deadlines_are_skipped() {
        let mut ticker = Ticker::starting(ms(0), ms(100));
        assert!(ticker.due(ms(555)));
        assert_eq!(ticker.next(), ms(600));
    }

    #[test]
    fn waiting_ends_at_the_timeout() {
        let clock = ManualClock::default();
        let mut ticker = Ticker::starting(ms(0), ms(60_000));
        assert!(!ticker.wait(&clock, ms(1)));
        clock.set(ms(60_000));
        assert!(ticker.wait(&clock, ms(1)));
    }

    #[test]
    fn an_interval_of_zero_does_not_loop_forever() {
        let mut ticker = Ticker::starting(ms(0), ms(0));
        assert!(ticker.due(ms(1)));
        assert!(ticker.next() > ms(1));
    }
}
