//! Which sources there are on this machine.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::clock::Clock;
use crate::cpu_time;
use crate::power::modelled::{Modelled, Watts};
use crate::power::rapl::{POWERCAP, Rapl};
use crate::power::replay::{Replay, ReplayMode};
use crate::power::{Notice, PowerSource, SourceError};
use crate::units::{Nanos, Power};

/// Environment variables of the modelled source's watts.
pub const IDLE_VARIABLE: &str = "TRACING_ENERGY_IDLE_W";
/// See [`IDLE_VARIABLE`].
pub const MAX_VARIABLE: &str = "TRACING_ENERGY_MAX_W";

/// Which source to use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SourceChoice {
    /// What is measured before what is modelled.
    #[default]
    Auto,
    /// Apple's powermetrics.
    Powermetrics,
    /// RAPL through Linux' powercap.
    Rapl,
    /// CPU time times watts.
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
                Some(file) if !file.is_empty() => Ok(Self::Replay(file.into())),
                _ => Err(format!(
                    "{text:?} is no power source; use auto, powermetrics, rapl, modelled or \
                     replay:FILE"
                )),
            },
        }
    }
}

impl std::fmt::Display for SourceChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Powermetrics => f.write_str("powermetrics"),
            Self::Rapl => f.write_str("rapl"),
            Self::Modelled => f.write_str("modelled"),
            Self::Replay(file) => write!(f, "replay:{}", file.display()),
        }
    }
}

/// How sources are opened.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenOptions {
    /// Wished-for time between samples.
    pub interval: Nanos,
    /// Watts of the modelled source with no processor busy; `None` is the
    /// environment's or the default.
    pub idle_w: Option<f64>,
    /// The same with all processors busy.
    pub max_w: Option<f64>,
    /// How a recording is played.
    pub replay_mode: ReplayMode,
    /// Where the kernel shows RAPL counters.
    pub powercap: PathBuf,
    /// How powermetrics is run; `None` finds it.
    #[cfg(unix)]
    pub powermetrics: Option<crate::power::powermetrics::Launch>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            interval: Nanos::from_millis(100),
            idle_w: None,
            max_w: None,
            replay_mode: ReplayMode::default(),
            powercap: POWERCAP.into(),
            #[cfg(unix)]
            powermetrics: None,
        }
    }
}

/// Sources that work, and why others do not.
pub struct Opened {
    /// The sources; at least one.
    pub sources: Vec<Box<dyn PowerSource>>,
    /// A source that was refused, with its fix; figures that are only modelled.
    pub notices: Vec<Notice>,
}

/// Opens what was chosen.
///
/// # Errors
/// The chosen source's error. [`SourceChoice::Auto`] fails only where not even
/// CPU times can be read.
pub fn open(
    choice: &SourceChoice,
    options: &OpenOptions,
    clock: &Arc<dyn Clock>,
) -> Result<Opened, SourceError> {
    let source = match choice {
        SourceChoice::Auto => return auto(options, clock),
        SourceChoice::Powermetrics => powermetrics(options, clock),
        SourceChoice::Rapl => rapl(options),
        SourceChoice::Modelled => modelled(options),
        SourceChoice::Replay(file) => {
            Replay::open(file, options.replay_mode).map(|replay| Box::new(replay) as _)
        }
    };
    Ok(Opened {
        sources: vec![source?],
        notices: Vec::new(),
    })
}

fn auto(options: &OpenOptions, clock: &Arc<dyn Clock>) -> Result<Opened, SourceError> {
    let mut notices = Vec::new();
    let mut notice = |kind, message| {
        let time = clock.now();
        notices.push(Notice {
            time,
            kind,
            message,
        });
    };
    let mut source = None;
    if wants_powermetrics(options) {
        source = powermetrics(options, clock)
            .map_err(|error| notice("source_refused", error.to_string()))
            .ok();
    }
    if source.is_none() && cfg!(target_os = "linux") {
        source = rapl(options)
            .map_err(|error| notice("source_refused", error.to_string()))
            .ok();
    }
    let source = match source {
        Some(source) => source,
        None => {
            notice(
                "modelled",
                "no sensor can be read: power is modelled from CPU time".into(),
            );
            modelled(options)?
        }
    };
    Ok(Opened {
        sources: vec![source],
        notices,
    })
}

#[cfg(unix)]
fn wants_powermetrics(options: &OpenOptions) -> bool {
    let named = std::env::var_os(crate::power::powermetrics::launch::EXECUTABLE_VARIABLE);
    cfg!(target_os = "macos") || options.powermetrics.is_some() || named.is_some()
}

#[cfg(not(unix))]
fn wants_powermetrics(_options: &OpenOptions) -> bool {
    false
}

#[cfg(unix)]
fn powermetrics(
    options: &OpenOptions,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn PowerSource>, SourceError> {
    use crate::power::powermetrics::{Launch, Options, Powermetrics};
    let launch = options.powermetrics.clone().map_or_else(Launch::find, Ok)?;
    let options = Options {
        launch,
        interval: options.interval,
        bound: None,
    };
    Ok(Box::new(Powermetrics::open(Arc::clone(clock), options)?))
}

#[cfg(not(unix))]
fn powermetrics(
    _options: &OpenOptions,
    _clock: &Arc<dyn Clock>,
) -> Result<Box<dyn PowerSource>, SourceError> {
    Err(SourceError::NotPresent {
        what: "powermetrics (part of macOS)".into(),
    })
}

fn rapl(options: &OpenOptions) -> Result<Box<dyn PowerSource>, SourceError> {
    Ok(Box::new(Rapl::open(&options.powercap, options.interval)?))
}

fn modelled(options: &OpenOptions) -> Result<Box<dyn PowerSource>, SourceError> {
    let defaults = Watts::default_for(cpu_time::processors());
    let given = |option: Option<f64>, variable| match option {
        Some(watts) => Ok(Some(Power::from_watts(watts))),
        None => watts_from_environment(variable),
    };
    let idle = given(options.idle_w, IDLE_VARIABLE)?.unwrap_or(defaults.idle);
    let dynamic = defaults.max - defaults.idle;
    let max = given(options.max_w, MAX_VARIABLE)?.unwrap_or(idle + dynamic);
    Ok(Box::new(Modelled::open(
        Watts { idle, max },
        options.interval,
    )?))
}

fn watts_from_environment(variable: &str) -> Result<Option<Power>, SourceError> {
    let Ok(text) = std::env::var(variable) else {
        return Ok(None);
    };
    let watts = text.trim().parse().map_err(|_| SourceError::BadInput {
        what: variable.to_owned(),
        why: format!("{text:?} is no number of watts"),
    })?;
    Ok(Some(Power::from_watts(watts)))
}
