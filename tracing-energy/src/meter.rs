//! Power of this machine, without spans: whether it can be measured, and a meter to use alone.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use energy_data::units::Nanos;
use energy_power::{
    Clock, Description, MonotonicClock, Notice, OpenOptions, Provenance, Sample, Sampler,
    SamplerMessage, SourceChoice,
};

use crate::error::Error;

/// The power sources that can be opened here, without modelled and replayed ones. Empty if
/// power cannot be measured; the notices then name each sensor and what to do about it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PowerSupport {
    /// The measuring sources with their rails.
    pub sources: Vec<Description>,
    /// Sensors that are absent or may not be read.
    pub notices: Vec<Notice>,
}

impl PowerSupport {
    /// Returns what can be measured on this machine. Opens the sensors and reads none.
    ///
    /// ```
    /// let support = tracing_energy::PowerSupport::of_this_machine();
    /// if !support.is_measured() {
    ///     for notice in &support.notices {
    ///         eprintln!("{}", notice.message);
    ///     }
    /// }
    /// ```
    pub fn of_this_machine() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
        let opened = energy_power::open(&SourceChoice::Auto, &OpenOptions::default(), &clock);
        match opened {
            Ok(opened) => Self {
                sources: opened
                    .sources
                    .iter()
                    .map(|source| source.describe())
                    .filter(|source| source.provenance == Provenance::Measured)
                    .collect(),
                notices: opened.notices,
            },
            Err(error) => Self {
                sources: Vec::new(),
                notices: vec![Notice {
                    time: Nanos::ZERO,
                    kind: "source_refused",
                    message: error.to_string(),
                }],
            },
        }
    }

    /// Returns whether some rail of this machine can be measured.
    pub fn is_measured(&self) -> bool {
        !self.sources.is_empty()
    }
}

/// Reads power sources without recording spans.
///
/// ```
/// # fn main() -> Result<(), tracing_energy::Error> {
/// use std::time::Duration;
/// use tracing_energy::{PowerMeter, SourceChoice};
///
/// let mut meter = PowerMeter::start(&SourceChoice::Modelled, Duration::from_millis(20))?;
/// std::thread::sleep(Duration::from_millis(100));
/// let joules: f64 = meter
///     .samples()
///     .iter()
///     .filter_map(|sample| sample.reading.energy)
///     .map(|energy| energy.joules())
///     .sum();
/// println!("{joules:.3} J");
/// meter.stop();
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the meter stops it"]
pub struct PowerMeter {
    sources: Vec<Description>,
    sampler: Option<Sampler>,
    messages: Receiver<SamplerMessage>,
    latest: Vec<MeterSample>,
    notices: Vec<Notice>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for PowerMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PowerMeter")
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

/// A sample with the index of its source in [`PowerMeter::sources`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct MeterSample {
    /// Index of the source.
    pub source: usize,
    /// The sample. Times count from the start of the meter.
    pub reading: Sample,
}

impl PowerMeter {
    /// Opens the chosen sources and reads them every `interval` on threads of their own.
    ///
    /// # Errors
    /// If a chosen source cannot be read. The message contains the next step.
    pub fn start(choice: &SourceChoice, interval: Duration) -> Result<Self, Error> {
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
        let options = OpenOptions {
            interval: Nanos::from(interval),
            ..OpenOptions::default()
        };
        let opened = energy_power::open(choice, &options, &clock)?;
        let sources = opened.sources.iter().map(|source| source.describe());
        let sources = sources.collect();
        let (sender, messages) = channel();
        Ok(Self {
            sources,
            sampler: Some(Sampler::spawn(opened.sources, Arc::clone(&clock), sender)),
            messages,
            latest: Vec::new(),
            notices: opened.notices,
            clock,
        })
    }

    /// Returns the sources; their rails are those of the samples.
    pub fn sources(&self) -> &[Description] {
        &self.sources
    }

    /// Takes the samples since the last call, in time order for each rail. Samples that nobody
    /// takes stay in memory: some 100 bytes for each rail and interval.
    pub fn samples(&mut self) -> Vec<MeterSample> {
        let mut samples = Vec::new();
        while let Ok(message) = self.messages.try_recv() {
            match message {
                SamplerMessage::Reading { source, reading } => {
                    if let Some(rails) = reading.rails {
                        self.sources[source].rails =
                            rails.into_iter().map(|(rail, _)| rail).collect();
                    }
                    let new = reading.samples.into_iter();
                    samples.extend(new.map(|reading| MeterSample { source, reading }));
                    self.notices.extend(reading.notices);
                }
                SamplerMessage::Error { source, error } => self.notices.push(Notice {
                    time: self.clock.now(),
                    kind: "source_error",
                    message: format!("{}: {error}", self.sources[source].name),
                }),
                SamplerMessage::Stopped { .. } => {}
            }
        }
        for sample in &samples {
            self.remember(*sample);
        }
        samples
    }

    /// Returns the most recent sample of each rail among those taken by
    /// [`PowerMeter::samples`].
    pub fn latest(&self) -> &[MeterSample] {
        &self.latest
    }

    /// Takes the notices since the last call: unused sensors, gaps, failures.
    pub fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Stops the sources and returns the samples since the last call of
    /// [`PowerMeter::samples`], up to now. Waits three seconds at most; a source that does not
    /// stop is among the [notices](PowerMeter::notices).
    pub fn stop(&mut self) -> Vec<MeterSample> {
        if let Some(sampler) = self.sampler.take() {
            self.notices.extend(sampler.stop());
        }
        self.samples()
    }

    fn remember(&mut self, sample: MeterSample) {
        let is_same = |known: &&mut MeterSample| {
            known.source == sample.source && known.reading.rail == sample.reading.rail
        };
        match self.latest.iter_mut().find(is_same) {
            Some(known) => *known = sample,
            None => self.latest.push(sample),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_alone_covers_its_time_without_gaps() {
        let interval = Duration::from_millis(10);
        let mut meter = PowerMeter::start(&SourceChoice::Modelled, interval).unwrap();
        assert_eq!(meter.sources()[0].provenance, Provenance::Modelled);
        std::thread::sleep(Duration::from_millis(60));
        let mut all = meter.samples();
        assert_eq!(meter.latest().first(), all.last());
        all.extend(meter.stop());
        assert!(all.len() >= 2, "{all:?}");
        for pair in all.windows(2) {
            assert_eq!(pair[0].reading.end, pair[1].reading.start);
        }
        assert!(all.iter().all(|one| one.reading.energy.is_some()));
    }

    #[test]
    fn a_source_that_is_absent_is_refused_with_its_name() {
        let choice = SourceChoice::Replay("/no/such/file".into());
        let refused = PowerMeter::start(&choice, Duration::from_millis(10)).unwrap_err();
        assert!(refused.to_string().contains("/no/such/file"), "{refused}");
    }

    #[test]
    fn support_lists_measured_sources_only() {
        let support = PowerSupport::of_this_machine();
        let is_measured = |one: &Description| one.provenance == Provenance::Measured;
        assert!(support.sources.iter().all(is_measured));
        assert!(support.is_measured() || !support.notices.is_empty());
    }
}
