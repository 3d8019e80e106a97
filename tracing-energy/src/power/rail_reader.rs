//! One rail's sensor, and what was read of it before.

use crate::power::counter::{Counter, Outcome};
use crate::power::second_way::{SecondWay, Verdict};
use crate::power::validate::implausible;
use crate::power::{Sample, SourceError};
use crate::units::{Energy, Nanos, Power};

/// One reading of a sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw {
    /// Energy since some time.
    Microjoules(u64),
    /// Power now.
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
    /// Returns it as a sample of a rail.
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
    /// What was read for the next window.
    fetched: Option<Result<Raw, SourceError>>,
    counter: Counter,
    gauge: Gauge,
    is_lost: bool,
    second_way: Option<SecondWay>,
}

impl RailReader {
    /// A sensor; a counter among them never wraps.
    pub(super) fn new(read: Read) -> Self {
        Self {
            read,
            fetched: None,
            counter: Counter::microjoules(None),
            gauge: Gauge::every(Nanos::ZERO),
            is_lost: false,
            second_way: None,
        }
    }

    /// Wraps to zero after `range_uj`; `None` never wraps.
    pub(super) fn wrapping(mut self, range_uj: Option<u64>) -> Self {
        self.counter = Counter::microjoules(range_uj);
        self
    }

    /// Reads power where the counter is dead.
    pub(super) fn with_second_way(mut self, power: Read) -> Self {
        self.second_way = Some(SecondWay::new(power));
        self
    }

    /// Is read so often: power is not taken to go straight over much longer times.
    pub(super) fn every(&mut self, interval: Nanos) {
        self.gauge = Gauge::every(interval);
        if let Some(way) = &mut self.second_way {
            way.every(interval);
        }
    }

    /// Reads the sensor for the window that ends now.
    pub(super) fn fetch(&mut self) {
        self.fetched = Some((self.read)());
    }

    /// Reads it to see whether it can be read.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) fn probe(&mut self) -> Result<Raw, SourceError> {
        (self.read)()
    }

    /// Takes the reading at the start of the first window.
    pub(super) fn begin(&mut self, now: Nanos) {
        self.counter.forget();
        self.gauge.forget();
        self.is_lost = false;
        // What this reports is reported again by the first window.
        let _ = self.measure((now, now), &mut |_, _| ());
        self.is_lost = false;
    }

    /// Hands on what is known of the window that ends now, later where a second way must
    /// decide; reads the sensor where nothing was fetched.
    pub(super) fn poll(
        &mut self,
        window: (Nanos, Nanos),
        report: Report<'_>,
        take: &mut dyn FnMut(WindowEnergy),
    ) {
        let energy = self.measure(window, report);
        if window.0 >= window.1 {
            return;
        }
        let is_lost = self.is_lost;
        match &mut self.second_way {
            Some(way) => {
                let verdict = way.check(window, energy, is_lost, take);
                self.verdict(verdict, report);
            }
            None => take(WindowEnergy {
                start: window.0,
                end: window.1,
                energy,
            }),
        }
    }

    /// Hands on what is still held back.
    pub(super) fn end(&mut self, take: &mut dyn FnMut(WindowEnergy)) {
        if let Some(way) = &mut self.second_way {
            way.end(take);
        }
    }

    fn verdict(&mut self, verdict: Option<Verdict>, report: Report<'_>) {
        let message = match verdict {
            None => return,
            Some(Verdict::PowerInstead(power)) => format!(
                "the energy counter stands still while {:.1} W are drawn: power is read instead",
                power.watts()
            ),
            Some(Verdict::Unknown) => {
                "the energy counter stands still: its energy is unknown from then on".to_owned()
            }
            Some(Verdict::Moves) => "the energy counter moves again".to_owned(),
        };
        report("frozen", message);
    }

    /// The energy of a window; the first reading has none.
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

/// What a step of a counter says of the window.
fn counted(outcome: Outcome, (start, end): (Nanos, Nanos), report: Report<'_>) -> Option<Energy> {
    let is_plausible =
        |energy: Energy| start >= end || implausible(start, end, Some(energy)).is_none();
    match outcome {
        Outcome::First => None,
        Outcome::Delta(energy) if is_plausible(energy) => Some(energy),
        Outcome::Delta(energy) => {
            let joules = energy.joules();
            report(
                "jump",
                format!("the counter jumped by {joules:.0} J; that energy is unknown"),
            );
            None
        }
        Outcome::Wrapped(energy) if is_plausible(energy) => {
            let what = "the counter wrapped; its energy is counted";
            report("wrap", what.to_owned());
            Some(energy)
        }
        Outcome::Wrapped(_) | Outcome::Reset => {
            let what = "the counter went backwards; this window's energy is unknown";
            report("reset", what.to_owned());
            None
        }
    }
}

/// Time between two readings that a gauge may bridge: so many intervals, and at least so
/// long.
const BRIDGED_INTERVALS: i64 = 5;
const BRIDGED_AT_LEAST: Nanos = Nanos::from_millis(1_000);

/// The last power that was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gauge {
    last: Option<Power>,
    /// Longer windows are gaps: nobody looked.
    longest: Nanos,
}

impl Gauge {
    /// One that is read so often.
    pub(super) fn every(interval: Nanos) -> Self {
        let longest = Nanos::from_nanos(interval.nanos().saturating_mul(BRIDGED_INTERVALS));
        Self {
            last: None,
            longest: longest.max(BRIDGED_AT_LEAST),
        }
    }

    /// The mean of two readings times the time between them.
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

    /// Energies of windows of 100 ms, and the kinds of what is reported.
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
    fn a_counter_steps_and_forgets_what_it_missed() {
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
    fn a_step_that_no_machine_draws_is_unknown() {
        let count = |joules: u64| Ok(Raw::Microjoules(joules * 1_000_000));
        let readings = vec![count(0), count(20), count(3_020), count(3_040)];
        let (energies, kinds) = polled(reader(readings), 3);
        assert_eq!(energies, [Some(20.0), None, Some(20.0)]);
        assert_eq!(kinds, ["jump"]);
    }

    #[test]
    fn a_gauge_is_the_mean_of_two_readings_times_time() {
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
    fn a_gauge_says_nothing_of_a_time_in_which_nobody_looked() {
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
    fn one_that_cannot_be_read_from_the_start_is_reported() {
        let (energies, kinds) = polled(reader(vec![Err("locked"), Err("locked")]), 2);
        assert_eq!((energies, kinds), (vec![None, None], vec!["unreadable"]));
    }
}
