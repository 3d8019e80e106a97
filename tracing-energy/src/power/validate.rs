//! What every sample must be, whatever source or file it came from.

use crate::power::{Notice, Rail, Reading, Sample};
use crate::units::{Energy, Nanos, Power};

/// More than a rail of one machine can draw: a fault of its sensor, or of its file.
pub const LARGEST: Power = Power::from_watts(20_000.0);

/// Returns why a rail cannot have used `energy` from `start` to `end`, or `None` if it can.
/// An unknown energy is always possible. This is the one rule for live sources, replays
/// and imports.
pub fn implausible(start: Nanos, end: Nanos, energy: Option<Energy>) -> Option<&'static str> {
    if start >= end {
        return Some("without length");
    }
    let power = energy?.over(end - start)?.watts();
    match power {
        power if !power.is_finite() => Some("that is no number"),
        power if power < 0.0 => Some("of a negative power"),
        power if power > LARGEST.watts() => Some("of more than 20 kW"),
        _ => None,
    }
}

/// Checks the samples of one source.
#[derive(Debug, Clone, Default)]
pub struct Validator {
    source: String,
    rails: Vec<Checked>,
    dropped: u64,
}

/// A rail's name and the end of its last sample.
#[derive(Debug, Clone)]
struct Checked {
    name: String,
    end: Option<Nanos>,
}

impl Validator {
    /// Makes a validator for a source with these rails.
    pub fn new(source: impl Into<String>, rails: &[Rail]) -> Self {
        let mut validator = Self {
            source: source.into(),
            ..Self::default()
        };
        validator.extend(rails.iter());
        validator
    }

    /// Adds the rails of `rails` that are new: a source appends them.
    fn extend<'r>(&mut self, rails: impl Iterator<Item = &'r Rail>) {
        let new = rails.skip(self.rails.len());
        self.rails.extend(new.map(|rail| Checked {
            name: rail.name.clone(),
            end: None,
        }));
    }

    /// Returns the number of samples dropped so far.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Drops the samples that cannot be, each with a notice that names its rail.
    pub fn check(&mut self, reading: &mut Reading) {
        let Reading {
            samples,
            notices,
            rails,
            ..
        } = reading;
        if let Some(rails) = rails {
            self.extend(rails.iter().map(|(rail, _)| rail));
        }
        samples.retain(|sample| match self.fault(sample) {
            None => {
                self.rails[sample.rail].end = Some(sample.end);
                true
            }
            Some(why) => {
                self.dropped += 1;
                notices.push(Notice {
                    time: sample.end,
                    kind: "dropped_sample",
                    message: format!("{}: a sample {why} was dropped", self.name(sample.rail)),
                });
                false
            }
        });
    }

    fn name(&self, rail: usize) -> String {
        match self.rails.get(rail) {
            Some(checked) => format!("{} {}", self.source, checked.name),
            None => self.source.clone(),
        }
    }

    fn fault(&self, sample: &Sample) -> Option<&'static str> {
        let Some(Checked { end, .. }) = self.rails.get(sample.rail) else {
            return Some("of an unknown rail");
        };
        match end {
            Some(last) if sample.end <= *last => return Some("out of order"),
            Some(last) if sample.start < *last => return Some("that overlaps the one before"),
            _ => {}
        }
        implausible(sample.start, sample.end, sample.energy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_passes() {
        let sample = |rail, start, end, joules: Option<f64>| Sample {
            rail,
            start: Nanos::from_millis(start),
            end: Nanos::from_millis(end),
            energy: joules.map(Energy::from_joules),
        };
        let good = [
            sample(0, 0, 100, Some(1.0)),
            sample(1, 50, 150, None),
            sample(0, 200, 300, Some(0.0)),
        ];
        let bad = [
            sample(0, 300, 300, Some(1.0)),
            sample(0, 100, 200, Some(1.0)),
            sample(0, 250, 400, Some(1.0)),
            sample(0, 300, 400, Some(f64::NAN)),
            sample(0, 300, 400, Some(f64::INFINITY)),
            sample(0, 300, 400, Some(2.1e3)),
            sample(0, 300, 400, Some(-0.1)),
            sample(2, 300, 400, Some(1.0)),
        ];
        let mut reading = Reading::default();
        reading.samples.extend(good.iter().chain(&bad));
        let rail = |name: &str| Rail {
            name: name.into(),
            kind: crate::power::RailKind::Other,
            parent: None,
            unit: "mJ",
        };
        let mut validator = Validator::new("fake", &[rail("a"), rail("b")]);
        validator.check(&mut reading);
        assert_eq!(reading.samples, good);
        assert_eq!(reading.notices.len(), bad.len());
        assert_eq!(validator.dropped(), bad.len() as u64);
        let names = reading.notices.iter().map(|one| &one.message[..7]);
        assert_eq!(names.filter(|name| *name == "fake a:").count(), 7);
        // The next good one is still taken.
        reading.samples = vec![sample(0, 300, 400, Some(1.0))];
        validator.check(&mut reading);
        assert_eq!(reading.samples.len(), 1);
    }
}
