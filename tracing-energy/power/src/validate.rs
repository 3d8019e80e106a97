//! Validates the samples of all sources and files.

use crate::rail::{Notice, Rail, Sample};
use crate::source::Reading;
use energy_data::units::{Energy, Nanos, Power};

/// The largest plausible power of a rail.
pub const LARGEST: Power = Power::from_watts(20_000.0);

/// Returns why `energy` from `start` to `end` is implausible, or `None` if it is plausible. An
/// unknown energy is always plausible. Live sources, replays and imports share this rule.
pub fn implausible(start: Nanos, end: Nanos, energy: Option<Energy>) -> Option<&'static str> {
    if start >= end {
        return Some("without length");
    }
    let power = energy?.over(end - start)?.watts();
    match power {
        power if !power.is_finite() => Some("that is not a number"),
        power if power < 0.0 => Some("of a negative power"),
        power if power > LARGEST.watts() => Some("of more than 20 kW"),
        _ => None,
    }
}

/// Checks the samples of one source.
#[derive(Debug, Clone, Default)]
pub struct Validator {
    source: String,
    rails: Vec<LastSample>,
    dropped: u64,
}

/// A rail's name and the end of its last sample.
#[derive(Debug, Clone)]
struct LastSample {
    name: String,
    end: Option<Nanos>,
}

impl Validator {
    /// Creates a validator for a source with these rails.
    pub fn new(source: impl Into<String>, rails: &[Rail]) -> Self {
        let mut validator = Self {
            source: source.into(),
            ..Self::default()
        };
        validator.extend(rails.iter());
        validator
    }

    /// Adds the rails that a source has appended.
    fn extend<'r>(&mut self, rails: impl Iterator<Item = &'r Rail>) {
        let new = rails.skip(self.rails.len());
        self.rails.extend(new.map(|rail| LastSample {
            name: rail.name.clone(),
            end: None,
        }));
    }

    /// Returns the number of samples dropped so far.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Drops implausible samples, each with a notice that names its rail.
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
        let Some(LastSample { end, .. }) = self.rails.get(sample.rail) else {
            return Some("of an unknown rail");
        };
        match end {
            Some(last) if sample.end <= *last => return Some("out of order"),
            Some(last) if sample.start < *last => return Some("that overlaps the previous one"),
            _ => {}
        }
        implausible(sample.start, sample.end, sample.energy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plausible_samples_pass() {
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
            kind: crate::RailKind::Other,
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
        // The next plausible sample is accepted.
        reading.samples = vec![sample(0, 300, 400, Some(1.0))];
        validator.check(&mut reading);
        assert_eq!(reading.samples.len(), 1);
    }
}
