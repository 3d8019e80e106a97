//! A second way to a rail's energy, for a device that is never without power: where its
//! counter stands still, its power is read.
//!
//! ```text
//! counter  5 J  0  0  0  0  0  0  0          held back while it stands still ..
//! power         6W 6W 6W 6W 6W 6W 6W
//! energy   5 J  .6 .6 .6 .6 .6 .6 .6 J       .. and replaced once that is sure
//!
//! counter  5 J  0  0  9 J                    a counter that moves seldom:
//! energy   5 J  |--9 J---|                   one window since it moved
//! ```

use crate::power::rail_reader::{Gauge, Raw, Read, WindowEnergy};
use crate::units::{Energy, Nanos, Power};

/// Counters are known to move every 100 ms at least.
const DEAD_AFTER: Nanos = Nanos::from_millis(500);

/// Without a reading of power this long.
const UNKNOWN_AFTER: Nanos = Nanos::from_millis(3_000);

/// What became sure of a counter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// It is dead; its device draws this much.
    PowerInstead(Power),
    /// It is dead, and power cannot be read.
    Unknown,
    /// It moves again.
    Moves,
}

/// What the counter is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Counts,
    Power,
    Unknown,
}

/// Power beside a counter.
pub(super) struct SecondWay {
    read: Read,
    gauge: Gauge,
    state: State,
    /// Windows in which the counter stood still, with their energy by power.
    held: Vec<WindowEnergy>,
}

impl SecondWay {
    pub(super) fn new(read: Read) -> Self {
        Self {
            read,
            gauge: Gauge::every(Nanos::ZERO),
            state: State::Counts,
            held: Vec::new(),
        }
    }

    /// Is read so often.
    pub(super) fn every(&mut self, interval: Nanos) {
        self.gauge = Gauge::every(interval);
    }

    /// Takes a window and its energy by the counter, which may not have been readable.
    pub(super) fn check(
        &mut self,
        window: (Nanos, Nanos),
        counted: Option<Energy>,
        is_lost: bool,
        take: &mut dyn FnMut(WindowEnergy),
    ) -> Option<Verdict> {
        let (start, end) = window;
        let with = |energy| WindowEnergy { start, end, energy };
        let is_still = counted == Some(Energy::ZERO);
        match self.state {
            State::Power => {
                take(with(self.power(window)));
                None
            }
            _ if is_lost => {
                self.release(take);
                let energy = self.power(window);
                take(with(energy));
                None
            }
            _ if is_still => {
                let energy = self.power(window);
                self.hold(with(energy), take)
            }
            State::Unknown => {
                self.state = State::Counts;
                // This step may hold all that was used since it stood still.
                take(with(None));
                Some(Verdict::Moves)
            }
            State::Counts => {
                self.gauge.forget();
                let first = self.held.first().map_or(start, |first| first.start);
                if counted.is_none() {
                    self.release(take);
                } else {
                    self.held.clear();
                }
                let start = if counted.is_none() { start } else { first };
                take(WindowEnergy {
                    start,
                    end,
                    energy: counted,
                });
                None
            }
        }
    }

    fn power(&mut self, window: (Nanos, Nanos)) -> Option<Energy> {
        match (self.read)() {
            Ok(Raw::Watts(watts)) if watts.is_finite() => {
                let energy = self.gauge.advance(watts, window);
                // The first reading stands for its window.
                energy.or(Some(Power::from_watts(watts) * (window.1 - window.0)))
            }
            _ => {
                self.gauge.forget();
                None
            }
        }
    }

    fn hold(
        &mut self,
        window: WindowEnergy,
        take: &mut dyn FnMut(WindowEnergy),
    ) -> Option<Verdict> {
        if self.state == State::Unknown {
            take(WindowEnergy {
                energy: None,
                ..window
            });
            return None;
        }
        self.held.push(window);
        let length = window.end - self.held[0].start;
        let drawn = self.drawn().filter(|_| length >= DEAD_AFTER);
        if let Some(power) = drawn {
            self.state = State::Power;
            self.held.drain(..).for_each(take);
            return Some(Verdict::PowerInstead(power));
        }
        if length < UNKNOWN_AFTER {
            return None;
        }
        self.state = State::Unknown;
        self.release(take);
        Some(Verdict::Unknown)
    }

    /// Mean power over what is held back, if there is any.
    fn drawn(&self) -> Option<Power> {
        let energy: Energy = self.held.iter().filter_map(|one| one.energy).sum();
        let known = self.held.iter().filter(|one| one.energy.is_some());
        let time: Nanos = known.map(|one| one.end - one.start).sum();
        let power = energy.over(time)?;
        (power.watts() > 0.0).then_some(power)
    }

    /// Hands on what is held back: by power where that is known and above zero.
    fn release(&mut self, take: &mut dyn FnMut(WindowEnergy)) {
        let is_drawn = self.drawn().is_some();
        for window in self.held.drain(..) {
            let energy = window.energy.filter(|_| is_drawn);
            take(WindowEnergy { energy, ..window });
        }
    }

    /// Hands on what is held back at the end.
    pub(super) fn end(&mut self, take: &mut dyn FnMut(WindowEnergy)) {
        self.release(take);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::power::SourceError;

    /// Start, end and energy of each window, and what was found.
    type Checked = (Vec<(i64, i64, Option<f64>)>, Vec<Verdict>);

    /// Energies by the counter in windows of 100 ms, and the power read alongside.
    fn checked(counted: &[Option<f64>], watts: Option<f64>) -> Checked {
        let failed = || SourceError::Retry {
            what: "fake".into(),
            why: "not supported".into(),
        };
        let read: Read = Box::new(move || watts.map(Raw::Watts).ok_or_else(failed));
        let mut way = SecondWay::new(read);
        let mut counted: VecDeque<_> = counted.iter().copied().enumerate().collect();
        let (mut windows, mut verdicts) = (Vec::new(), Vec::new());
        let mut take = |one: WindowEnergy| {
            let [start, end] = [one.start, one.end].map(|time| time.nanos() / 1_000_000);
            windows.push((start, end, one.energy.map(Energy::joules)));
        };
        while let Some((at, joules)) = counted.pop_front() {
            let at = at as i64;
            let window = (
                Nanos::from_millis(100 * at),
                Nanos::from_millis(100 * at + 100),
            );
            let energy = joules.map(Energy::from_joules);
            verdicts.extend(way.check(window, energy, joules.is_none(), &mut take));
        }
        way.end(&mut take);
        (windows, verdicts)
    }

    fn sum(windows: &[(i64, i64, Option<f64>)]) -> f64 {
        windows.iter().filter_map(|one| one.2).sum()
    }

    #[test]
    fn power_is_read_where_the_counter_is_dead() {
        let (windows, verdicts) = checked(&[Some(0.0); 20], Some(40.0));
        assert_eq!(verdicts, [Verdict::PowerInstead(Power::from_watts(40.0))]);
        assert_eq!(windows.len(), 20);
        assert!((sum(&windows) - 80.0).abs() < 1e-9, "{windows:?}");
    }

    #[test]
    fn a_counter_that_moves_seldom_has_longer_windows() {
        let counted = [Some(5.0), Some(0.0), Some(0.0), Some(9.0), Some(4.0)];
        let (windows, verdicts) = checked(&counted, Some(40.0));
        assert_eq!(verdicts, []);
        assert_eq!(
            windows,
            [
                (0, 100, Some(5.0)),
                (100, 400, Some(9.0)),
                (400, 500, Some(4.0))
            ]
        );
    }

    #[test]
    fn a_dead_counter_without_power_is_unknown_until_it_moves() {
        let mut counted = vec![Some(0.0); 40];
        counted.extend([Some(90.0), Some(4.0)]);
        let (windows, verdicts) = checked(&counted, None);
        assert_eq!(verdicts, [Verdict::Unknown, Verdict::Moves]);
        let known: Vec<_> = windows.iter().filter(|one| one.2.is_some()).collect();
        assert_eq!(known, [&(4_100, 4_200, Some(4.0))]);
        assert_eq!(windows.len(), 42);
    }

    #[test]
    fn a_counter_that_cannot_be_read_gives_way_to_power() {
        let (windows, _) = checked(&[Some(4.0), None, None, Some(4.0)], Some(50.0));
        assert!((sum(&windows) - 18.0).abs() < 1e-9, "{windows:?}");
        let (windows, _) = checked(&[Some(4.0), None], None);
        assert_eq!(windows[1], (100, 200, None));
    }
}
