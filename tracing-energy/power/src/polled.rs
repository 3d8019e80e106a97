//! Sources whose rails are read at fixed times with a common time stamp.
//!
//! ```text
//! counter   |---- 12 J ----|---- 11 J ----|      the step between two readings
//! gauge     5 W          7 W            6 W      mean of two readings x time
//! ```
//!
//! A sensor that fails delivers samples without energy and is reported once. A sensor that
//! cannot be read when the source is opened is tried again every second, and becomes a rail
//! once it can. A gauge is interpolated linearly between its readings, for a few intervals
//! at most.

use crate::clock::Clock;
use crate::containment::{PlacedRail, Placement};
use crate::error::SourceError;
use crate::rail::{Description, Notice, Rail, UnusedSensor};
use crate::rail_reader::RailReader;
use crate::source::{PowerSource, Reading};
use crate::stamp::Stamp;
use crate::ticker::Ticker;
use crate::users::DeviceUsers;
use energy_data::units::Nanos;

/// Time between attempts to read a sensor that could not be read at first.
const TRY_AGAIN: Nanos = Nanos::from_millis(1_000);

/// One sensor of a source.
pub(super) struct PolledSensor {
    /// Its rail; the parent is an index among all sensors, read or not.
    pub(super) rail: Rail,
    /// Its placement; the index of [`Placement::Repeats`] is among all sensors.
    pub(super) placement: Placement,
    pub(super) reader: RailReader,
    /// Reads the use of the rail's device by process.
    pub(super) users: Option<Box<dyn DeviceUsers>>,
}

struct PolledSlot {
    sensor: PolledSensor,
    /// Its rail's index, once it could be read.
    index: Option<usize>,
}

/// A source of polled sensors.
pub struct Polled {
    description: Description,
    slots: Vec<PolledSlot>,
    warnings: Vec<String>,
    ticker: Option<Ticker>,
    stamp: Stamp,
    last: Nanos,
    try_again_at: Nanos,
}

impl Polled {
    /// Opens the sensors that can be read as rails; the others are added to `left_out`.
    ///
    /// # Errors
    /// The first sensor's error, if none can be read.
    pub(super) fn open(
        description: Description,
        sensors: Vec<PolledSensor>,
        left_out: &mut Vec<UnusedSensor>,
    ) -> Result<Self, SourceError> {
        let slots = sensors.into_iter().map(|sensor| PolledSlot {
            sensor,
            index: None,
        });
        let mut source = Self {
            description,
            slots: slots.collect(),
            warnings: Vec::new(),
            ticker: None,
            stamp: Stamp::default(),
            last: Nanos::ZERO,
            try_again_at: Nanos::ZERO,
        };
        let (mut first, mut failed) = (None, Vec::new());
        for at in 0..source.slots.len() {
            let Err(error) = source.add(at) else { continue };
            failed.push(UnusedSensor {
                sensor: source.name(at),
                why: error.to_string(),
                is_fault: true,
            });
            first.get_or_insert(error);
        }
        match first.filter(|_| failed.len() == source.slots.len()) {
            Some(error) => Err(error),
            None => {
                left_out.append(&mut failed);
                source.describe_rails();
                Ok(source)
            }
        }
    }

    /// Adds warnings about the source.
    #[cfg(feature = "nvml")]
    pub(super) fn warning(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    /// Makes the sensor a rail, if it can be read.
    fn add(&mut self, at: usize) -> Result<(), SourceError> {
        self.slots[at].sensor.reader.probe()?;
        let known = self.slots.iter().filter(|slot| slot.index.is_some());
        let index = known.count();
        self.slots[at].index = Some(index);
        Ok(())
    }

    fn name(&self, at: usize) -> String {
        let name = &self.slots[at].sensor.rail.name;
        format!("{} {name}", self.description.name)
    }

    /// Returns the rails by index. The parent of each is its nearest readable ancestor.
    fn rails(&self) -> Vec<PlacedRail> {
        let mut rails: Vec<(usize, PlacedRail)> = Vec::new();
        for slot in &self.slots {
            let Some(index) = slot.index else { continue };
            let PolledSensor {
                rail, placement, ..
            } = &slot.sensor;
            let mut above = rail.parent;
            while let Some(at) = above.filter(|&at| self.slots[at].index.is_none()) {
                above = self.slots[at].sensor.rail.parent;
            }
            let placement = match *placement {
                Placement::Repeats(of) => {
                    let of = self.slots[of].index;
                    of.map_or(Placement::Unknown, Placement::Repeats)
                }
                other => other,
            };
            let rail = Rail {
                parent: above.and_then(|at| self.slots[at].index),
                ..rail.clone()
            };
            rails.push((index, (rail, placement)));
        }
        rails.sort_by_key(|(index, _)| *index);
        rails.into_iter().map(|(_, rail)| rail).collect()
    }

    fn describe_rails(&mut self) {
        let rails = self.rails().into_iter().map(|(rail, _)| rail);
        self.description.rails = rails.collect();
    }

    /// Tries the sensors again that could not be read yet.
    fn try_again(&mut self, now: Nanos, reading: &mut Reading) {
        if now < self.try_again_at {
            return;
        }
        self.try_again_at = now + TRY_AGAIN;
        let missing = (0..self.slots.len()).filter(|&at| self.slots[at].index.is_none());
        for at in missing.collect::<Vec<_>>() {
            if self.add(at).is_err() {
                continue;
            }
            self.describe_rails();
            reading.rails = Some(self.rails());
            reading.notices.push(Notice {
                time: now,
                kind: "rail_appeared",
                message: format!(
                    "{}: it can be read now; its energy before is unknown",
                    self.name(at)
                ),
            });
        }
    }

    /// Reads all sensors; returns the time at which they were read.
    fn fetch(&mut self, clock: &dyn Clock) -> Nanos {
        let slots = &mut self.slots;
        let read = || {
            for slot in slots.iter_mut().filter(|slot| slot.index.is_some()) {
                slot.sensor.reader.fetch();
            }
        };
        self.stamp.read(clock, read).1.max(self.last)
    }

    fn poll(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        let now = self.fetch(clock);
        let window = (self.last, now);
        self.last = now;
        for slot in &mut self.slots {
            let Some(rail) = slot.index else { continue };
            let PolledSensor {
                rail: Rail { name, .. },
                reader,
                ..
            } = &mut slot.sensor;
            let (source, notices) = (&self.description.name, &mut reading.notices);
            let mut report = |kind, message: String| {
                notices.push(Notice {
                    time: now,
                    kind,
                    message: format!("{source} {name}: {message}"),
                });
            };
            reader.poll(window, &mut report, &mut |sample| {
                reading.samples.push(sample.of_rail(rail));
            });
        }
    }
}

impl PowerSource for Polled {
    fn users(&mut self) -> Vec<(usize, Box<dyn DeviceUsers>)> {
        let slots = self.slots.iter_mut();
        slots
            .filter_map(|slot| Some((slot.index?, slot.sensor.users.take()?)))
            .collect()
    }

    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn placement(&self, rail: usize) -> Placement {
        let rails = self.rails();
        rails.get(rail).map(|placed| placed.1).unwrap_or_default()
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
        let interval = self.description.interval;
        for slot in &mut self.slots {
            slot.sensor.reader.every(interval);
        }
        self.last = clock.now();
        self.last = self.fetch(clock);
        self.try_again_at = self.last + TRY_AGAIN;
        for slot in &mut self.slots {
            slot.sensor.reader.begin(self.last);
        }
        self.ticker = Some(Ticker::starting(self.last, self.description.interval));
        Ok(())
    }

    fn read(
        &mut self,
        clock: &dyn Clock,
        timeout: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        let ticker = self.ticker.as_mut();
        if ticker.is_some_and(|ticker| ticker.wait(clock, timeout)) {
            self.try_again(clock.now(), reading);
            self.poll(clock, reading);
        }
        Ok(())
    }

    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        if self.ticker.take().is_none() {
            return;
        }
        self.poll(clock, reading);
        for slot in &mut self.slots {
            let Some(rail) = slot.index else { continue };
            slot.sensor.reader.end(&mut |sample| {
                reading.samples.push(sample.of_rail(rail));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::clock::ManualClock;
    use crate::window_energy::RawReading;
    use energy_data::units::Energy;
    use energy_data::{Kernel, Provenance, RailKind};

    /// What each sensor reads now, in microjoules.
    type Counts = Arc<Mutex<Vec<Option<u64>>>>;

    fn description() -> Description {
        Description {
            name: "fake".into(),
            rails: Vec::new(),
            interval: Nanos::from_millis(100),
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
            limits: Vec::new(),
        }
    }

    fn sensor(counts: &Counts, at: usize, name: &str, parent: Option<usize>) -> PolledSensor {
        let counts = Arc::clone(counts);
        let read = move || {
            let count = counts.lock().unwrap()[at];
            let count = count.ok_or_else(|| SourceError::Retry {
                what: "fake".into(),
                why: "input/output error".into(),
            });
            count.map(RawReading::Microjoules)
        };
        PolledSensor {
            rail: Rail {
                name: name.into(),
                kind: RailKind::Other,
                parent,
                unit: "uJ",
            },
            placement: Placement::Unknown,
            reader: RailReader::new(Box::new(read)),
            users: None,
        }
    }

    /// Names and parents of a source's rails.
    fn tree(source: &Polled) -> Vec<(String, Option<usize>)> {
        let rails = source.describe().rails.into_iter();
        rails.map(|rail| (rail.name, rail.parent)).collect()
    }

    /// ```text
    /// s          0    1    2    3
    /// whole       unreadable     |  appears at 2 s
    /// middle      never readable
    /// part        inside both, readable from the start
    /// ```
    #[test]
    fn an_unreadable_sensor_is_reported_and_becomes_a_rail_once_readable() {
        let counts: Counts = Arc::new(Mutex::new(vec![None, None, Some(0)]));
        let sensors = vec![
            sensor(&counts, 0, "whole", None),
            sensor(&counts, 1, "middle", Some(0)),
            sensor(&counts, 2, "part", Some(1)),
        ];
        let mut left_out = Vec::new();
        let mut source = Polled::open(description(), sensors, &mut left_out).unwrap();
        let names: Vec<&str> = left_out.iter().map(|one| one.sensor.as_str()).collect();
        assert_eq!(names, ["fake whole", "fake middle"]);
        assert!(left_out[0].why.contains("input/output"), "{left_out:?}");
        assert_eq!(tree(&source), [("part".to_owned(), None)]);

        let clock = ManualClock::default();
        source.start(&clock).unwrap();
        let mut reading = Reading::default();
        for tenth in 1..=30_u64 {
            clock.set(Nanos::from_millis(100 * tenth as i64));
            counts.lock().unwrap()[2] = Some(1_000_000 * tenth);
            if tenth >= 20 {
                counts.lock().unwrap()[0] = Some(2_000_000 * tenth);
            }
            source.read(&clock, Nanos::ZERO, &mut reading).unwrap();
        }
        assert_eq!(
            tree(&source),
            [("part".to_owned(), Some(1)), ("whole".to_owned(), None)]
        );
        assert_eq!(reading.rails.as_ref().map(Vec::len), Some(2));
        let sum = |rail: usize| -> f64 {
            let own = reading.samples.iter().filter(|sample| sample.rail == rail);
            own.filter_map(|sample| sample.energy)
                .map(Energy::joules)
                .sum()
        };
        assert!((sum(0) - 30.0).abs() < 1e-9 && (sum(1) - 20.0).abs() < 1e-9);
        let late: Vec<_> = reading.samples.iter().filter(|one| one.rail == 1).collect();
        assert_eq!(late[0].energy, None, "its first reading has no energy");
        assert!(
            late.iter()
                .all(|sample| sample.end >= Nanos::from_millis(2_000))
        );
        let notices: Vec<_> = reading.notices.iter().map(|one| &*one.message).collect();
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(notices[0].starts_with("fake whole: it can be read now"));
    }

    #[test]
    fn opening_without_a_readable_sensor_is_an_error() {
        let counts: Counts = Arc::new(Mutex::new(vec![None]));
        let sensors = vec![sensor(&counts, 0, "whole", None)];
        let opened = Polled::open(description(), sensors, &mut Vec::new());
        assert!(matches!(opened, Err(SourceError::Retry { .. })));
    }
}
