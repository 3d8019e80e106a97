//! Which sources there are on this machine.

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Clock;
use crate::cpu_time;
pub use crate::power::choice::{NAMED, SourceChoice};

use crate::power::battery::{self, POWER_SUPPLY};
use crate::power::hwmon::{self, HWMON};
use crate::power::known;
use crate::power::modelled::{Modelled, Watts};
use crate::power::nvml;
use crate::power::rapl::{self, POWERCAP};
use crate::power::replay::{Replay, ReplayMode};
use crate::power::{LeftOut, Notice, PowerSource, SourceError};
use crate::units::{Nanos, Power};

/// Environment variables of the modelled source's watts.
pub const IDLE_VARIABLE: &str = "TRACING_ENERGY_IDLE_W";
/// See [`IDLE_VARIABLE`].
pub const MAX_VARIABLE: &str = "TRACING_ENERGY_MAX_W";

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
    /// Where it shows sensors of boards and graphics.
    pub hwmon: PathBuf,
    /// Where it shows batteries.
    pub power_supply: PathBuf,
    /// Whether the NVIDIA driver is asked.
    pub nvml: bool,
    /// Where it is kept how often this machine's sensors move; `None` keeps nothing.
    pub known: Option<PathBuf>,
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
            hwmon: HWMON.into(),
            power_supply: POWER_SUPPLY.into(),
            nvml: true,
            known: known::path(),
            #[cfg(unix)]
            powermetrics: None,
        }
    }
}

impl OpenOptions {
    /// Finds no sensor of this machine and keeps nothing of any, for tests: roots are to be
    /// set one by one.
    pub fn without_sensors(mut self) -> Self {
        for root in [&mut self.powercap, &mut self.hwmon, &mut self.power_supply] {
            *root = PathBuf::from("/no-sensors-here");
        }
        self.nvml = false;
        self.known = None;
        self
    }
}

/// Sources that work, and why others do not.
pub struct Opened {
    /// The sources; at least one.
    pub sources: Vec<Box<dyn PowerSource>>,
    /// A source that was refused, with its fix; sensors that are left out; figures that
    /// are only modelled.
    pub notices: Vec<Notice>,
}

/// A source and the sensors that it leaves out, which are known even where it fails.
type OneOpened = Result<Box<dyn PowerSource>, SourceError>;

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
    let mut left_out = Vec::new();
    let sources = match choice {
        SourceChoice::Auto => return auto(options, clock),
        SourceChoice::Several(choices) => {
            let mut one = |one| open_one(one, options, clock, &mut left_out);
            choices.iter().map(&mut one).collect::<Result<_, _>>()?
        }
        one => vec![open_one(one, options, clock, &mut left_out)?],
    };
    Ok(Opened {
        sources,
        notices: notices(left_out, clock),
    })
}

/// A sensor that should have been usable is worth a warning.
fn notices(left_out: Vec<LeftOut>, clock: &Arc<dyn Clock>) -> Vec<Notice> {
    let notice = |one: LeftOut| Notice {
        time: clock.now(),
        kind: match one.is_fault {
            true => "left_out",
            false => "source_limit",
        },
        message: format!("{} is left out: {}", one.sensor, one.why),
    };
    left_out.into_iter().map(notice).collect()
}

/// Opens one source; sensors that it leaves out are added to `left_out`, also where it
/// fails.
pub(crate) fn open_one(
    choice: &SourceChoice,
    options: &OpenOptions,
    clock: &Arc<dyn Clock>,
    left_out: &mut Vec<LeftOut>,
) -> OneOpened {
    let interval = options.interval;
    match choice {
        SourceChoice::Powermetrics => powermetrics(options, clock),
        SourceChoice::IoReport => ioreport(interval),
        SourceChoice::Rapl => boxed(rapl::open(&options.powercap, interval, left_out)),
        SourceChoice::Hwmon => boxed(hwmon::open(&options.hwmon, interval, left_out)),
        SourceChoice::Nvml if options.nvml => boxed(nvml::open(interval, left_out)),
        SourceChoice::Battery => boxed(battery::open(&options.power_supply, interval, left_out)),
        SourceChoice::Modelled => modelled(options),
        SourceChoice::Replay(file) => boxed(Replay::open(file, options.replay_mode)),
        SourceChoice::Nvml => Err(SourceError::NotPresent {
            what: "NVIDIA GPUs (not asked for)".to_owned(),
        }),
        SourceChoice::Auto | SourceChoice::Several(_) => Err(SourceError::BadInput {
            what: choice.to_string(),
            why: "it is not one source".to_owned(),
        }),
    }
}

fn boxed<S: PowerSource + 'static>(source: Result<S, SourceError>) -> OneOpened {
    Ok(Box::new(source?))
}

/// All that is measured; what is only modelled if there is nothing. What two sources
/// meter counts once: see [`containment`](crate::power::containment).
///
/// ```text
/// macOS    powermetrics, else ioreport
/// Linux    rapl, hwmon, nvml; a battery only where nothing else tells anything
/// ```
fn auto(options: &OpenOptions, clock: &Arc<dyn Clock>) -> Result<Opened, SourceError> {
    let mut opened = Opened {
        sources: Vec::new(),
        notices: Vec::new(),
    };
    let notice = |kind, message| {
        let time = clock.now();
        Notice {
            time,
            kind,
            message,
        }
    };
    for choice in candidates(options) {
        let is_last_resort = choice == SourceChoice::Battery;
        if is_last_resort && !opened.sources.is_empty() {
            continue;
        }
        let mut left_out = Vec::new();
        match open_one(&choice, options, clock, &mut left_out) {
            Ok(source) => opened.sources.push(source),
            Err(error) if is_worth_telling(&choice, &error) => {
                opened
                    .notices
                    .push(notice("source_refused", error.to_string()));
            }
            Err(_) => {}
        }
        opened.notices.extend(notices(left_out, clock));
        // One that meters the whole processor is enough.
        let is_complete = choice == SourceChoice::Powermetrics || cfg!(target_os = "macos");
        if is_complete && !opened.sources.is_empty() {
            break;
        }
    }
    if opened.sources.is_empty() {
        let message = "no sensor can be read: power is modelled from CPU time";
        opened.notices.push(notice("modelled", message.to_owned()));
        opened.sources.push(modelled(options)?);
    }
    Ok(opened)
}

/// What may be there, in the order in which it is tried.
fn candidates(options: &OpenOptions) -> Vec<SourceChoice> {
    let mut candidates = Vec::new();
    if wants_powermetrics(options) {
        candidates.push(SourceChoice::Powermetrics);
    }
    if cfg!(target_os = "macos") {
        candidates.push(SourceChoice::IoReport);
    }
    if cfg!(target_os = "linux") {
        candidates.extend([SourceChoice::Rapl, SourceChoice::Hwmon]);
    }
    if !cfg!(target_os = "macos") {
        candidates.push(SourceChoice::Nvml);
    }
    if cfg!(target_os = "linux") {
        candidates.push(SourceChoice::Battery);
    }
    candidates
}

/// That a machine has no NVIDIA GPU need not be said; that a sensor may not be read must.
fn is_worth_telling(choice: &SourceChoice, error: &SourceError) -> bool {
    let is_usual = matches!(choice, SourceChoice::Powermetrics | SourceChoice::Rapl);
    is_usual || !matches!(error, SourceError::NotPresent { .. })
}

#[cfg(target_os = "macos")]
fn ioreport(interval: Nanos) -> Result<Box<dyn PowerSource>, SourceError> {
    Ok(Box::new(crate::power::ioreport::open(interval)?))
}

#[cfg(not(target_os = "macos"))]
fn ioreport(_interval: Nanos) -> Result<Box<dyn PowerSource>, SourceError> {
    Err(SourceError::NotPresent {
        what: "IOReport (part of macOS)".to_owned(),
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
