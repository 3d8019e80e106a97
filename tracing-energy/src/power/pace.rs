//! When to read a counter next.

use crate::clock::Clock;
use crate::units::Nanos;

/// Deadlines at a fixed interval. They are multiples of the interval after the
/// start, so lateness of one reading does not delay the ones after it; deadlines
/// that passed meanwhile are skipped.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    interval: Nanos,
    next: Nanos,
}

impl Pace {
    /// Deadlines every `interval` (at least a microsecond) after `start`.
    pub fn starting(start: Nanos, interval: Nanos) -> Self {
        let interval = interval.max(Nanos::from_nanos(1_000));
        Self {
            interval,
            next: start + interval,
        }
    }

    /// The next deadline.
    pub const fn next(&self) -> Nanos {
        self.next
    }

    /// Whether the deadline has come at `now`; if so, the next one is set.
    pub fn due(&mut self, now: Nanos) -> bool {
        if now < self.next {
            return false;
        }
        let passed = (now - self.next).nanos() / self.interval.nanos() + 1;
        self.next += Nanos::from_nanos(passed * self.interval.nanos());
        true
    }

    /// Sleeps until the deadline, at most `patience`; whether it has come.
    pub fn wait(&mut self, clock: &dyn Clock, patience: Nanos) -> bool {
        let left = self.next - clock.now();
        std::thread::sleep(left.min(patience).duration());
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
    fn lateness_does_not_add_up() {
        let mut pace = Pace::starting(ms(0), ms(100));
        assert!(!pace.due(ms(99)));
        assert!(pace.due(ms(130)));
        assert_eq!(pace.next(), ms(200));
        assert!(pace.due(ms(200)));
        assert_eq!(pace.next(), ms(300));
    }

    #[test]
    fn missed_deadlines_are_skipped() {
        let mut pace = Pace::starting(ms(0), ms(100));
        assert!(pace.due(ms(555)));
        assert_eq!(pace.next(), ms(600));
    }

    #[test]
    fn waiting_ends_with_patience() {
        let clock = ManualClock::default();
        let mut pace = Pace::starting(ms(0), ms(60_000));
        assert!(!pace.wait(&clock, ms(1)));
        clock.set(ms(60_000));
        assert!(pace.wait(&clock, ms(1)));
    }

    #[test]
    fn an_interval_of_zero_does_not_spin_for_ever() {
        let mut pace = Pace::starting(ms(0), ms(0));
        assert!(pace.due(ms(1)));
        assert!(pace.next() > ms(1));
    }
}
