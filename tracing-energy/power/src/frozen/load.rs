//! Keeps the machine's CPU load over the last seconds.

use std::collections::VecDeque;

use crate::cpu_time;
use energy_data::units::Nanos;

/// Time between readings; each costs some tens of microseconds.
const EVERY: Nanos = Nanos::from_millis(250);

/// Time for which readings are kept.
const KEPT: Nanos = Nanos::from_millis(10_000);

/// The CPU time of all processors at several times.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Returns the CPU time used up to the given time.
    busy: fn(Nanos) -> Option<Nanos>,
    readings: VecDeque<(Nanos, Nanos)>,
}

impl Load {
    /// Creates a load that reads the CPU time with `busy`.
    pub(crate) const fn new(busy: fn(Nanos) -> Option<Nanos>) -> Self {
        Self {
            busy,
            readings: VecDeque::new(),
        }
    }

    /// Creates a load of this machine.
    pub(crate) fn of_this_machine() -> Self {
        Self::new(|_| cpu_time::machine())
    }

    /// Reads the CPU time, if a reading is due.
    pub(crate) fn read(&mut self, now: Nanos) {
        if self
            .readings
            .back()
            .is_some_and(|last| now - last.0 < EVERY)
        {
            return;
        }
        let Some(busy) = (self.busy)(now) else { return };
        self.readings.push_back((now, busy));
        while self
            .readings
            .front()
            .is_some_and(|first| now - first.0 > KEPT)
        {
            self.readings.pop_front();
        }
    }

    /// Returns whether one processor was busy for at least half of the interval, as far as
    /// there are readings; `false` without readings.
    pub(crate) fn is_busy(&self, start: Nanos, end: Nanos) -> bool {
        let before = |time: Nanos| {
            let mut readings = self.readings.iter().rev();
            readings.find(|one| one.0 <= time).or(self.readings.front())
        };
        let after = self.readings.iter().find(|one| one.0 >= end);
        let (Some(first), Some(last)) = (before(start), after.or(self.readings.back())) else {
            return false;
        };
        let time = last.0 - first.0;
        time > Nanos::ZERO && (last.1 - first.1).nanos() * 2 >= time.nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_computed_for_the_given_interval() {
        // One processor is busy from second 4 on.
        let busy = |now: Nanos| Some((now - Nanos::from_millis(4_000)).max(Nanos::ZERO));
        let mut load = Load::new(busy);
        for tenth in 0..80 {
            load.read(Nanos::from_millis(100 * tenth));
        }
        let is_busy =
            |from, until| load.is_busy(Nanos::from_millis(from), Nanos::from_millis(until));
        assert!(!is_busy(0, 3_500));
        assert!(is_busy(4_500, 7_500));
        assert!(!is_busy(1_000, 5_000));
        assert!(!Load::new(|_| None).is_busy(Nanos::ZERO, Nanos::from_millis(9)));
    }
}
