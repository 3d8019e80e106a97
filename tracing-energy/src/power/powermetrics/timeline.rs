//! Lays intervals of known length on the run's clock.
//!
//! ```text
//! documents say   |--103 ms--|---109 ms---|--104 ms--|      true lengths
//! they arrive                v            v            v    a little late
//! windows         |----------|------------|----------|      lengths added up
//! ```
//!
//! The first arrival is the anchor. From there true lengths are added up,
//! because arrival times jitter. When an arrival differs from the sum by more
//! than half an interval, the arrival is right: time was missed (a gap), or the
//! sum ran ahead. Then windows shrink, to half their length at most, until the
//! sum is back; their energy stays whole.

use crate::units::Nanos;

/// Where an interval lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Start of the window.
    pub start: Nanos,
    /// End of the window.
    pub end: Nanos,
    /// How far the window was moved: time without a sample before it if
    /// positive, time it was shortened by if negative.
    pub moved: Option<Nanos>,
}

/// The windows placed so far.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    tolerance: Nanos,
    end: Option<Nanos>,
    anchored: bool,
}

impl Timeline {
    /// For intervals wished to be `interval` long.
    pub fn new(interval: Nanos) -> Self {
        Self {
            tolerance: Nanos::from_nanos(interval.nanos() / 2),
            end: None,
            anchored: false,
        }
    }

    /// The end of the last window.
    pub const fn end(&self) -> Option<Nanos> {
        self.end
    }

    /// The next interval comes from another process: its arrival is a new anchor.
    pub fn restart(&mut self) {
        self.anchored = false;
    }

    /// Places the interval of length `elapsed` that arrived at `arrival`.
    pub fn place(&mut self, arrival: Nanos, elapsed: Nanos) -> Placed {
        let placed = match self.end {
            None => free(arrival, elapsed, None),
            Some(last) => self.after(last, arrival, elapsed),
        };
        self.end = Some(placed.end);
        self.anchored = true;
        placed
    }

    fn after(&self, last: Nanos, arrival: Nanos, elapsed: Nanos) -> Placed {
        let late = arrival - (last + elapsed);
        if self.anchored && late.max(-late) <= self.tolerance {
            return free(last + elapsed, elapsed, None);
        }
        if late >= Nanos::ZERO {
            return free(arrival, elapsed, (late > Nanos::ZERO).then_some(late));
        }
        let shortest = Nanos::from_nanos(elapsed.nanos() / 2).max(Nanos::from_nanos(1));
        let end = arrival.max(last + shortest);
        Placed {
            start: last,
            end,
            moved: Some(end - (last + elapsed)),
        }
    }
}

fn free(end: Nanos, elapsed: Nanos, moved: Option<Nanos>) -> Placed {
    Placed {
        start: end - elapsed,
        end,
        moved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(millis: i64) -> Nanos {
        Nanos::from_millis(millis)
    }

    fn place(timeline: &mut Timeline, arrival: i64, elapsed: i64) -> (i64, i64, Option<i64>) {
        let placed = timeline.place(ms(arrival), ms(elapsed));
        let millis = |time: Nanos| time.nanos() / 1_000_000;
        (
            millis(placed.start),
            millis(placed.end),
            placed.moved.map(millis),
        )
    }

    #[test]
    fn jitter_of_arrivals_does_not_show() {
        let mut timeline = Timeline::new(ms(100));
        assert_eq!(place(&mut timeline, 1103, 103), (1000, 1103, None));
        assert_eq!(place(&mut timeline, 1240, 109), (1103, 1212, None));
        assert_eq!(place(&mut timeline, 1317, 104), (1212, 1316, None));
    }

    #[test]
    fn missed_time_is_a_gap() {
        let mut timeline = Timeline::new(ms(100));
        place(&mut timeline, 100, 100);
        assert_eq!(place(&mut timeline, 700, 100), (600, 700, Some(500)));
        assert_eq!(place(&mut timeline, 805, 100), (700, 800, None));
    }

    #[test]
    fn a_sum_that_ran_ahead_comes_back_without_overlap() {
        let mut timeline = Timeline::new(ms(100));
        place(&mut timeline, 400, 100);
        assert_eq!(place(&mut timeline, 401, 100), (400, 450, Some(-50)));
        assert_eq!(place(&mut timeline, 402, 100), (450, 500, Some(-50)));
        assert_eq!(place(&mut timeline, 500, 100), (500, 550, Some(-50)));
        assert_eq!(place(&mut timeline, 600, 100), (550, 650, None));
    }

    #[test]
    fn a_restart_is_a_new_anchor() {
        let mut timeline = Timeline::new(ms(100));
        place(&mut timeline, 100, 100);
        timeline.restart();
        assert_eq!(place(&mut timeline, 230, 100), (130, 230, Some(30)));
        timeline.restart();
        assert_eq!(place(&mut timeline, 310, 100), (230, 310, Some(-20)));
    }

    proptest! {
        #[test]
        fn windows_never_overlap_and_never_vanish(
            steps in prop::collection::vec((-300_i64..900, 1_i64..400, any::<bool>()), 1..60)
        ) {
            let mut timeline = Timeline::new(ms(100));
            let (mut arrival, mut last) = (0, None);
            for (step, elapsed, restart) in steps {
                arrival += step.max(0);
                if restart {
                    timeline.restart();
                }
                let placed = timeline.place(ms(arrival), ms(elapsed));
                prop_assert!(placed.start < placed.end);
                prop_assert!(last.is_none_or(|last| placed.start >= last));
                last = Some(placed.end);
            }
        }
    }
}
