//! Removes the energy of samples across a suspension of the machine, which belongs to no time
//! of the run.
//!
//! Run time stops while the machine is suspended, on Linux and macOS. Counters may continue or
//! restart:
//!
//! ```text
//! wall       |----|----|zzzzzzzzzzzz|--|----|
//! run time   |----|----|--|----|
//! samples      a    b    ?   c        the one across the sleep has no energy
//! ```

use std::collections::VecDeque;

use crate::rail::Notice;
use crate::source::Reading;
use energy_data::units::Nanos;
use energy_host as host;

/// Shorter differences between the clocks are jitter.
const SHORTEST: Nanos = Nanos::from_millis(100);

/// Number of suspensions to remember, because a window may be delivered long after it.
const REMEMBERED: usize = 64;

/// Returns the total time since boot for which the machine was suspended.
type Suspended = Box<dyn FnMut() -> Option<Nanos> + Send>;

/// Detects suspensions and makes the energy of samples across them unknown.
pub(super) struct SuspendWatch {
    suspended: Suspended,
    /// Time and value of the last reading of `suspended`.
    last: Option<(Nanos, Nanos)>,
    sleeps: VecDeque<(Nanos, Nanos)>,
}

impl SuspendWatch {
    /// Watches this machine.
    pub(super) fn of_this_machine() -> Self {
        Self::new(Box::new(|| host::suspended_ns().map(Nanos::from_nanos)))
    }

    fn new(suspended: Suspended) -> Self {
        Self {
            suspended,
            last: None,
            sleeps: VecDeque::new(),
        }
    }

    /// Checks a reading up to `now`. Must be called often, because a suspension is located
    /// only between two calls.
    pub(super) fn check(&mut self, now: Nanos, reading: &mut Reading) {
        let Some(total) = (self.suspended)() else {
            return;
        };
        if let Some((before, known)) = self.last.replace((now, total))
            && total - known > SHORTEST
        {
            if self.sleeps.len() >= REMEMBERED {
                self.sleeps.pop_front();
            }
            self.sleeps.push_back((before, now));
            reading.notices.push(Notice {
                time: before,
                kind: "suspended",
                message: format!(
                    "the machine was suspended for {:.1} s, which is not part of the run; the \
                     energy of samples across that time is unknown",
                    (total - known).seconds()
                ),
            });
        }
        for sample in &mut reading.samples {
            let mut sleeps = self.sleeps.iter();
            if sleeps.any(|&(from, to)| sample.start < to && sample.end > from) {
                sample.energy = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::rail::Sample;
    use energy_data::units::Energy;

    const fn ms(millis: i64) -> Nanos {
        Nanos::from_millis(millis)
    }

    fn reading(windows: &[(i64, i64)]) -> Reading {
        let sample = |&(start, end): &(i64, i64)| Sample {
            rail: 0,
            start: ms(start),
            end: ms(end),
            energy: Some(Energy::from_joules(1.0)),
        };
        Reading {
            samples: windows.iter().map(sample).collect(),
            ..Reading::default()
        }
    }

    #[test]
    fn only_samples_across_a_suspension_have_unknown_energy() {
        let slept = Arc::new(AtomicI64::new(5_000));
        let clock = Arc::clone(&slept);
        let mut watch =
            SuspendWatch::new(Box::new(move || Some(ms(clock.load(Ordering::Relaxed)))));
        let mut before = reading(&[(0, 100)]);
        watch.check(ms(100), &mut before);
        // Eight hours of sleep, and some jitter of the clocks.
        slept.fetch_add(8 * 3_600_000 + 3, Ordering::Relaxed);
        let mut across = reading(&[(100, 200)]);
        watch.check(ms(150), &mut Reading::default());
        watch.check(ms(200), &mut across);
        slept.fetch_sub(3, Ordering::Relaxed);
        let mut after = reading(&[(200, 300)]);
        watch.check(ms(300), &mut after);
        // One rail's window is delivered late.
        let mut late = reading(&[(50, 250)]);
        watch.check(ms(350), &mut late);
        let has_energy = |reading: &Reading| reading.samples[0].energy.is_some();
        assert!(has_energy(&before) && has_energy(&after));
        assert!(!has_energy(&across) && !has_energy(&late));
        assert!(after.notices.is_empty() && late.notices.is_empty());
    }

    #[test]
    fn a_suspension_is_reported_once_with_its_length() {
        let slept = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&slept);
        let mut watch =
            SuspendWatch::new(Box::new(move || Some(ms(clock.load(Ordering::Relaxed)))));
        let mut notices = Vec::new();
        for at in 0..10 {
            if at == 5 {
                slept.store(90_000, Ordering::Relaxed);
            }
            let mut reading = Reading::default();
            watch.check(ms(100 * at), &mut reading);
            notices.append(&mut reading.notices);
        }
        assert_eq!(notices.len(), 1);
        assert_eq!((notices[0].kind, notices[0].time), ("suspended", ms(400)));
        assert!(
            notices[0].message.contains("90.0 s"),
            "{}",
            notices[0].message
        );
    }
}
