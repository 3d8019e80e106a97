//! Examines the power sources of this machine: usable, locked (with a fix), absent.
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

use clap::Args;
use energy_power::MonotonicClock;
use energy_power::characterise::{FAST_GAUGE, SourceObservation, characterise, open_fast};
use energy_power::containment::Topology;
use energy_power::detect::{NAMED, OpenOptions, SourceChoice};
use energy_power::{
    Description, PowerSource, Provenance, SourceError, UnusedSensor, nvml, open, sensor_cache,
};
use tracing_energy::Clock;

use crate::options::{duration_text, parse_duration};

pub use fix::{AsRoot, Fix, RuleUser, fix_for_here};
pub use validation::{RailCheck, ValidateOptions, Validation, validate};

/// Options of the examination.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct DoctorOptions {
    /// Duration of reading all sources, e.g. 500ms, 3s
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().time), conflicts_with = "validate")]
    pub time: Duration,
    /// Options for opening sources.
    #[arg(skip)]
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

/// State of a source.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceState {
    /// It can be read.
    Usable(Description, SourceObservation),
    /// It is present but reading is not permitted.
    Locked {
        /// The sensor.
        what: String,
        /// How to get access.
        fix: String,
    },
    /// It is not present.
    Absent(String),
    /// It is present but fails.
    Failing(String),
}

/// Result of the examination of all sources.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceExamination {
    /// Names and states, the best source first.
    pub sources: Vec<(&'static str, SourceState)>,
    /// Sources that `auto` selects.
    pub chosen: Vec<String>,
    /// Power readings of rails that also have a counter, for comparison.
    pub powers: Vec<(Description, SourceObservation)>,
    /// Sensors that are present but not used.
    pub left_out: Vec<UnusedSensor>,
    /// Containment of the rails that `auto` selects.
    pub contained: Vec<ContainedRail>,
    /// Assumptions about containment, and warnings of sources.
    pub assumed: Vec<String>,
}

/// A rail that is contained in another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainedRail {
    /// Name of the source.
    pub source: String,
    /// Index of the rail in the source.
    pub rail: usize,
    /// Rail that contains it; `None` if it is not counted.
    pub parent: Option<String>,
}

/// Examines all known sources.
pub fn examine(options: &DoctorOptions) -> SourceExamination {
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
    let chosen = chosen(&options.open, &clock);
    let mut states: Vec<Option<SourceState>> = Vec::new();
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
            Err(error) => states.push(Some(state_of_error(error))),
        }
    }
    let mut powers = Vec::new();
    if let Some(power) = nvml_power(&options.open) {
        let description = power.describe();
        // Without a counter there is nothing to compare with.
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
        states[at] = Some(state_of_reading(description, seen));
    }
    SourceExamination {
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

/// Returns the names of the sources that `auto` selects.
fn chosen(options: &OpenOptions, clock: &Arc<dyn Clock>) -> Vec<String> {
    let opened = open(&SourceChoice::Auto, options, clock);
    let sources = opened.map(|opened| opened.sources).unwrap_or_default();
    let names = sources.iter().map(|source| source.describe().name);
    names.collect()
}

/// Returns the containment of the rails of these sources, and assumptions about it.
fn settle(topology: &mut Topology, sources: &[&Description]) -> (Vec<ContainedRail>, Vec<String>) {
    let (places, assumed) = topology.report(true);
    let inside = places.into_iter().filter_map(|place| {
        let own = (place.source, place.rail);
        let parent = place.parent?;
        let name = sources.get(parent.0)?.rails.get(parent.1)?.name.clone();
        Some(ContainedRail {
            source: sources.get(place.source)?.name.clone(),
            rail: place.rail,
            parent: (parent != own).then_some(name),
        })
    });
    (inside.collect(), assumed)
}

/// Opens the power readings of GPUs, if NVML is enabled.
fn nvml_power(options: &OpenOptions) -> Option<Box<dyn PowerSource>> {
    let opened = options.nvml.then(|| nvml::open_power(FAST_GAUGE))?;
    opened.ok().map(|source| Box::new(source) as _)
}

fn state_of_error(error: SourceError) -> SourceState {
    match error {
        SourceError::NotPermitted { what, fix } => SourceState::Locked { what, fix },
        SourceError::NotPresent { what } => SourceState::Absent(what),
        other => SourceState::Failing(other.to_string()),
    }
}

fn state_of_reading(description: Description, seen: SourceObservation) -> SourceState {
    let is_measured = description.provenance == Provenance::Measured;
    let has_no_samples = seen.rails.iter().all(|rail| rail.samples == 0);
    if is_measured && has_no_samples {
        let why = seen.messages.first().cloned();
        return SourceState::Failing(why.unwrap_or_else(|| "it returned no sample".to_owned()));
    }
    SourceState::Usable(description, seen)
}

impl SourceExamination {
    /// Returns whether any measured source is usable.
    pub fn has_measured(&self) -> bool {
        self.usable()
            .any(|(description, _)| description.provenance == Provenance::Measured)
    }

    /// Returns whether any source is usable.
    pub fn has_any(&self) -> bool {
        self.usable().next().is_some()
    }

    /// Stores the observed characteristics for later recordings on this machine.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep(&self) -> std::io::Result<()> {
        sensor_cache::path().map_or(Ok(()), |path| sensor_cache::add(&path, self.usable()))
    }

    fn usable(&self) -> impl Iterator<Item = (&Description, &SourceObservation)> {
        self.sources.iter().filter_map(|(_, state)| match state {
            SourceState::Usable(description, seen) => Some((description, seen)),
            _ => None,
        })
    }
}

/// Returns the root of the file system to which fixes are written.
pub fn system_root() -> PathBuf {
    PathBuf::from("/")
}
