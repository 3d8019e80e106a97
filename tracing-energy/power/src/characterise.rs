//! Measures the period and resolution of a rail's sensor by reading it more often than it
//! moves.
//!
//! ```text
//! reads     |  |  |  |  |  |  |  |  |  |  |  |
//! energy    0  0  8  0  0  7  0  0  8  0  0  8      period 3 reads, step 1
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

pub use crate::characteristics::{RailCharacteristics, SourceObservation};
use crate::clock::Clock;
use crate::detect::{OpenOptions, SourceChoice, open_one};
use crate::error::SourceError;
use crate::rail::{Sample, UnusedSensor};
use crate::sampler::{Sampler, SamplerMessage, SamplerWatch};
use crate::source::PowerSource;
use energy_data::units::{Energy, Nanos};

/// Reading interval for the characterisation of gauges and of counters that move rarely.
pub const FAST_GAUGE: Nanos = Nanos::from_millis(5);

/// Opens a source for [`characterise`]. Counters are read far more often than they move.
/// Sources whose readings cost CPU time are read at the usual interval. Unused sensors are
/// added to `left_out`.
///
/// # Errors
/// The same as those of [`open`](crate::open).
pub fn open_fast(
    choice: &SourceChoice,
    options: &OpenOptions,
    clock: &Arc<dyn Clock>,
    left_out: &mut Vec<UnusedSensor>,
) -> Result<Box<dyn PowerSource>, SourceError> {
    let interval = match choice {
        SourceChoice::Rapl => Nanos::from_nanos(500_000),
        SourceChoice::Hwmon | SourceChoice::Nvml => FAST_GAUGE,
        _ => Nanos::from_millis(100),
    };
    let options = OpenOptions {
        interval,
        ..options.clone()
    };
    open_one(choice, &options, clock, left_out)
}

/// Reads all sources concurrently for `time` and returns an observation for each.
pub fn characterise(
    sources: Vec<Box<dyn PowerSource>>,
    clock: &Arc<dyn Clock>,
    time: Duration,
) -> Vec<SourceObservation> {
    let characterisation = Characterisation::start(sources, clock);
    std::thread::sleep(time);
    characterisation.finish()
}

/// A running characterisation of sources.
pub struct Characterisation {
    sampler: Sampler,
    messages: Receiver<SamplerMessage>,
    /// Number of rails by source.
    counts: Vec<usize>,
}

impl Characterisation {
    /// Starts the sources.
    pub fn start(sources: Vec<Box<dyn PowerSource>>, clock: &Arc<dyn Clock>) -> Self {
        let counts = sources.iter().map(|one| one.describe().rails.len());
        let counts = counts.collect();
        let (sender, messages) = channel();
        Self {
            sampler: Sampler::spawn_raw(sources, Arc::clone(clock), sender),
            messages,
            counts,
        }
    }

    /// Returns the threads whose CPU time is the profiler's.
    pub fn watch(&self) -> SamplerWatch {
        self.sampler.watch()
    }

    /// Stops the sources and returns an observation for each.
    pub fn finish(self) -> Vec<SourceObservation> {
        drop(self.sampler.stop());
        collect(&self.messages, &self.counts)
    }
}

fn collect(messages: &Receiver<SamplerMessage>, counts: &[usize]) -> Vec<SourceObservation> {
    let mut samples: Vec<BTreeMap<usize, Vec<Sample>>> = vec![BTreeMap::new(); counts.len()];
    let mut observations: Vec<SourceObservation> = vec![SourceObservation::default(); counts.len()];
    // `iter` would block for ever if a source hangs and keeps its sender.
    for message in messages.try_iter() {
        match message {
            SamplerMessage::Reading { source, reading } => {
                for sample in reading.samples {
                    samples[source].entry(sample.rail).or_default().push(sample);
                    observations[source].samples.push(sample);
                }
                let messages = reading.notices.into_iter().map(|notice| notice.message);
                observations[source].messages.extend(messages);
            }
            SamplerMessage::Error { source, error } => {
                observations[source].messages.push(error.to_string());
            }
            SamplerMessage::Stopped { .. } => {}
        }
    }
    for ((observation, samples), &count) in observations.iter_mut().zip(&samples).zip(counts) {
        let of_rail = |rail: usize| {
            let own = samples.get(&rail);
            own.map(|own| characteristics(own)).unwrap_or_default()
        };
        observation.rails = (0..count).map(of_rail).collect();
    }
    observations
}

/// Returns the characteristics of a rail's sensor from its samples in order of time.
fn characteristics(samples: &[Sample]) -> RailCharacteristics {
    let known = samples
        .iter()
        .filter_map(|sample| Some((sample, sample.energy?)));
    let known: Vec<(&Sample, Energy)> = known.collect();
    let energy: Energy = known.iter().map(|(_, energy)| *energy).sum();
    let time: Nanos = known
        .iter()
        .map(|(sample, _)| sample.end - sample.start)
        .sum();
    let moved: Vec<Nanos> = known
        .iter()
        .filter(|(_, energy)| *energy > Energy::ZERO)
        .map(|(sample, _)| sample.end)
        .collect();
    let mut periods: Vec<Nanos> = moved.windows(2).map(|pair| pair[1] - pair[0]).collect();
    periods.sort_unstable();
    let mut joules: Vec<f64> = known.iter().map(|(_, energy)| energy.joules()).collect();
    joules.push(0.0);
    joules.sort_unstable_by(f64::total_cmp);
    let steps = joules.windows(2).map(|pair| pair[1] - pair[0]);
    // Smaller differences are rounding errors, not steps of the sensor.
    let steps = steps.filter(|step| *step > 1e-12);
    RailCharacteristics {
        samples: known.len(),
        power: energy.over(time),
        period: (moved.len() > 2).then(|| periods[periods.len() / 2]),
        resolution: steps.reduce(f64::min).map(Energy::from_joules),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use energy_data::units::Power;

    fn sample(start: i64, end: i64, energy: Option<f64>) -> Sample {
        Sample {
            rail: 0,
            start: Nanos::from_millis(start),
            end: Nanos::from_millis(end),
            energy: energy.map(Energy::from_joules),
        }
    }

    /// A counter with steps of 0.25 J that moves every 6 ms, read every 2 ms.
    #[test]
    fn period_and_step_are_those_of_the_sensor() {
        let energies = [0.0, 0.0, 2.0, 0.0, 0.0, 1.75, 0.0, 0.0, 2.25, 0.0, 0.0, 2.0];
        let samples: Vec<Sample> = (0..)
            .zip(energies)
            .map(|(at, joules)| sample(2 * at, 2 * at + 2, Some(joules)))
            .collect();
        let found = characteristics(&samples);
        assert_eq!(found.samples, 12);
        assert_eq!(found.period, Some(Nanos::from_millis(6)));
        assert!((found.resolution.unwrap().joules() - 0.25).abs() < 1e-12);
        assert!((found.power.unwrap().watts() - 8.0 / 0.024).abs() < 1e-6);
    }

    #[test]
    fn unknown_and_zero_energies_have_no_period_or_resolution() {
        let unknown = [sample(0, 10, None), sample(10, 20, None)];
        assert_eq!(characteristics(&unknown), RailCharacteristics::default());
        let zero = characteristics(&[sample(0, 10, Some(0.0))]);
        assert_eq!(
            (zero.power, zero.period),
            (Some(Power::from_watts(0.0)), None)
        );
        assert_eq!(zero.resolution, None);
    }
}
