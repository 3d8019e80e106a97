//! What can be measured here, what is locked, and how to unlock it.
//!
//! ```text
//! every source --open--> refused: absent, or locked (with the fix)
//!                  \--> read, all at once, for a second --> rails, period, step, power
//! ```

mod answer;
mod cross;
mod fix;
mod rounds;
mod validation;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing_energy::power::characterise::{FAST_GAUGE, Seen, characterise, open_fast};
use tracing_energy::power::containment::Topology;
use tracing_energy::power::detect::{NAMED, OpenOptions, SourceChoice};
use tracing_energy::power::{
    Description, LeftOut, PowerSource, Provenance, SourceError, known, nvml, open,
};
use tracing_energy::{Clock, MonotonicClock};

pub use fix::{AsRoot, Fix, RuleUser, fix_for_here};
pub use validation::{RailCheck, ValidateOptions, Validation, validate};

/// What to look at and how long. Defaults are the command line's.
#[derive(Debug, Clone, PartialEq)]
pub struct DoctorOptions {
    /// How long sources are read.
    pub time: Duration,
    /// How sources are opened.
    pub open: OpenOptions,
}

impl Default for DoctorOptions {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(1),
            open: OpenOptions::default(),
        }
    }
}

/// What became of one source.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// It was read.
    Usable(Description, Seen),
    /// It is there and may not be read; with what unlocks it.
    Locked {
        /// The sensor.
        what: String,
        /// The next step.
        fix: String,
    },
    /// It is not there.
    Absent(String),
    /// It is there and fails.
    Failing(String),
}

/// All sources.
#[derive(Debug, Clone, PartialEq)]
pub struct Examined {
    /// Names and states, the best source first.
    pub sources: Vec<(&'static str, State)>,
    /// What `auto` would take.
    pub chosen: Vec<String>,
    /// The power of what has a counter as well, to hold against it.
    pub powers: Vec<(Description, Seen)>,
    /// Sensors that are there and not used.
    pub left_out: Vec<LeftOut>,
    /// Which rail contains which, of those that `auto` would take: the source's name, the
    /// rail's index, and the name of what contains it; a rail that is not counted contains
    /// itself.
    pub contained: Vec<Contained>,
    /// What was found or assumed of that, and what else is doubtful.
    pub assumed: Vec<String>,
}

/// A rail that lies in another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contained {
    /// Name of its source.
    pub source: String,
    /// Its index there.
    pub rail: usize,
    /// The rail that contains it; none if it is not counted.
    pub parent: Option<String>,
}

/// Looks at every source that this system may have.
pub fn examine(options: &DoctorOptions) -> Examined {
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
    let chosen = chosen(&options.open, &clock);
    let mut states: Vec<Option<State>> = Vec::new();
    let (mut opened, mut places) = (Vec::new(), Vec::new());
    let (mut left_out, mut topology) = (Vec::new(), Topology::default());
    let (mut counted, mut warnings) = (Vec::new(), Vec::new());
    for (name, choice) in &NAMED {
        match open_fast(choice, &options.open, &clock, &mut left_out) {
            Ok(source) => {
                if chosen.iter().any(|one| one == name) {
                    warnings.extend(source.warnings());
                    topology.add_source(&source.describe(), |rail| source.placement(rail));
                    counted.push(opened.len());
                }
                places.push((states.len(), source.describe()));
                opened.push(source);
                states.push(None);
            }
            Err(error) => states.push(Some(refused(error))),
        }
    }
    let mut powers = Vec::new();
    if let Some(power) = nvml_power(&options.open) {
        let description = power.describe();
        // Where a counter is missing there is nothing to compare.
        if places.iter().any(|(_, one)| one.rails == description.rails) {
            powers.push(description);
            opened.push(power);
        }
    }
    let mut seen = characterise(opened, &clock, options.time);
    for (source, &at) in counted.iter().enumerate() {
        let samples = seen[at].samples.iter();
        samples.for_each(|sample| topology.sample(source, sample));
    }
    let descriptions: Vec<&Description> = counted.iter().map(|&at| &places[at].1).collect();
    let (contained, assumed) = settle(&mut topology, &descriptions);
    warnings.extend(assumed);
    let powers_seen = seen.split_off(places.len());
    for ((at, description), seen) in places.into_iter().zip(seen) {
        states[at] = Some(judged(description, seen));
    }
    Examined {
        sources: NAMED
            .iter()
            .zip(states)
            .filter_map(|((name, _), state)| Some((*name, state?)))
            .collect(),
        chosen,
        powers: powers.into_iter().zip(powers_seen).collect(),
        left_out,
        contained,
        assumed: warnings,
    }
}

/// The sources that `auto` takes.
fn chosen(options: &OpenOptions, clock: &Arc<dyn Clock>) -> Vec<String> {
    let opened = open(&SourceChoice::Auto, options, clock);
    let sources = opened.map(|opened| opened.sources).unwrap_or_default();
    let names = sources.iter().map(|source| source.describe().name);
    names.collect()
}

/// Which of the rails of these sources lie in others, and what is assumed of that.
fn settle(topology: &mut Topology, sources: &[&Description]) -> (Vec<Contained>, Vec<String>) {
    let (places, assumed) = topology.report(true);
    let inside = places.into_iter().filter_map(|place| {
        let own = (place.source, place.rail);
        let parent = place.parent?;
        let name = sources.get(parent.0)?.rails.get(parent.1)?.name.clone();
        Some(Contained {
            source: sources.get(place.source)?.name.clone(),
            rail: place.rail,
            parent: (parent != own).then_some(name),
        })
    });
    (inside.collect(), assumed)
}

/// GPUs by power alone, where the driver may be asked.
fn nvml_power(options: &OpenOptions) -> Option<Box<dyn PowerSource>> {
    let opened = options.nvml.then(|| nvml::open_power(FAST_GAUGE))?;
    opened.ok().map(|source| Box::new(source) as _)
}

fn refused(error: SourceError) -> State {
    match error {
        SourceError::NotPermitted { what, fix } => State::Locked { what, fix },
        SourceError::NotPresent { what } => State::Absent(what),
        other => State::Failing(other.to_string()),
    }
}

fn judged(description: Description, seen: Seen) -> State {
    let is_measured = description.provenance == Provenance::Measured;
    let gave_nothing = seen.rails.iter().all(|rail| rail.samples == 0);
    if is_measured && gave_nothing {
        let why = seen.told.first().cloned();
        return State::Failing(why.unwrap_or_else(|| "it gave no sample".to_owned()));
    }
    State::Usable(description, seen)
}

impl Examined {
    /// Whether something can be measured.
    pub fn has_measured(&self) -> bool {
        self.usable()
            .any(|(description, _)| description.provenance == Provenance::Measured)
    }

    /// Whether anything can be recorded at all.
    pub fn has_any(&self) -> bool {
        self.usable().next().is_some()
    }

    /// Keeps what was seen, so that recordings on this machine know it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self) -> std::io::Result<()> {
        known::path().map_or(Ok(()), |path| known::add(&path, self.usable()))
    }

    fn usable(&self) -> impl Iterator<Item = (&Description, &Seen)> {
        self.sources.iter().filter_map(|(_, state)| match state {
            State::Usable(description, seen) => Some((description, seen)),
            _ => None,
        })
    }
}

/// Where a fix is written; the system's own root unless a test says otherwise.
pub fn system_root() -> PathBuf {
    PathBuf::from("/")
}
