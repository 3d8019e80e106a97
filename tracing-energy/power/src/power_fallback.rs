//! Reads a device's power while its energy counter is frozen, for devices that always draw
//! power.
//!
//! ```text
//! counter  5 J  0  0  0  0  0  0  0          held back while it does not move ..
//! power         6W 6W 6W 6W 6W 6W 6W
//! energy   5 J  .6 .6 .6 .6 .6 .6 .6 J       .. and replaced once it is known to be frozen
//!
//! counter  5 J  0  0  9 J                    a counter that moves rarely:
//! energy   5 J  |--9 J---|                   one window since the last move
//! ```

use crate::gauge::Gauge;
use crate::window_energy::{RawReading, ReadSensor, WindowEnergy};
use energy_data::units::{Energy, Nanos, Power};

/// Time without a move after which a counter is frozen. Working counters move at least every
/// 100 ms.
const FROZEN_AFTER: Nanos = Nanos::from_millis(500);

/// The same time if power cannot be read.
const UNKNOWN_AFTER: Nanos = Nanos::from_millis(3_000);

/// A change of a counter's state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FallbackChange {
    /// It is frozen, and its device draws this power.
    PowerInstead(Power),
    /// It is frozen, and power cannot be read.
    Unknown,
    /// It moves again.
    Moves,
}

/// The source of a rail's energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EnergyOrigin {
    Counts,
    Power,
    Unknown,
}

/// Reads power in addition to a counter.
pub(super) struct PowerFallback {
    read: ReadSensor,
    gauge: Gauge,
    state: EnergyOrigin,
    /// Windows in which the counter did not move, with their energy by power.
    held: Vec<WindowEnergy>,
}

impl PowerFallback {
    pub(super) fn new(read: ReadSensor) -> Self {
        Self {
            read,
            gauge: Gauge::every(Nanos::ZERO),
            state: EnergyOrigin::Counts,
            held: Vec::new(),
        }
    }

    /// Sets the reading interval.
    pub(super) fn every(&mut self, interval: Nanos) {
        self.gauge = Gauge::every(interval);
    }

    /// Checks a window and its energy by the counter. `is_lost`: the counter cannot be read.
    pub(super) fn check(
        &mut self,
        window: (Nanos, Nanos),
        counted: Option<Energy>,
        is_lost: bool,
        emit: &mut dyn FnMut(WindowEnergy),
    ) -> Option<FallbackChange> {
        let (start, end) = window;
        let with = |energy| WindowEnergy { start, end, energy };
        let is_still = counted == Some(Energy::ZERO);
        match self.state {
            EnergyOrigin::Power => {
                emit(with(self.power(window)));
                None
            }
            _ if is_lost => {
                self.release(emit);
                let energy = self.power(window);
                emit(with(energy));
                None
            }
            _ if is_still => {
                let energy = self.power(window);
                self.hold(with(energy), emit)
            }
            EnergyOrigin::Unknown => {
                self.state = EnergyOrigin::Counts;
                // This step may include all energy since the counter froze.
                emit(with(None));
                Some(FallbackChange::Moves)
            }
            EnergyOrigin::Counts => {
                self.gauge.forget();
                let first = self.held.first().map_or(start, |first| first.start);
                if counted.is_none() {
                    self.release(emit);
                } else {
                    self.held.clear();
                }
                let start = if counted.is_none() { start } else { first };
                emit(WindowEnergy {
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
            Ok(RawReading::Watts(watts)) if watts.is_finite() => {
                let energy = self.gauge.advance(watts, window);
                // The first reading is used for its whole window.
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
        emit: &mut dyn FnMut(WindowEnergy),
    ) -> Option<FallbackChange> {
        if self.state == EnergyOrigin::Unknown {
            emit(WindowEnergy {
                energy: None,
                ..window
            });
            return None;
        }
        self.held.push(window);
        let length = window.end - self.held[0].start;
        let drawn = self.drawn().filter(|_| length >= FROZEN_AFTER);
        if let Some(power) = drawn {
            self.state = EnergyOrigin::Power;
            self.held.drain(..).for_each(emit);
            return Some(FallbackChange::PowerInstead(power));
        }
        if length < UNKNOWN_AFTER {
            return None;
        }
        self.state = EnergyOrigin::Unknown;
        self.release(emit);
        Some(FallbackChange::Unknown)
    }

    /// Returns the mean power over the held windows, if above zero.
    fn drawn(&self) -> Option<Power> {
        let energy: Energy = self.held.iter().filter_map(|one| one.energy).sum();
        let known = self.held.iter().filter(|one| one.energy.is_some());
        let time: Nanos = known.map(|one| one.end - one.start).sum();
        let power = energy.over(time)?;
        (power.watts() > 0.0).then_some(power)
    }

    /// Emits the held windows, with their energy by power if the mean power is above zero.
    fn release(&mut self, emit: &mut dyn FnMut(WindowEnergy)) {
        let is_drawn = self.drawn().is_some();
        for window in self.held.drain(..) {
            let energy = window.energy.filter(|_| is_drawn);
            emit(WindowEnergy { energy, ..window });
        }
    }

    /// Emits the held windows at the end of the run.
    pub(super) fn end(&mut self, emit: &mut dyn FnMut(WindowEnergy)) {
        self.release(emit);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::error::SourceError;

    /// Start and end in ms, joules of each window, and the state changes.
    type Checked = (Vec<(i64, i64, Option<f64>)>, Vec<FallbackChange>);

    /// Checks counter energies in windows of 100 ms, with a constant power reading.
    fn checked(counted: &[Option<f64>], watts: Option<f64>) -> Checked {
        let failed = || SourceError::Retry {
            what: "fake".into(),
            why: "not supported".into(),
        };
        let read: ReadSensor = Box::new(move || watts.map(RawReading::Watts).ok_or_else(failed));
        let mut fallback = PowerFallback::new(read);
        let mut counted: VecDeque<_> = counted.iter().copied().enumerate().collect();
        let (mut windows, mut verdicts) = (Vec::new(), Vec::new());
        let mut emit = |one: WindowEnergy| {
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
            verdicts.extend(fallback.check(window, energy, joules.is_none(), &mut emit));
        }
        fallback.end(&mut emit);
        (windows, verdicts)
    }

    fn sum(windows: &[(i64, i64, Option<f64>)]) -> f64 {
        windows.iter().filter_map(|one| one.2).sum()
    }

    #[test]
    fn power_is_used_while_the_counter_is_frozen() {
        let (windows, verdicts) = checked(&[Some(0.0); 20], Some(40.0));
        assert_eq!(
            verdicts,
            [FallbackChange::PowerInstead(Power::from_watts(40.0))]
        );
        assert_eq!(windows.len(), 20);
        assert!((sum(&windows) - 80.0).abs() < 1e-9, "{windows:?}");
    }

    #[test]
    fn a_counter_that_moves_rarely_has_longer_windows() {
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
    fn energy_of_a_frozen_counter_without_power_is_unknown_until_it_moves() {
        let mut counted = vec![Some(0.0); 40];
        counted.extend([Some(90.0), Some(4.0)]);
        let (windows, verdicts) = checked(&counted, None);
        assert_eq!(verdicts, [FallbackChange::Unknown, FallbackChange::Moves]);
        let known: Vec<_> = windows.iter().filter(|one| one.2.is_some()).collect();
        assert_eq!(known, [&(4_100, 4_200, Some(4.0))]);
        assert_eq!(windows.len(), 42);
    }

    #[test]
    fn power_is_used_while_the_counter_is_unreadable() {
        let (windows, _) = checked(&[Some(4.0), None, None, Some(4.0)], Some(50.0));
        assert!((sum(&windows) - 18.0).abs() < 1e-9, "{windows:?}");
        let (windows, _) = checked(&[Some(4.0), None], None);
        assert_eq!(windows[1], (100, 200, None));
    }
}
