//! Sources whose rails are read at fixed times, all under one time stamp.
//!
//! ```text
//! counter   |---- 12 J ----|---- 11 J ----|      the step between two readings
//! gauge     5 W          7 W            6 W      mean of two readings x time
//! ```
//!
//! What cannot be read leaves a sample without energy, and is told once. A gauge says
//! nothing of the time between its readings: that it went straight is an assumption.

use crate::clock::Clock;
use crate::cpu_time;
use crate::power::counter::{Counter, Outcome};
use crate::power::pace::Pace;
use crate::power::still::StillWatch;
use crate::power::users::DeviceUsers;
use crate::power::{Description, Notice, PowerSource, Reading, Sample, SourceError};
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

/// One rail's sensor and what was read of it before.
pub(super) struct Dial {
    read: Read,
    counter: Counter,
    power: Option<Power>,
    is_lost: bool,
}

impl Dial {
    /// A sensor; a counter among them never wraps.
    pub(super) fn new(read: Read) -> Self {
        Self {
            read,
            counter: Counter::microjoules(None),
            power: None,
            is_lost: false,
        }
    }

    /// The energy of the window that ends now; the first reading has none.
    fn poll(
        &mut self,
        (start, end): (Nanos, Nanos),
        tell: &mut impl FnMut(&'static str, String),
    ) -> Option<Energy> {
        let raw = match (self.read)() {
            Ok(raw) => raw,
            Err(error) => {
                self.counter.forget();
                self.power = None;
                if !std::mem::replace(&mut self.is_lost, true) {
                    tell("unreadable", error.to_string());
                }
                return None;
            }
        };
        if std::mem::replace(&mut self.is_lost, false) {
            tell("readable", "it can be read again".to_owned());
        }
        match raw {
            Raw::Microjoules(raw) => match self.counter.advance(raw) {
                Outcome::First => None,
                Outcome::Delta(energy) | Outcome::Wrapped(energy) => Some(energy),
                Outcome::Reset => {
                    let what = "the counter went backwards; this window's energy is unknown";
                    tell("reset", what.to_owned());
                    None
                }
            },
            Raw::Watts(watts) => {
                let now = Power::from_watts(watts);
                let before = self.power.replace(now)?;
                Some((before + now) * 0.5 * (end - start))
            }
        }
    }
}

/// A source of such rails.
pub struct Polled {
    description: Description,
    dials: Vec<Dial>,
    users: Vec<(usize, Box<dyn DeviceUsers>)>,
    still: StillWatch,
    pace: Option<Pace>,
    last: Nanos,
}

impl Polled {
    /// One dial for each rail of the description.
    pub(super) fn new(description: Description, dials: Vec<Dial>) -> Self {
        Self {
            description,
            dials,
            users: Vec::new(),
            still: StillWatch::default(),
            pace: None,
            last: Nanos::ZERO,
        }
    }

    /// The same, with readers of the use of rails' devices.
    #[must_use]
    pub(super) fn with_users(mut self, users: Vec<(usize, Box<dyn DeviceUsers>)>) -> Self {
        self.users = users;
        self
    }

    fn poll(&mut self, now: Nanos, reading: &mut Reading) {
        let window = (self.last, now);
        self.last = now;
        let from = reading.samples.len();
        let rails = self.description.rails.iter();
        for (at, (dial, rail)) in self.dials.iter_mut().zip(rails).enumerate() {
            let (source, notices) = (&self.description.name, &mut reading.notices);
            let energy = dial.poll(window, &mut |kind, message| {
                notices.push(Notice {
                    time: now,
                    kind,
                    message: format!("{source} {}: {message}", rail.name),
                });
            });
            if window.0 < window.1 {
                reading.samples.push(Sample {
                    rail: at,
                    start: window.0,
                    end: window.1,
                    energy,
                });
            }
        }
        let Reading {
            samples, notices, ..
        } = reading;
        let Description { name, rails, .. } = &self.description;
        self.still
            .check((name, rails), &samples[from..], cpu_time::machine, notices);
    }
}

impl PowerSource for Polled {
    fn users(&mut self) -> Vec<(usize, Box<dyn DeviceUsers>)> {
        std::mem::take(&mut self.users)
    }

    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
        self.last = clock.now();
        // What this tells is told again by the first window.
        self.poll(self.last, &mut Reading::default());
        for dial in &mut self.dials {
            dial.is_lost = false;
        }
        self.pace = Some(Pace::starting(self.last, self.description.interval));
        Ok(())
    }

    fn read(
        &mut self,
        clock: &dyn Clock,
        patience: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        let pace = self.pace.as_mut();
        if pace.is_some_and(|pace| pace.wait(clock, patience)) {
            self.poll(clock.now(), reading);
        }
        Ok(())
    }

    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        if self.pace.take().is_some() {
            self.poll(clock.now(), reading);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::clock::ManualClock;
    use crate::power::{Kernel, Provenance, Rail, RailKind};

    fn source(readings: Vec<Result<Raw, &'static str>>) -> Polled {
        let mut readings = VecDeque::from(readings);
        let read = move || {
            let next = readings.pop_front().unwrap_or(Err("no more"));
            next.map_err(|why| SourceError::Retry {
                what: "fake".into(),
                why: why.into(),
            })
        };
        let description = Description {
            name: "fake".into(),
            rails: vec![Rail {
                name: "a".into(),
                kind: RailKind::Other,
                parent: None,
                unit: "uJ",
            }],
            interval: Nanos::from_millis(100),
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
            limits: Vec::new(),
        };
        Polled::new(description, vec![Dial::new(Box::new(read))])
    }

    /// Energies of windows of 100 ms, and the kinds of notices.
    fn polled(mut source: Polled, windows: i64) -> (Vec<Option<f64>>, Vec<&'static str>) {
        let clock = ManualClock::default();
        source.start(&clock).unwrap();
        let mut reading = Reading::default();
        for at in 1..windows {
            clock.set(Nanos::from_millis(100 * at));
            source.read(&clock, Nanos::ZERO, &mut reading).unwrap();
        }
        clock.set(Nanos::from_millis(100 * windows));
        source.stop(&clock, &mut reading);
        let energy = |sample: &Sample| sample.energy.map(Energy::joules);
        (
            reading.samples.iter().map(energy).collect(),
            reading.notices.iter().map(|notice| notice.kind).collect(),
        )
    }

    #[test]
    fn counters_step_and_forget_what_they_missed() {
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
        let (energies, notices) = polled(source(readings), 7);
        assert_eq!(
            energies,
            [Some(2.0), None, None, None, Some(0.5), None, Some(0.001)]
        );
        assert_eq!(notices, ["unreadable", "readable", "reset"]);
    }

    #[test]
    fn gauges_are_the_mean_of_two_readings_times_time() {
        let watts = |w| Ok(Raw::Watts(w));
        let readings = vec![
            watts(10.0),
            watts(20.0),
            Err("gone"),
            watts(30.0),
            watts(30.0),
        ];
        let (energies, _) = polled(source(readings), 4);
        assert_eq!(energies, [Some(1.5), None, None, Some(3.0)]);
    }

    #[test]
    fn one_that_cannot_be_read_from_the_start_is_told() {
        let (energies, notices) = polled(source(vec![Err("locked"), Err("locked")]), 2);
        assert_eq!((energies, notices), (vec![None, None], vec!["unreadable"]));
    }
}
