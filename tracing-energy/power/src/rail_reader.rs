//! Reads one rail's sensor and computes the energy of each window.

use crate::counter::{Counter, CounterStep};
use crate::error::SourceError;
use crate::gauge::Gauge;
use crate::power_fallback::{FallbackChange, PowerFallback};
use crate::validate::implausible;
use crate::window_energy::{RawReading, ReadSensor, ReportEvent, WindowEnergy};
use energy_data::units::{Energy, Nanos};

/// Reads one rail.
pub(super) struct RailReader {
    read: ReadSensor,
    /// The reading for the next window.
    fetched: Option<Result<RawReading, SourceError>>,
    counter: Counter,
    gauge: Gauge,
    is_lost: bool,
    fallback: Option<PowerFallback>,
}

impl RailReader {
    /// Creates a reader. A counter is assumed never to wrap.
    pub(super) fn new(read: ReadSensor) -> Self {
        Self {
            read,
            fetched: None,
            counter: Counter::microjoules(None),
            gauge: Gauge::every(Nanos::ZERO),
            is_lost: false,
            fallback: None,
        }
    }

    /// Sets the range of the counter: it wraps to zero after `range_uj`; `None` never wraps.
    pub(super) fn wrapping(mut self, range_uj: Option<u64>) -> Self {
        self.counter = Counter::microjoules(range_uj);
        self
    }

    /// Sets a reader of power to use while the counter is frozen.
    #[cfg(any(test, feature = "nvml"))]
    pub(super) fn with_power_fallback(mut self, power: ReadSensor) -> Self {
        self.fallback = Some(PowerFallback::new(power));
        self
    }

    /// Sets the reading interval. Power is not interpolated over much longer times.
    pub(super) fn every(&mut self, interval: Nanos) {
        self.gauge = Gauge::every(interval);
        if let Some(fallback) = &mut self.fallback {
            fallback.every(interval);
        }
    }

    /// Reads the sensor for the window that ends now.
    pub(super) fn fetch(&mut self) {
        self.fetched = Some((self.read)());
    }

    /// Reads the sensor once.
    ///
    /// # Errors
    /// The sensor's error.
    pub(super) fn probe(&mut self) -> Result<RawReading, SourceError> {
        (self.read)()
    }

    /// Uses the fetched reading as the start of the first window.
    pub(super) fn begin(&mut self, now: Nanos) {
        self.counter.forget();
        self.gauge.forget();
        self.is_lost = false;
        // The first window reports the same events again.
        let _ = self.measure((now, now), &mut |_, _| ());
        self.is_lost = false;
    }

    /// Emits the window that ends now, or later if the fallback must decide. Reads the sensor
    /// if no reading was fetched.
    pub(super) fn poll(
        &mut self,
        window: (Nanos, Nanos),
        report: ReportEvent<'_>,
        emit: &mut dyn FnMut(WindowEnergy),
    ) {
        let energy = self.measure(window, report);
        if window.0 >= window.1 {
            return;
        }
        let is_lost = self.is_lost;
        match &mut self.fallback {
            Some(fallback) => {
                let verdict = fallback.check(window, energy, is_lost, emit);
                self.verdict(verdict, report);
            }
            None => emit(WindowEnergy {
                start: window.0,
                end: window.1,
                energy,
            }),
        }
    }

    /// Emits the windows that are still held back.
    pub(super) fn end(&mut self, emit: &mut dyn FnMut(WindowEnergy)) {
        if let Some(fallback) = &mut self.fallback {
            fallback.end(emit);
        }
    }

    fn verdict(&mut self, verdict: Option<FallbackChange>, report: ReportEvent<'_>) {
        let message = match verdict {
            None => return,
            Some(FallbackChange::PowerInstead(power)) => format!(
                "the energy counter is frozen while {:.1} W are drawn: power is read instead",
                power.watts()
            ),
            Some(FallbackChange::Unknown) => {
                "the energy counter is frozen: its energy is unknown until it moves again"
                    .to_owned()
            }
            Some(FallbackChange::Moves) => "the energy counter moves again".to_owned(),
        };
        report("frozen", message);
    }

    /// Returns the energy of a window; `None` for the first reading.
    fn measure(&mut self, window: (Nanos, Nanos), report: ReportEvent<'_>) -> Option<Energy> {
        let fetched = self.fetched.take();
        let raw = match fetched.unwrap_or_else(|| (self.read)()) {
            Ok(raw) => raw,
            Err(error) => {
                self.counter.forget();
                self.gauge.forget();
                if !std::mem::replace(&mut self.is_lost, true) {
                    report("unreadable", error.to_string());
                }
                return None;
            }
        };
        if std::mem::replace(&mut self.is_lost, false) {
            report("readable", "it can be read again".to_owned());
        }
        match raw {
            RawReading::Microjoules(raw) => {
                let outcome = self.counter.advance(raw);
                counted(outcome, window, report)
            }
            RawReading::Watts(watts) => self.gauge.advance(watts, window),
        }
    }
}

/// Returns the energy of a window by a step of its counter.
fn counted(
    outcome: CounterStep,
    (start, end): (Nanos, Nanos),
    report: ReportEvent<'_>,
) -> Option<Energy> {
    let is_plausible =
        |energy: Energy| start >= end || implausible(start, end, Some(energy)).is_none();
    match outcome {
        CounterStep::First => None,
        CounterStep::Delta(energy) if is_plausible(energy) => Some(energy),
        CounterStep::Delta(energy) => {
            let joules = energy.joules();
            report(
                "jump",
                format!("the counter jumped by {joules:.0} J; that energy is unknown"),
            );
            None
        }
        CounterStep::Wrapped(energy) if is_plausible(energy) => {
            let what = "the counter wrapped; its energy is counted";
            report("wrap", what.to_owned());
            Some(energy)
        }
        CounterStep::Wrapped(_) | CounterStep::Reset => {
            let what = "the counter went backwards; this window's energy is unknown";
            report("reset", what.to_owned());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const fn ms(millis: i64) -> Nanos {
        Nanos::from_millis(millis)
    }

    fn reader(readings: Vec<Result<RawReading, &'static str>>) -> RailReader {
        let mut readings = VecDeque::from(readings);
        let read = move || {
            let next = readings.pop_front().unwrap_or(Err("no more"));
            next.map_err(|why| SourceError::Retry {
                what: "fake".into(),
                why: why.into(),
            })
        };
        RailReader::new(Box::new(read))
    }

    /// Returns the energies of windows of 100 ms, and the kinds of reported events.
    fn polled(mut reader: RailReader, windows: i64) -> (Vec<Option<f64>>, Vec<&'static str>) {
        let (mut energies, mut kinds) = (Vec::new(), Vec::new());
        reader.begin(ms(0));
        for at in 0..windows {
            let window = (ms(100 * at), ms(100 * at + 100));
            reader.poll(window, &mut |kind, _| kinds.push(kind), &mut |one| {
                energies.push(one.energy.map(Energy::joules));
            });
        }
        (energies, kinds)
    }

    #[test]
    fn energy_is_unknown_while_a_counter_is_unreadable_or_reset() {
        let count = |uj| Ok(RawReading::Microjoules(uj));
        let readings = vec![
            count(1_000_000),
            count(3_000_000),
            Err("gone"),
            Err("gone"),
            count(9_000_000),
            count(9_500_000),
            count(1_000),
            count(2_000),
        ];
        let (energies, kinds) = polled(reader(readings), 7);
        assert_eq!(
            energies,
            [Some(2.0), None, None, None, Some(0.5), None, Some(0.001)]
        );
        assert_eq!(kinds, ["unreadable", "readable", "reset"]);
    }

    #[test]
    fn energy_of_an_implausible_step_is_unknown() {
        let count = |joules: u64| Ok(RawReading::Microjoules(joules * 1_000_000));
        let readings = vec![count(0), count(20), count(3_020), count(3_040)];
        let (energies, kinds) = polled(reader(readings), 3);
        assert_eq!(energies, [Some(20.0), None, Some(20.0)]);
        assert_eq!(kinds, ["jump"]);
    }

    #[test]
    fn energy_of_a_gauge_is_the_mean_power_times_time() {
        let watts = |w| Ok(RawReading::Watts(w));
        let readings = vec![
            watts(10.0),
            watts(20.0),
            Err("gone"),
            watts(30.0),
            watts(30.0),
        ];
        let (energies, _) = polled(reader(readings), 4);
        assert_eq!(energies, [Some(1.5), None, None, Some(3.0)]);
    }

    /// ```text
    /// ms       0   100 (stopped) 2100  2200
    /// W       10   10            10    10
    /// energy     1 J |  unknown   | 1 J |
    /// ```
    #[test]
    fn a_gauge_is_not_interpolated_over_a_long_pause() {
        let mut reader = reader(vec![Ok(RawReading::Watts(10.0)); 4]);
        reader.every(ms(100));
        reader.begin(ms(0));
        let mut energies = Vec::new();
        for window in [(0, 100), (100, 2_100), (2_100, 2_200)] {
            let window = (ms(window.0), ms(window.1));
            reader.poll(window, &mut |_, _| (), &mut |one| {
                energies.push(one.energy.map(Energy::joules));
            });
        }
        assert_eq!(energies, [Some(1.0), None, Some(1.0)]);
    }

    #[test]
    fn a_sensor_that_is_unreadable_from_the_start_is_reported() {
        let (energies, kinds) = polled(reader(vec![Err("locked"), Err("locked")]), 2);
        assert_eq!((energies, kinds), (vec![None, None], vec!["unreadable"]));
    }
}
