//! What can be measured here, what is locked, and how to unlock it.
//!
//! ```text
//! every source --open--> refused: absent, or locked (with the fix)
//!                  \--> read, all at once, for a second --> rails, period, step, power
//! ```

mod cross;
mod fix;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tracing_energy::power::characterise::{Character, FAST_GAUGE, Seen, characterise, open_fast};
use tracing_energy::power::detect::{NAMED, OpenOptions, SourceChoice};
use tracing_energy::power::{Description, PowerSource, Provenance, SourceError, known, nvml, open};
use tracing_energy::units::{Energy, Nanos, Power};
use tracing_energy::{Clock, MonotonicClock};

use crate::format::{Answer, Column, Sheet, escape};

pub use fix::{AsRoot, Fix, RuleUser, fix_for_here};

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
}

/// Looks at every source that this system may have.
pub fn examine(options: &DoctorOptions) -> Examined {
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
    let mut states: Vec<Option<State>> = Vec::new();
    let (mut opened, mut places) = (Vec::new(), Vec::new());
    for (_, choice) in &NAMED {
        match open_fast(choice, &options.open, &clock) {
            Ok(source) => {
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
    let powers_seen = seen.split_off(places.len());
    for ((at, description), seen) in places.into_iter().zip(seen) {
        states[at] = Some(judged(description, seen));
    }
    let chosen = open(&SourceChoice::Auto, &options.open, &clock);
    let chosen = chosen.map(|opened| opened.sources).unwrap_or_default();
    Examined {
        sources: NAMED
            .iter()
            .zip(states)
            .filter_map(|((name, _), state)| Some((*name, state?)))
            .collect(),
        chosen: chosen.iter().map(|source| source.describe().name).collect(),
        powers: powers.into_iter().zip(powers_seen).collect(),
    }
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

    /// In words and tables.
    pub fn answer(&self) -> Answer {
        let title = match (self.has_measured(), self.chosen.as_slice()) {
            (true, chosen) => format!("Power can be measured here: {}", chosen.join(" and ")),
            (false, []) => "Nothing can be recorded here".to_owned(),
            (false, _) => "No sensor can be read here: power is modelled from CPU time".to_owned(),
        };
        let columns = vec![
            Column::text("source", "source"),
            Column::text("state", "state"),
            Column::text("why", "what it is"),
        ];
        let rails = vec![
            Column::text("source", "source"),
            Column::text("rail", "rail"),
            Column::text("kind", "meters"),
            Column::text("parent", "part of"),
            Column::power("power_w", "now"),
            Column::time("period_ns", "moves every"),
            Column::energy("resolution_j", "step"),
            Column::text("provenance", "figures").from_width(90),
        ];
        let mut answer = Answer::new("doctor", title)
            .with("chosen", json!(self.chosen))
            .with("has_measured", json!(self.has_measured()))
            .sheet(Sheet::new("sources", "Sources", columns, self.states()));
        let seen = self.rails();
        if !seen.is_empty() {
            answer = answer.sheet(Sheet::new("rails", "Rails", rails, seen));
        }
        let powers = self.powers.iter().map(|(of, seen)| (of, seen));
        let crossed = cross::check(self.usable().chain(powers));
        if !crossed.is_empty() {
            answer = answer.sheet(Sheet::new(
                "cross",
                "Metered twice",
                cross::columns(),
                crossed,
            ));
        }
        for (name, state) in &self.sources {
            if let State::Locked { what, fix } = state {
                answer = answer.note(format!(
                    "{name} is locked ({}): {}.",
                    escape(what),
                    escape(fix)
                ));
            }
        }
        for (description, _) in self.usable() {
            for limit in &description.limits {
                answer = answer.note(format!("{}: {}.", description.name, escape(limit)));
            }
        }
        answer
    }

    fn states(&self) -> Vec<Value> {
        let state = |(name, state): &(&'static str, State)| {
            let (word, why) = match state {
                State::Usable(description, _) => (
                    match description.provenance {
                        Provenance::Measured => "measured",
                        Provenance::Modelled => "modelled",
                        Provenance::Replayed => "replayed",
                    },
                    about(name),
                ),
                State::Locked { what, .. } => ("locked", what.as_str()),
                State::Absent(what) => ("not here", what.as_str()),
                State::Failing(why) => ("failing", why.as_str()),
            };
            let fix = match state {
                State::Locked { fix, .. } => Some(fix),
                _ => None,
            };
            json!({ "source": name, "state": word, "why": why, "fix": fix })
        };
        self.sources.iter().map(state).collect()
    }

    fn rails(&self) -> Vec<Value> {
        let rails = self.usable().flat_map(|(description, seen)| {
            let rails = description.rails.iter().zip(&seen.rails);
            rails.map(move |(rail, seen)| {
                let parent = rail.parent.and_then(|at| description.rails.get(at));
                let Character {
                    samples,
                    power,
                    period,
                    resolution,
                } = *seen;
                json!({
                    "source": description.name,
                    "rail": rail.name,
                    "kind": rail.kind.name(),
                    "parent": parent.map(|parent| &parent.name),
                    "samples": samples,
                    "power_w": power.map(Power::watts),
                    "period_ns": period.map(Nanos::nanos),
                    "resolution_j": resolution.map(Energy::joules),
                    "provenance": description.provenance.name(),
                })
            })
        });
        rails.collect()
    }
}

/// What a source is, for who has never heard of it.
fn about(name: &str) -> &'static str {
    match name {
        "powermetrics" => "Apple's tool, as root",
        "ioreport" => "Apple's counters, without root",
        "rapl" => "energy counters of the processor",
        "hwmon" => "sensors of boards and graphics",
        "nvml" => "NVIDIA's driver",
        "battery" => "what the battery is drained of",
        _ => "CPU time x watts: not measured",
    }
}

/// Where a fix is written; the system's own root unless a test says otherwise.
pub fn system_root() -> PathBuf {
    PathBuf::from("/")
}
