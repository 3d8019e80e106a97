//! What every sample must be, whatever source it came from.

use crate::power::{Notice, Reading, Sample};
use crate::units::{Energy, Nanos, Power};

/// Several times what the largest single machine draws: a fault of the sensor.
pub const ABSURD: Power = Power::from_watts(1e5);

/// Checks the samples of one source.
#[derive(Debug, Clone, Default)]
pub struct Validator {
    /// End of the last sample of each rail.
    ends: Vec<Option<Nanos>>,
    dropped: u64,
}

impl Validator {
    /// For a source with that many rails.
    pub fn new(rails: usize) -> Self {
        Self {
            ends: vec![None; rails],
            dropped: 0,
        }
    }

    /// Samples dropped so far.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Drops the samples that cannot be, each with a notice.
    pub fn check(&mut self, reading: &mut Reading) {
        let Reading {
            samples, notices, ..
        } = reading;
        samples.retain(|sample| match self.fault(sample) {
            None => {
                self.ends[sample.rail] = Some(sample.end);
                true
            }
            Some(why) => {
                self.dropped += 1;
                notices.push(Notice {
                    time: sample.end,
                    kind: "dropped_sample",
                    message: format!("rail {}: a sample {why} was dropped", sample.rail),
                });
                false
            }
        });
    }

    fn fault(&self, sample: &Sample) -> Option<&'static str> {
        let Some(last) = self.ends.get(sample.rail) else {
            return Some("of an unknown rail");
        };
        if sample.start >= sample.end {
            return Some("without length");
        }
        match last {
            Some(last) if sample.end <= *last => return Some("out of order"),
            Some(last) if sample.start < *last => return Some("that overlaps the one before"),
            _ => {}
        }
        implausible(sample.start, sample.end, sample.energy)
    }
}

/// Returns why a rail cannot have used `energy` from `start` to `end`, or `None` if it can.
/// An unknown energy is always possible. This is the one rule for live sources, replays
/// and imports.
pub fn implausible(start: Nanos, end: Nanos, energy: Option<Energy>) -> Option<&'static str> {
    match energy?.over(end - start)?.watts() {
        power if !power.is_finite() => Some("that is no number"),
        power if power.abs() > ABSURD.watts() => Some("of an absurd power"),
        power if power < 0.0 => Some("of a negative power"),
        _ => None,
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
            sample(0, 300, 400, Some(1.1e4)),
            sample(0, 300, 400, Some(-0.1)),
            sample(2, 300, 400, Some(1.0)),
        ];
        let mut reading = Reading::default();
        reading.samples.extend(good.iter().chain(&bad));
        let mut validator = Validator::new(2);
        validator.check(&mut reading);
        assert_eq!(reading.samples, good);
        assert_eq!(reading.notices.len(), bad.len());
        assert_eq!(validator.dropped(), bad.len() as u64);
        // The next good one is still taken.
        reading.samples = vec![sample(0, 300, 400, Some(1.0))];
        validator.check(&mut reading);
        assert_eq!(reading.samples.len(), 1);
    }
}
