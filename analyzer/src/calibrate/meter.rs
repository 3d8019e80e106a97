//! Root rails of power sources, and what they read.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tracing_energy::Clock;
use tracing_energy::power::containment::Topology;
use tracing_energy::power::{
    PowerSource, Provenance, Sample, Sampler, SamplerMessage, SourceError,
};
use tracing_energy::units::{Energy, Nanos, Power};

use super::plan::Lengths;

/// A sensor that has told nothing for this long, and ten intervals, is taken
/// for dead.
const SILENCE: Duration = Duration::from_secs(10);

/// A rail with its samples.
pub(super) struct RailSamples {
    source: usize,
    index: usize,
    pub(super) name: String,
    pub(super) samples: Vec<Sample>,
}

/// A mean over whole samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mean {
    pub(super) watts: f64,
    /// Standard error of `watts`; none of a single sample.
    pub(super) error: Option<f64>,
    pub(super) covered: Nanos,
    pub(super) samples: usize,
}

impl RailSamples {
    /// Mean power over the samples that lie within `[start, end)`, without those
    /// at its edges.
    pub(super) fn mean(&self, start: Nanos, end: Nanos, lengths: Lengths) -> Option<Mean> {
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
        Some(Mean {
            watts: energy.over(covered)?.watts(),
            error: sd(&powers).map(|sd| sd / (powers.len() as f64).sqrt()),
            covered,
            samples: powers.len(),
        })
    }
}

/// Standard deviation of a sample; none of fewer than two figures.
pub(super) fn sd(figures: &[f64]) -> Option<f64> {
    let count = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / count;
    let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
    (figures.len() > 1).then(|| (squares / (count - 1.0)).sqrt())
}

/// Running sources.
pub(super) struct Meter {
    sampler: Sampler,
    messages: Receiver<SamplerMessage>,
    rails: Vec<RailSamples>,
    pub(super) lengths: Lengths,
    interval: Nanos,
    started: Instant,
}

impl Meter {
    /// Starts sources that measure.
    ///
    /// # Errors
    /// For one that does not.
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
            anyhow::bail!("there is no rail to calibrate on");
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

    /// Takes what came meanwhile.
    ///
    /// # Errors
    /// When a source has ended, or none has told anything for long.
    pub(super) fn take(&mut self) -> anyhow::Result<()> {
        while let Ok(message) = self.messages.try_recv() {
            keep(&mut self.rails, message)?;
        }
        let patience = SILENCE + self.interval.duration() * 10;
        let silent = self.rails.iter().all(|rail| rail.samples.is_empty());
        if silent && self.started.elapsed() > patience {
            anyhow::bail!(
                "the power source has told nothing for {} s; check it with `energy run --source ...`",
                patience.as_secs()
            );
        }
        Ok(())
    }

    /// Ends the sources and gives all that they read.
    ///
    /// # Errors
    /// When one of them failed.
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

/// Only what a sensor reads depends on what runs.
///
/// # Errors
/// For a source that computes or replays power.
pub(super) fn refuse_unmeasured(sources: &[Box<dyn PowerSource>]) -> anyhow::Result<()> {
    let mut provenances = sources.iter().map(|source| source.describe().provenance);
    provenances.try_for_each(refuse)
}

fn refuse(provenance: Provenance) -> anyhow::Result<()> {
    match provenance {
        Provenance::Measured => Ok(()),
        Provenance::Modelled => anyhow::bail!(
            "modelled power is a function of CPU time: nothing to calibrate; choose a source that measures with --source"
        ),
        Provenance::Replayed => anyhow::bail!(
            "replayed power does not depend on what runs: nothing to calibrate; choose a source that measures with --source"
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
        // It is asked again.
        SamplerMessage::Error {
            error: SourceError::Retry { .. },
            ..
        } => Ok(()),
        SamplerMessage::Error { error, .. } => Err(error.into()),
        _ => Ok(()),
    }
}
