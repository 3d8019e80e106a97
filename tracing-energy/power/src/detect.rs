//! Finds and opens the power sources of this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use crate::choice::{NAMED, SourceChoice};
use crate::clock::Clock;
use crate::cpu_time;

use crate::battery::{self, POWER_SUPPLY};
use crate::choice::ReplayMode;
use crate::error::SourceError;
use crate::hwmon::{self, HWMON};
use crate::modelled::{Modelled, Watts};
use crate::rail::{Notice, UnusedSensor};
use crate::rapl::{self, POWERCAP};
use crate::sensor_cache;
use crate::source::PowerSource;
use energy_data::units::{Nanos, Power};

/// Environment variable for the idle power of the modelled source, W.
pub const IDLE_VARIABLE: &str = "TRACING_ENERGY_IDLE_W";
/// Environment variable for the maximum power of the modelled source, W.
pub const MAX_VARIABLE: &str = "TRACING_ENERGY_MAX_W";

/// How sources are opened.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenOptions {
    /// Requested time between samples.
    pub interval: Nanos,
    /// Watts of the modelled source with no processor busy. `None`: the value of
    /// [`IDLE_VARIABLE`], else the default.
    pub idle_w: Option<f64>,
    /// Watts of the modelled source with all processors busy. `None`: the value of
    /// [`MAX_VARIABLE`], else the default.
    pub max_w: Option<f64>,
    /// How recordings are played.
    pub replay_mode: ReplayMode,
    /// The kernel's folder of RAPL counters.
    pub powercap: PathBuf,
    /// The kernel's folder of board and graphics sensors.
    pub hwmon: PathBuf,
    /// The kernel's folder of batteries.
    pub power_supply: PathBuf,
    /// Whether NVIDIA GPUs are used.
    pub nvml: bool,
    /// Cache file for the characteristics of this machine's sensors; `None` disables it.
    pub sensor_cache: Option<PathBuf>,
    /// How powermetrics is run; `None` searches for it.
    #[cfg(all(unix, feature = "powermetrics"))]
    pub powermetrics: Option<crate::powermetrics::Launch>,
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
            sensor_cache: sensor_cache::path(),
            #[cfg(all(unix, feature = "powermetrics"))]
            powermetrics: None,
        }
    }
}

impl OpenOptions {
    /// Disables all sensors of this machine and the cache, for tests that set single roots.
    pub fn without_sensors(mut self) -> Self {
        for root in [&mut self.powercap, &mut self.hwmon, &mut self.power_supply] {
            *root = PathBuf::from("/no-sensors-here");
        }
        self.nvml = false;
        self.sensor_cache = None;
        self
    }
}

/// The opened sources, and notices about the others.
pub struct OpenedSources {
    /// The sources; at least one.
    pub sources: Vec<Box<dyn PowerSource>>,
    /// Sources that were refused, with the fix; unused sensors; use of modelled power.
    pub notices: Vec<Notice>,
}

type OneOpened = Result<Box<dyn PowerSource>, SourceError>;

/// Opens the chosen sources.
///
/// # Errors
/// The error of a chosen source. [`SourceChoice::Auto`] fails only if CPU times cannot be
/// read either.
pub fn open(
    choice: &SourceChoice,
    options: &OpenOptions,
    clock: &Arc<dyn Clock>,
) -> Result<OpenedSources, SourceError> {
    let mut left_out = Vec::new();
    let sources = match choice {
        SourceChoice::Auto => return auto(options, clock),
        SourceChoice::Several(choices) => {
            let mut one = |one| open_one(one, options, clock, &mut left_out);
            choices.iter().map(&mut one).collect::<Result<_, _>>()?
        }
        one => vec![open_one(one, options, clock, &mut left_out)?],
    };
    Ok(OpenedSources {
        sources,
        notices: notices(left_out, clock),
    })
}

/// Returns a notice for each unused sensor; faults get a kind that is shown as a warning.
fn notices(left_out: Vec<UnusedSensor>, clock: &Arc<dyn Clock>) -> Vec<Notice> {
    let notice = |one: UnusedSensor| Notice {
        time: clock.now(),
        kind: match one.is_fault {
            true => "left_out",
            false => "source_limit",
        },
        message: format!("{} is not used: {}", one.sensor, one.why),
    };
    left_out.into_iter().map(notice).collect()
}

/// Opens one source. Unused sensors are added to `left_out`, also on an error.
pub(crate) fn open_one(
    choice: &SourceChoice,
    options: &OpenOptions,
    clock: &Arc<dyn Clock>,
    left_out: &mut Vec<UnusedSensor>,
) -> OneOpened {
    let interval = options.interval;
    match choice {
        SourceChoice::Powermetrics => powermetrics(options, clock),
        SourceChoice::IoReport => ioreport(interval),
        SourceChoice::Rapl => boxed(rapl::open(&options.powercap, interval, left_out)),
        SourceChoice::Hwmon => boxed(hwmon::open(&options.hwmon, interval, left_out)),
        SourceChoice::Nvml => nvml(options, left_out),
        SourceChoice::Battery => boxed(battery::open(&options.power_supply, interval, left_out)),
        SourceChoice::Modelled => modelled(options),
        SourceChoice::Replay(file) => replay(file, options.replay_mode),
        SourceChoice::Auto | SourceChoice::Several(_) => Err(SourceError::BadInput {
            what: choice.to_string(),
            why: "it is not one source".to_owned(),
        }),
    }
}

fn boxed<S: PowerSource + 'static>(source: Result<S, SourceError>) -> OneOpened {
    Ok(Box::new(source?))
}

/// Opens all measured sources, or the modelled one if there are none. Domains metered by
/// two sources count once: see [`containment`](crate::containment).
///
/// ```text
/// macOS    powermetrics, else ioreport
/// Linux    rapl, hwmon, nvml; a battery only if no other source can be opened
/// ```
fn auto(options: &OpenOptions, clock: &Arc<dyn Clock>) -> Result<OpenedSources, SourceError> {
    let mut opened = OpenedSources {
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
            Err(error) if is_reportable(&choice, &error) => {
                opened
                    .notices
                    .push(notice("source_refused", error.to_string()));
            }
            Err(_) => {}
        }
        opened.notices.extend(notices(left_out, clock));
        // On macOS each source meters the whole processor.
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

/// Returns the sources to try, in order.
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

/// Returns whether a failure to open is reported: not if an optional sensor is absent.
fn is_reportable(choice: &SourceChoice, error: &SourceError) -> bool {
    let is_usual = matches!(choice, SourceChoice::Powermetrics | SourceChoice::Rapl);
    is_usual || !matches!(error, SourceError::NotPresent { .. })
}

#[cfg(feature = "replay")]
fn replay(file: &Path, mode: ReplayMode) -> OneOpened {
    boxed(crate::replay::Replay::open(file, mode))
}

#[cfg(not(feature = "replay"))]
fn replay(file: &Path, _mode: ReplayMode) -> OneOpened {
    Err(SourceError::NotPresent {
        what: format!(
            "recording {} (part of the feature `replay`)",
            file.display()
        ),
    })
}

#[cfg(feature = "nvml")]
fn nvml(options: &OpenOptions, left_out: &mut Vec<UnusedSensor>) -> OneOpened {
    if options.nvml {
        return boxed(crate::nvml::open(options.interval, left_out));
    }
    Err(SourceError::NotPresent {
        what: "NVIDIA GPUs (not requested)".to_owned(),
    })
}

#[cfg(not(feature = "nvml"))]
fn nvml(_options: &OpenOptions, _left_out: &mut Vec<UnusedSensor>) -> OneOpened {
    Err(SourceError::NotPresent {
        what: "NVIDIA GPUs (part of the feature `nvml`)".to_owned(),
    })
}

#[cfg(target_os = "macos")]
fn ioreport(interval: Nanos) -> Result<Box<dyn PowerSource>, SourceError> {
    Ok(Box::new(crate::ioreport::open(interval)?))
}

#[cfg(not(target_os = "macos"))]
fn ioreport(_interval: Nanos) -> Result<Box<dyn PowerSource>, SourceError> {
    Err(SourceError::NotPresent {
        what: "IOReport (part of macOS)".to_owned(),
    })
}

#[cfg(all(unix, feature = "powermetrics"))]
fn wants_powermetrics(options: &OpenOptions) -> bool {
    let named = std::env::var_os(crate::powermetrics::launch::EXECUTABLE_VARIABLE);
    cfg!(target_os = "macos") || options.powermetrics.is_some() || named.is_some()
}

#[cfg(not(all(unix, feature = "powermetrics")))]
fn wants_powermetrics(_options: &OpenOptions) -> bool {
    false
}

#[cfg(all(unix, feature = "powermetrics"))]
fn powermetrics(
    options: &OpenOptions,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn PowerSource>, SourceError> {
    use crate::powermetrics::{Launch, Powermetrics, PowermetricsOptions};
    let launch = options.powermetrics.clone().map_or_else(Launch::find, Ok)?;
    let options = PowermetricsOptions {
        launch,
        interval: options.interval,
        bound: None,
    };
    Ok(Box::new(Powermetrics::open(Arc::clone(clock), options)?))
}

#[cfg(not(all(unix, feature = "powermetrics")))]
fn powermetrics(
    _options: &OpenOptions,
    _clock: &Arc<dyn Clock>,
) -> Result<Box<dyn PowerSource>, SourceError> {
    Err(SourceError::NotPresent {
        what: "powermetrics (part of macOS, and of the feature `powermetrics`)".into(),
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
        why: format!("{text:?} is not a number of watts"),
    })?;
    Ok(Some(Power::from_watts(watts)))
}
