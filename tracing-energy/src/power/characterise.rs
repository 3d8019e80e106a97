//! How often a rail's sensor really moves, and in which steps: seen by reading it more
//! often than it moves.
//!
//! ```text
//! reads     |  |  |  |  |  |  |  |  |  |  |  |
//! energy    0  0  8  0  0  7  0  0  8  0  0  8      period 3 reads, step 1
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::clock::Clock;
use crate::power::detect::{OpenOptions, SourceChoice, open_one};
use crate::power::{
    LeftOut, PowerSource, Sample, Sampler, SamplerMessage, SamplerWatch, SourceError,
};
use crate::units::{Energy, Nanos, Power};

/// How often gauges, and counters that move seldom, are read to see how they behave.
pub const FAST_GAUGE: Nanos = Nanos::from_millis(5);

/// What was seen of one rail.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Character {
    /// Windows with a known energy.
    pub samples: usize,
    /// Mean power over them.
    pub power: Option<Power>,
    /// Median time between windows with energy; none if there were fewer than three.
    pub period: Option<Nanos>,
    /// The smallest difference between two energies of windows.
    pub resolution: Option<Energy>,
}

/// What was seen of a source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// Its rails, in their order.
    pub rails: Vec<Character>,
    /// What it told meanwhile, and why it ended.
    pub told: Vec<String>,
    /// All samples, in the order of their delivery.
    pub samples: Vec<Sample>,
}

/// Opens a source to be [characterised](characterise): counters are read far more often
/// than they move, so that it shows how often they do; what keeps a process busy is read
/// as it is in a recording. Sensors that it leaves out are added to `left_out`.
///
/// # Errors
/// As [`open`](crate::power::open), of one source.
pub fn open_fast(
    choice: &SourceChoice,
    options: &OpenOptions,
    clock: &Arc<dyn Clock>,
    left_out: &mut Vec<LeftOut>,
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

/// Reads all sources at once for so long.
pub fn characterise(
    sources: Vec<Box<dyn PowerSource>>,
    clock: &Arc<dyn Clock>,
    time: Duration,
) -> Vec<Seen> {
    let look = Look::begin(sources, clock);
    std::thread::sleep(time);
    look.finish()
}

/// Sources that are being characterised.
pub(crate) struct Look {
    sampler: Sampler,
    messages: Receiver<SamplerMessage>,
    /// How many rails each has.
    counts: Vec<usize>,
}

impl Look {
    pub(crate) fn begin(sources: Vec<Box<dyn PowerSource>>, clock: &Arc<dyn Clock>) -> Self {
        let counts = sources.iter().map(|one| one.describe().rails.len());
        let counts = counts.collect();
        let (tell, messages) = channel();
        Self {
            sampler: Sampler::spawn_raw(sources, Arc::clone(clock), tell),
            messages,
            counts,
        }
    }

    /// Whose CPU time the look costs.
    pub(crate) fn watch(&self) -> SamplerWatch {
        self.sampler.watch()
    }

    /// Ends it: what was seen of each source.
    pub(crate) fn finish(self) -> Vec<Seen> {
        drop(self.sampler.stop());
        gather(&self.messages, &self.counts)
    }
}

fn gather(messages: &Receiver<SamplerMessage>, counts: &[usize]) -> Vec<Seen> {
    let mut samples: Vec<BTreeMap<usize, Vec<Sample>>> = vec![BTreeMap::new(); counts.len()];
    let mut seen: Vec<Seen> = counts.iter().map(|_| Seen::default()).collect();
    // One that hangs would keep its end of the line for ever.
    for message in messages.try_iter() {
        match message {
            SamplerMessage::Reading { source, reading } => {
                for sample in reading.samples {
                    samples[source].entry(sample.rail).or_default().push(sample);
                    seen[source].samples.push(sample);
                }
                let told = reading.notices.into_iter().map(|notice| notice.message);
                seen[source].told.extend(told);
            }
            SamplerMessage::Error { source, error } => {
                seen[source].told.push(error.to_string());
            }
            SamplerMessage::Stopped { .. } => {}
        }
    }
    for ((seen, samples), &count) in seen.iter_mut().zip(&samples).zip(counts) {
        let of = |rail: usize| {
            samples
                .get(&rail)
                .map(|all| character(all))
                .unwrap_or_default()
        };
        seen.rails = (0..count).map(of).collect();
    }
    seen
}

/// As [`characterise`], of samples in order of time.
fn character(samples: &[Sample]) -> Character {
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
    // Smaller ones are what is left of a division, not a step of the sensor.
    let steps = steps.filter(|step| *step > 1e-12);
    Character {
        samples: known.len(),
        power: energy.over(time),
        period: (moved.len() > 2).then(|| periods[periods.len() / 2]),
        resolution: steps.reduce(f64::min).map(Energy::from_joules),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(start: i64, end: i64, energy: Option<f64>) -> Sample {
        Sample {
            rail: 0,
            start: Nanos::from_millis(start),
            end: Nanos::from_millis(end),
            energy: energy.map(Energy::from_joules),
        }
    }

    /// Read every 2 ms, a counter in steps of 0.25 J that moves every 6 ms.
    #[test]
    fn period_and_step_are_those_of_the_sensor() {
        let energies = [0.0, 0.0, 2.0, 0.0, 0.0, 1.75, 0.0, 0.0, 2.25, 0.0, 0.0, 2.0];
        let samples: Vec<Sample> = (0..)
            .zip(energies)
            .map(|(at, joules)| sample(2 * at, 2 * at + 2, Some(joules)))
            .collect();
        let seen = character(&samples);
        assert_eq!(seen.samples, 12);
        assert_eq!(seen.period, Some(Nanos::from_millis(6)));
        assert!((seen.resolution.unwrap().joules() - 0.25).abs() < 1e-12);
        assert!((seen.power.unwrap().watts() - 8.0 / 0.024).abs() < 1e-6);
    }

    #[test]
    fn nothing_known_is_nothing_said() {
        let unknown = [sample(0, 10, None), sample(10, 20, None)];
        assert_eq!(character(&unknown), Character::default());
        let still = character(&[sample(0, 10, Some(0.0))]);
        assert_eq!(
            (still.power, still.period),
            (Some(Power::from_watts(0.0)), None)
        );
        assert_eq!(still.resolution, None);
    }
}
