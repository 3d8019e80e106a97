//! Reads one rail's sensor and computes the energy of each window.

use crate::counter::{Counter, CounterStep};
use crate::power_fallback::{PowerFallback, Verdict};
use crate::validate::implausible;
use crate::{Sample, SourceError};
use energy_data::units::{Energy, Nanos, Power};

/// One reading of a sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw {
    /// Cumulative energy.
    Microjoules(u64),
    /// Current power.
    Watts(f64),
}

/// Reads a sensor.
pub(super) type Read = Box<dyn FnMut() -> Result<Raw, SourceError> + Send>;

/// Reports an event: its kind and its message.
pub(super) type Report<'a> = &'a mut dyn FnMut(&'static str, String);

/// The energy of one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WindowEnergy {
    pub(super) start: Nanos,
    pub(super) end: Nanos,
    pub(super) energy: Option<Energy>,
}

impl WindowEnergy {
    /// Converts it to a sample of a rail.
    pub(super) const fn of_rail(self, rail: usize) -> Sample {
        let Self { start, end, energy } = self;
        Sample {
            rail,
            start,
            end,
            energy,
        }
    }
}

/// Reads one rail.
pub(super) struct RailReader {
    read: Read,
    /// The reading for the next window.
    fetched: Option<Result<Raw, SourceError>>,
    counter: Counter,
    gauge: Gauge,
    is_lost: bool,
    fallback: Option<PowerFallback>,
}

impl RailReader {
    /// Creates a reader. A counter is assumed never to wrap.
    pub(super) fn new(read: Read) -> Self {
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
    pub(super) fn with_power_fallback(mut self, power: Read) -> Self {
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
    pub(super) fn probe(&mut self) -> Result<Raw, SourceError> {
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
        report: Report<'_>,
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

    fn verdict(&mut self, verdict: Option<Verdict>, report: Report<'_>) {
        let message = match verdict {
            None => return,
            Some(Verdict::PowerInstead(power)) => format!(
                "the energy counter is frozen while {:.1} W are drawn: power is read instead",
                power.watts()
            ),
            Some(Verdict::Unknown) => {
                "the energy counter is frozen: its energy is unknown until it moves again"
                    .to_owned()
            }
            Some(Verdict::Moves) => "the energy counter moves again".to_owned(),
        };
        report("frozen", message);
    }

    /// Returns the energy of a window; `None` for the first reading.
    fn measure(&mut self, window: (Nanos, Nanos), report: Report<'_>) -> Option<Energy> {
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
            Raw::Microjoules(raw) => {
                let outcome = self.counter.advance(raw);
                counted(outcome, window, report)
            }
            Raw::Watts(watts) => self.gauge.advance(watts, window),
        }
    }
}

/// Returns the energy of a window by a step of its counter.
fn counted(
    outcome: CounterStep,
    (start, end): (Nanos, Nanos),
    report: Report<'_>,
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

/// Longest time between two readings over which power is interpolated: this number of
/// intervals, but at least [`BRIDGED_AT_LEAST`].
const BRIDGED_INTERVALS: i64 = 5;
const BRIDGED_AT_LEAST: Nanos = Nanos::from_millis(1_000);

/// Interpolates power between readings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gauge {
    last: Option<Power>,
    /// Longest window; longer ones are gaps.
    longest: Nanos,
}

impl Gauge {
    /// Creates a gauge with a reading interval.
    pub(super) fn every(interval: Nanos) -> Self {
        let longest = Nanos::from_nanos(interval.nanos().saturating_mul(BRIDGED_INTERVALS));
        Self {
            last: None,
            longest: longest.max(BRIDGED_AT_LEAST),
        }
    }

    /// Returns the mean of the last two readings times the time between them.
    pub(super) fn advance(&mut self, watts: f64, (start, end): (Nanos, Nanos)) -> Option<Energy> {
        let now = Power::from_watts(watts);
        let before = self.last.replace(now)?;
        (end - start <= self.longest).then(|| (before + now) * 0.5 * (end - start))
    }

    pub(super) fn forget(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const fn ms(millis: i64) -> Nanos {
        Nanos::from_millis(millis)
    }

    fn reader(readings: Vec<Result<Raw, &'static str>>) -> RailReader {
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
        let count = |uj| Ok(Raw::Microjoules(uj));
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
        let count = |joules: u64| Ok(Raw::Microjoules(joules * 1_000_000));
        let readings = vec![count(0), count(20), count(3_020), count(3_040)];
        let (energies, kinds) = polled(reader(readings), 3);
        assert_eq!(energies, [Some(20.0), None, Some(20.0)]);
        assert_eq!(kinds, ["jump"]);
    }

    #[test]
    fn energy_of_a_gauge_is_the_mean_power_times_time() {
        let watts = |w| Ok(Raw::Watts(w));
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
        let mut reader = reader(vec![Ok(Raw::Watts(10.0)); 4]);
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
