//! Samples of the root rails of power sources.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use energy_data::units::{Energy, Nanos, Power};
use energy_power::containment::Topology;
use energy_power::{PowerSource, Provenance, Sample, Sampler, SamplerMessage, SourceError};
use tracing_energy::Clock;

use super::plan::Lengths;

/// Time without samples after which, in addition to ten intervals, a sensor is considered
/// dead.
const SILENCE: Duration = Duration::from_secs(10);

/// A rail with its samples.
pub(super) struct RailSamples {
    source: usize,
    index: usize,
    pub(super) name: String,
    pub(super) samples: Vec<Sample>,
}

/// Mean power over whole samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SampleMean {
    pub(super) watts: f64,
    /// Standard error of `watts`; `None` for a single sample.
    pub(super) error: Option<f64>,
    pub(super) covered: Nanos,
    pub(super) samples: usize,
}

impl RailSamples {
    /// Returns the mean power over the samples within `[start, end)`, without those at its
    /// edges.
    pub(super) fn mean(&self, start: Nanos, end: Nanos, lengths: Lengths) -> Option<SampleMean> {
        let (first, last) = (start + lengths.lead, end - lengths.tail);
        let inside = |sample: &&Sample| sample.start >= first && sample.end <= last;
        let (mut energy, mut covered, mut powers) = (Energy::ZERO, Nanos::ZERO, Vec::new());
        for sample in self.samples.iter().filter(inside) {
            let (Some(read), time) = (sample.energy, sample.end - sample.start) else {
                continue;
            };
            energy += read;
            covered += time;
            powers.extend(read.over(time).map(Power::watts));
        }
        Some(SampleMean {
            watts: energy.over(covered)?.watts(),
            error: sd(&powers).map(|sd| sd / (powers.len() as f64).sqrt()),
            covered,
            samples: powers.len(),
        })
    }
}

/// Returns the sample standard deviation; `None` for fewer than two values.
pub(super) fn sd(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt())
}

/// Running sources.
pub(super) struct CalibrationMeter {
    sampler: Sampler,
    messages: Receiver<SamplerMessage>,
    rails: Vec<RailSamples>,
    pub(super) lengths: Lengths,
    interval: Nanos,
    started: Instant,
}

impl CalibrationMeter {
    /// Starts sources that measure.
    ///
    /// # Errors
    /// If a source does not measure.
    pub(super) fn start(
        sources: Vec<Box<dyn PowerSource>>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let (mut rails, mut interval) = (Vec::new(), Nanos::ZERO);
        let mut lengths: Option<Lengths> = None;
        refuse_unmeasured(&sources)?;
        let places = Topology::of(&sources).places();
        let is_root = |source, rail| {
            let mut places = places.iter();
            places
                .any(|place| (place.source, place.rail) == (source, rail) && place.parent.is_none())
        };
        for (source, description) in sources.iter().map(|source| source.describe()).enumerate() {
            interval = interval.max(description.interval);
            let own = Lengths::of(description.interval, description.kernel);
            lengths = Some(lengths.map_or(own, |other| other.or(own)));
            let all = description.rails.into_iter().enumerate();
            let roots = all.filter(|(rail, _)| is_root(source, *rail));
            rails.extend(roots.map(|(index, rail)| RailSamples {
                source,
                index,
                name: rail.name,
                samples: Vec::new(),
            }));
        }
        let Some(lengths) = lengths.filter(|_| !rails.is_empty()) else {
            anyhow::bail!("the power source has no rail to calibrate on");
        };
        let (sender, messages) = channel();
        Ok(Self {
            sampler: Sampler::spawn(sources, clock, sender),
            messages,
            rails,
            lengths,
            interval,
            started: Instant::now(),
        })
    }

    /// Receives pending samples.
    ///
    /// # Errors
    /// If a source has ended, or no sample was received for too long.
    pub(super) fn receive(&mut self) -> anyhow::Result<()> {
        while let Ok(message) = self.messages.try_recv() {
            keep(&mut self.rails, message)?;
        }
        let patience = SILENCE + self.interval.duration() * 10;
        let silent = self.rails.iter().all(|rail| rail.samples.is_empty());
        if silent && self.started.elapsed() > patience {
            anyhow::bail!(
                "the power source reported no sample for {} s; check it with `energy doctor`",
                patience.as_secs()
            );
        }
        Ok(())
    }

    /// Stops the sources and returns their samples.
    ///
    /// # Errors
    /// If a source failed.
    pub(super) fn stop(mut self) -> anyhow::Result<Vec<RailSamples>> {
        let left = self.sampler.stop();
        while let Ok(message) = self.messages.try_recv() {
            keep(&mut self.rails, message)?;
        }
        if let Some(notice) = left.first() {
            anyhow::bail!("{}", notice.message);
        }
        Ok(self.rails)
    }
}

/// Rejects power that does not depend on what runs.
///
/// # Errors
/// If a source models or replays power.
pub(super) fn refuse_unmeasured(sources: &[Box<dyn PowerSource>]) -> anyhow::Result<()> {
    let mut provenances = sources.iter().map(|source| source.describe().provenance);
    provenances.try_for_each(refuse)
}

fn refuse(provenance: Provenance) -> anyhow::Result<()> {
    match provenance {
        Provenance::Measured => Ok(()),
        Provenance::Modelled => anyhow::bail!(
            "modelled power is a function of CPU time and cannot be calibrated; select a source that measures with --source"
        ),
        Provenance::Replayed => anyhow::bail!(
            "replayed power does not depend on what runs and cannot be calibrated; select a source that measures with --source"
        ),
    }
}

fn keep(rails: &mut [RailSamples], message: SamplerMessage) -> anyhow::Result<()> {
    match message {
        SamplerMessage::Reading { source, reading } => {
            for sample in reading.samples {
                let is_its =
                    |rail: &&mut RailSamples| (rail.source, rail.index) == (source, sample.rail);
                if let Some(rail) = rails.iter_mut().find(is_its) {
                    rail.samples.push(sample);
                }
            }
            Ok(())
        }
        // The sampler retries.
        SamplerMessage::Error {
            error: SourceError::Retry { .. },
            ..
        } => Ok(()),
        SamplerMessage::Error { error, .. } => Err(error.into()),
        _ => Ok(()),
    }
}
