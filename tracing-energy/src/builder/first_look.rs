//! A look at counters that this machine was never asked about: how often do they move?
//! What is seen is kept for later recordings, and told in this one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::clock::Clock;
use crate::power::characterise::{Look, open_fast};
use crate::power::known::{self, KnownRail};
use crate::power::{
    Description, Notice, OpenOptions, PowerSource, Provenance, Reading, SamplerMessage,
    SamplerWatch, SourceChoice,
};

/// Long enough to see a counter move every 100 ms.
const LENGTH: Duration = Duration::from_millis(600);

/// A look under way.
pub(super) struct FirstLook {
    look: Look,
    /// The sources looked at: their places among those that record, and what they are.
    sources: Vec<(usize, Description)>,
    path: PathBuf,
    clock: Arc<dyn Clock>,
    tell: Sender<SamplerMessage>,
}

impl FirstLook {
    /// Begins it, where there is something to be seen.
    pub(super) fn begin(
        recording: &[Box<dyn PowerSource>],
        known: &[KnownRail],
        options: &OpenOptions,
        clock: &Arc<dyn Clock>,
        tell: &Sender<SamplerMessage>,
    ) -> Option<Self> {
        let path = options.known.clone()?;
        let (mut opened, mut sources) = (Vec::new(), Vec::new());
        for (place, source) in recording.iter().enumerate() {
            let description = source.describe();
            if known::knows(known, &description) {
                continue;
            }
            let Some(choice) = counter(&description) else {
                continue;
            };
            // One that may not be opened twice keeps its secret.
            if let Ok(fast) = open_fast(&choice, options, clock, &mut Vec::new()) {
                opened.push(fast);
                sources.push((place, description));
            }
        }
        let look = (!opened.is_empty()).then(|| Look::begin(opened, clock))?;
        Some(Self {
            look,
            sources,
            path,
            clock: Arc::clone(clock),
            tell: tell.clone(),
        })
    }

    /// Looks before anything is recorded, for who waits for rest anyway and wants it quiet,
    /// else meanwhile. Answers whose CPU time that costs.
    pub(super) fn go_on(self, before: bool) -> SamplerWatch {
        if before {
            self.complete();
            return SamplerWatch::default();
        }
        let watch = self.look.watch();
        let named = std::thread::Builder::new().name("energy-look".to_owned());
        // Without a thread for it there is no look; a recording needs none.
        let _ = named.spawn(|| self.complete());
        watch
    }

    /// Waits for its end; what was seen is kept and told.
    fn complete(self) {
        std::thread::sleep(LENGTH);
        let seen = self.look.finish();
        let of = self.sources.iter().map(|(_, description)| description);
        // A cache that cannot be written costs another look next time.
        let _ = known::add(&self.path, of.zip(&seen));
        let known = known::read(&self.path);
        for (place, description) in &self.sources {
            let notice = |message| Notice {
                time: self.clock.now(),
                kind: "source_limit",
                message,
            };
            let doubts = known::doubts(description, &known).into_iter();
            let reading = Reading {
                notices: doubts.map(notice).collect(),
                ..Reading::default()
            };
            // A recording that has ended meanwhile does not listen.
            let _ = self.tell.send(SamplerMessage::Reading {
                source: *place,
                reading,
            });
        }
    }
}

/// Sources whose counters cost next to nothing to read.
fn counter(description: &Description) -> Option<SourceChoice> {
    let choice: SourceChoice = description.name.parse().ok()?;
    let is_cheap = matches!(
        choice,
        SourceChoice::Rapl | SourceChoice::Hwmon | SourceChoice::Nvml
    );
    (is_cheap && description.provenance == Provenance::Measured).then_some(choice)
}
