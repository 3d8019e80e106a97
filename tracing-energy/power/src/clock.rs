//! The run's clock: nanoseconds since the run's start, negative before it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use energy_data::units::Nanos;

/// A clock on the run's time base.
pub trait Clock: Send + Sync {
    /// Returns the time since the run's start; negative before it.
    fn now(&self) -> Nanos;

    /// Returns the run time of an earlier instant. A clock that does not advance by itself
    /// returns its current time.
    fn time_of(&self, _instant: Instant) -> Nanos {
        self.now()
    }
}

/// The operating system's monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct MonotonicClock {
    base: Instant,
    base_time: Nanos,
}

impl MonotonicClock {
    /// Creates a clock that reads zero `delay` from now: baselines are measured in negative
    /// time.
    pub fn starting_in(delay: Duration) -> Self {
        Self {
            base: Instant::now(),
            base_time: -Nanos::from(delay),
        }
    }

    /// Returns the run time of `instant`.
    pub fn at(&self, instant: Instant) -> Nanos {
        match instant.checked_duration_since(self.base) {
            Some(after) => self.base_time + Nanos::from(after),
            None => self.base_time - Nanos::from(self.base - instant),
        }
    }
}

impl Clock for MonotonicClock {
    fn now(&self) -> Nanos {
        self.at(Instant::now())
    }

    fn time_of(&self, instant: Instant) -> Nanos {
        self.at(instant)
    }
}

/// A clock that advances only by [`ManualClock::set`], for tests and fast replay.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Sets the clock to `time`.
    pub fn set(&self, time: Nanos) {
        self.0.store(time.nanos(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Nanos {
        Nanos::from_nanos(self.0.load(Ordering::SeqCst))
    }
}
