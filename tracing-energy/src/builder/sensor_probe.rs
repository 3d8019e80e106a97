//! Measures how often a sensor's counter moves, once per machine. The result is cached for
//! later recordings and reported in this one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use energy_power::Clock;
use energy_power::characterise::{Characterisation, open_fast};
use energy_power::sensor_cache::{self, CachedRail};
use energy_power::{
    Description, Notice, OpenOptions, PowerSource, Provenance, Reading, SamplerMessage,
    SamplerWatch, SourceChoice,
};

/// Long enough to observe a counter that moves every 100 ms.
const LENGTH: Duration = Duration::from_millis(600);

/// A running probe of sensors that are not cached yet.
pub(super) struct SensorProbe {
    characterisation: Characterisation,
    /// The probed sources: index among the recording sources, and description.
    sources: Vec<(usize, Description)>,
    cache: PathBuf,
    clock: Arc<dyn Clock>,
    sender: Sender<SamplerMessage>,
}

impl SensorProbe {
    /// Starts to read the sources whose counters are not in the cache. Returns `None` if
    /// there are none.
    pub(super) fn start(
        recording: &[Box<dyn PowerSource>],
        cached: &[CachedRail],
        options: &OpenOptions,
        clock: &Arc<dyn Clock>,
        sender: &Sender<SamplerMessage>,
    ) -> Option<Self> {
        let cache = options.sensor_cache.clone()?;
        let (mut opened, mut sources) = (Vec::new(), Vec::new());
        for (index, source) in recording.iter().enumerate() {
            let description = source.describe();
            if sensor_cache::contains(cached, &description) {
                continue;
            }
            let Some(choice) = counter(&description) else {
                continue;
            };
            // A sensor that cannot be opened twice is not probed.
            if let Ok(fast) = open_fast(&choice, options, clock, &mut Vec::new()) {
                opened.push(fast);
                sources.push((index, description));
            }
        }
        let start = || Characterisation::start(opened, clock);
        let has_sources = !sources.is_empty();
        Some(Self {
            characterisation: has_sources.then(start)?,
            sources,
            cache,
            clock: Arc::clone(clock),
            sender: sender.clone(),
        })
    }

    /// Probes before the recording if `before` is set, because a baseline must not measure
    /// the probe; else on a thread of its own. Returns the threads whose CPU time is the
    /// profiler's.
    pub(super) fn run(self, before: bool) -> SamplerWatch {
        if before {
            self.complete();
            return SamplerWatch::default();
        }
        let watch = self.characterisation.watch();
        let named = std::thread::Builder::new().name("energy-probe".to_owned());
        // Without a thread the probe is skipped; a recording works without it.
        let _ = named.spawn(|| self.complete());
        watch
    }

    /// Waits for the end of the probe, caches the observations and reports coarse rails.
    fn complete(self) {
        std::thread::sleep(LENGTH);
        let observations = self.characterisation.finish();
        let described = self.sources.iter().map(|(_, description)| description);
        // If the cache cannot be written, the next recording probes again.
        let _ = sensor_cache::add(&self.cache, described.zip(&observations));
        let cached = sensor_cache::read(&self.cache);
        for (source, description) in &self.sources {
            let notice = |message| Notice {
                time: self.clock.now(),
                kind: "source_limit",
                message,
            };
            let warnings = sensor_cache::warnings(description, &cached).into_iter();
            let mut reading = Reading::default();
            reading.notices.extend(warnings.map(notice));
            // The recording may have ended and dropped the receiver.
            let _ = self.sender.send(SamplerMessage::Reading {
                source: *source,
                reading,
            });
        }
    }
}

/// Returns the choice that opens a source again, if its counters are cheap to read.
fn counter(description: &Description) -> Option<SourceChoice> {
    let choice: SourceChoice = description.name.parse().ok()?;
    let is_cheap = matches!(
        choice,
        SourceChoice::Rapl | SourceChoice::Hwmon | SourceChoice::Nvml
    );
    (is_cheap && description.provenance == Provenance::Measured).then_some(choice)
}
