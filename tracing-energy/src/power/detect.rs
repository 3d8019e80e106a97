//! Which source to read: the one asked for, or the best there is.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::modelled::{Modelled, Watts};
use super::rapl::Rapl;
use super::replay::{Replay, ReplayMode};
use super::{PowerSource, SourceError};
use crate::clock::Clock;
use crate::cpu_time;
use crate::units::Nanos;

/// A choice of power source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SourceChoice {
    /// The best there is: measured before modelled.
    #[default]
    Auto,
    /// macOS `powermetrics`.
    Powermetrics,
    /// Linux RAPL.
    Rapl,
    /// Power modelled from CPU time.
    Modelled,
    /// A recording.
    Replay(PathBuf),
}

impl FromStr for SourceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "powermetrics" => Ok(Self::Powermetrics),
            "rapl" => Ok(Self::Rapl),
            "modelled" => Ok(Self::Modelled),
            _ => match text.strip_prefix("replay:") {
                Some(file) if !file.is_empty() => Ok(Self::Replay(PathBuf::from(file))),
                _ => Err(format!(
                    "'{text}' is no power source; use auto, powermetrics, rapl, modelled or replay:FILE"
                )),
            },
        }
    }
}

/// How sources are opened.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenOptions {
    /// Wished-for time between samples.
    pub interval: Nanos,
    /// Idle and maximum power for modelled power; a guess from the number of
    /// processors if not given.
    pub watts: Option<Watts>,
    /// How a recording is played.
    pub replay: ReplayMode,
    /// Where the system's powercap tree is.
    pub powercap: PathBuf,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            interval: Nanos::from_millis(100),
            watts: None,
            replay: ReplayMode::default(),
            powercap: PathBuf::from("/sys/class/powercap"),
        }
    }
}

/// Sources that were opened.
pub struct Opened {
    /// The sources.
    pub sources: Vec<Box<dyn PowerSource>>,
    /// What was tried and refused, with the fix.
    pub notices: Vec<String>,
}

/// Opens the chosen source.
///
/// # Errors
/// A source that was asked for by name cannot be read.
pub fn open(
    choice: &SourceChoice,
    options: &OpenOptions,
    clock: &Arc<dyn Clock>,
) -> Result<Opened, SourceError> {
    if *choice != SourceChoice::Auto {
        return Ok(Opened {
            sources: vec![open_one(choice, options, clock)?],
            notices: Vec::new(),
        });
    }
    let mut notices = Vec::new();
    for candidate in candidates() {
        match open_one(&candidate, options, clock) {
            Ok(source) => {
                return Ok(Opened {
                    sources: vec![source],
                    notices,
                });
            }
            Err(error) => notices.push(error.to_string()),
        }
    }
    Ok(Opened {
        sources: vec![open_one(&SourceChoice::Modelled, options, clock)?],
        notices,
    })
}

fn candidates() -> Vec<SourceChoice> {
    let mut candidates = Vec::new();
    if cfg!(target_os = "macos") || std::env::var_os(EXECUTABLE_VARIABLE).is_some() {
        candidates.push(SourceChoice::Powermetrics);
    }
    if cfg!(target_os = "linux") {
        candidates.push(SourceChoice::Rapl);
    }
    candidates
}

fn open_one(
    choice: &SourceChoice,
    options: &OpenOptions,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn PowerSource>, SourceError> {
    Ok(match choice {
        SourceChoice::Powermetrics => powermetrics(options, clock)?,
        SourceChoice::Rapl => Box::new(Rapl::open(&options.powercap, options.interval)?),
        SourceChoice::Replay(path) => Box::new(Replay::open(path, options.replay)?),
        SourceChoice::Auto | SourceChoice::Modelled => {
            let watts = options
                .watts
                .unwrap_or_else(|| Watts::default_for(cpu_time::processors()));
            Box::new(Modelled::open(watts, options.interval)?)
        }
    })
}

#[cfg(unix)]
fn powermetrics(
    options: &OpenOptions,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn PowerSource>, SourceError> {
    use super::powermetrics::{Launch, Options, Powermetrics};
    let launch = Launch::find()?;
    let options = Options {
        launch,
        interval: options.interval,
        bound: None,
    };
    Ok(Box::new(Powermetrics::open(Arc::clone(clock), options)?))
}

#[cfg(not(unix))]
fn powermetrics(_: &OpenOptions, _: &Arc<dyn Clock>) -> Result<Box<dyn PowerSource>, SourceError> {
    Err(SourceError::NotPresent {
        what: "powermetrics (macOS only)".to_owned(),
    })
}

/// Names the `powermetrics` executable to run.
const EXECUTABLE_VARIABLE: &str = "TRACING_ENERGY_POWERMETRICS";
