//! Internal to tracing-energy, without a stability promise: reads power, CPU times and
//! conditions of the machine.
//!
//! - [`PowerSource`] - a driver that reads rails, in a file or folder for each sensor: [`rapl`],
//!   [`hwmon`], [`battery`], [`ioreport`], [`modelled`], ... A [`Rail`] is one metered supply
//!   domain. A [`Sample`] is the energy of a rail over one half-open window of run time.
//! - [`polled`] - shared code of counters and gauges that are read at fixed times.
//! - [`SourceChoice`] names sources, [`open`] opens them, [`Sampler`] runs a thread for each.
//! - [`containment`] - which rail contains which. Rails form a tree (`package` contains `core`),
//!   and sums use its roots only.
//! - [`validate`], `frozen` and `replay::tidy` - samples that are dropped or unknown.
//! - [`cpu_time`], [`users`] - CPU time, and use of a GPU by process.
//! - [`conditions`] - power state, governor, thermal state, load of other processes.
//!
//! The crate depends on `energy-data` and `energy-host`. It knows no spans, no attribution and
//! no tables. The features `powermetrics`, `nvml`, `replay` and `binary-hash` select drivers.

pub mod battery;
pub mod characterise;
mod choice;
mod clock;
pub mod conditions;
pub mod containment;
pub mod counter;
pub mod cpu_time;
pub mod detect;
mod frozen;
pub mod hwmon;
pub mod ioreport;
pub mod modelled;
#[cfg(feature = "nvml")]
pub mod nvml;
pub mod polled;
#[cfg_attr(not(feature = "nvml"), allow(dead_code, reason = "used by nvml only"))]
mod power_fallback;
#[cfg(feature = "powermetrics")]
pub mod powermetrics;
mod rail_reader;
pub mod rapl;
#[cfg(feature = "replay")]
pub mod replay;
pub mod sampler;
pub mod sensor_cache;
mod stamp;
mod suspend;
mod sysfs;
#[cfg(feature = "replay")]
pub mod table;
pub mod ticker;
pub mod users;
pub mod validate;
#[cfg(all(feature = "powermetrics", feature = "replay"))]
mod zero_under_load;

pub use choice::ReplayMode;
pub use clock::{Clock, ManualClock, MonotonicClock};
pub use detect::{OpenOptions, Opened, SourceChoice, open};
pub use energy_data::{Kernel, Provenance, RailKind};
#[cfg(feature = "replay")]
pub use replay::{Recording, Replay, Wall};
pub use sampler::{Sampler, SamplerMessage, SamplerWatch};

use energy_data::units::{Energy, Nanos};

/// One rail of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Rail {
    /// The rail's name within its source: `cpu`, `package-0`, `gpu`.
    pub name: String,
    /// The domain it meters.
    pub kind: RailKind,
    /// Index of the rail of the same source that contains this one.
    pub parent: Option<usize>,
    /// The sensor's unit, for information: `mJ`, `uJ`, `W`.
    pub unit: &'static str,
}

/// The properties of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// `powermetrics`, `rapl`, `modelled`, `replay`.
    pub name: String,
    /// Its rails; samples refer to them by index.
    pub rails: Vec<Rail>,
    /// The requested time between samples.
    pub interval: Nanos,
    /// The averaging window of the sensor.
    pub kernel: Kernel,
    /// Whether values are measured, modelled or replayed.
    pub provenance: Provenance,
    /// Limitations of the values, for users.
    pub limits: Vec<String>,
}

/// One power reading: the energy of a rail over `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Index of the rail in [`Description::rails`].
    pub rail: usize,
    /// Start of the window, run time.
    pub start: Nanos,
    /// End of the window, run time.
    pub end: Nanos,
    /// The energy; `None` if unknown.
    pub energy: Option<Energy>,
}

/// An event other than a sample: a gap, a restart, a warning.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Run time of the event.
    pub time: Nanos,
    /// A stable name: `gap`, `restart`, `rejected_document`, `wrap`, `frozen`, `batched`, ...
    pub kind: &'static str,
    /// What happened, for users.
    pub message: String,
}

/// A sensor of this machine that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedSensor {
    /// The sensor, with its source: `rapl psys`, `hwmon corsairpsu`.
    pub sensor: String,
    /// Why it is not used.
    pub why: String,
    /// Whether the sensor failed or may not be read, as opposed to being excluded by design.
    pub is_fault: bool,
}

/// The thermal pressure over one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressure {
    /// Start of the window, run time.
    pub start: Nanos,
    /// End of the window, run time.
    pub end: Nanos,
    /// The level as the sensor names it; `Nominal` means none.
    pub level: String,
}

/// The result of one [`PowerSource::read`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// New samples, in time order for each rail.
    pub samples: Vec<Sample>,
    /// New notices.
    pub notices: Vec<Notice>,
    /// Thermal pressure of this machine, in time order.
    pub pressures: Vec<Pressure>,
    /// Other metrics of the sensor: `gpu_freq_mhz`, `gpu_idle_ratio`.
    pub metrics: Vec<SensorMetric>,
    /// All rails of the source, if some have appeared since it was opened. Known rails keep
    /// their indices; new ones are appended. Applies before the samples.
    pub rails: Option<Vec<containment::PlacedRail>>,
}

/// A value other than energy over one window.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorMetric {
    /// Name with unit.
    pub name: String,
    /// Start of the window, run time.
    pub start: Nanos,
    /// End of the window, run time.
    pub end: Nanos,
    /// Its value; unknown values have no row.
    pub value: f64,
}

/// Why a source delivers nothing, and what to do about it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SourceError {
    /// The sensor exists but may not be read.
    NotPermitted {
        /// The sensor.
        what: String,
        /// The exact next step.
        fix: String,
    },
    /// There is no such sensor here.
    NotPresent {
        /// The sensor.
        what: String,
    },
    /// A temporary failure.
    Retry {
        /// The sensor.
        what: String,
        /// What happened.
        why: String,
    },
    /// Permanently gone in this run (a replay that ended, a device that was unplugged).
    Gone {
        /// The sensor.
        what: String,
        /// What happened.
        why: String,
    },
    /// The recording or a setting is invalid.
    BadInput {
        /// The file or setting.
        what: String,
        /// What is wrong and what to do next.
        why: String,
    },
}

// Written out: a program that embeds the layer then compiles no derive macros.
impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotPermitted { what, fix } => write!(f, "{what}: not permitted; {fix}"),
            Self::NotPresent { what } => write!(f, "{what}: not present"),
            Self::Retry { what, why } => write!(f, "{what}: failed for now: {why}"),
            Self::Gone { what, why } => write!(f, "{what}: gone: {why}"),
            Self::BadInput { what, why } => write!(f, "{what}: {why}"),
        }
    }
}

impl std::error::Error for SourceError {}

/// A driver that reads rails. All methods but `describe` are called on one thread, the
/// sampler's. `describe` is complete once the source has been constructed.
pub trait PowerSource: Send {
    /// Returns name, rails, interval, provenance and limits. Rails that appear later are
    /// appended; nothing else changes.
    fn describe(&self) -> Description;

    /// Starts to measure; the first window starts now.
    ///
    /// # Errors
    /// If the sensor cannot be read. The message contains the next step.
    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError>;

    /// Waits for new samples or notices, at most about `timeout`, and appends them to
    /// `reading`. A timeout is not an error.
    ///
    /// # Errors
    /// [`SourceError::Gone`] ends the source. After other errors it is read again.
    fn read(
        &mut self,
        clock: &dyn Clock,
        timeout: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError>;

    /// Ends the measurement and appends the samples up to now. Waits at most one interval
    /// and never longer than a second.
    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading);

    /// Returns the process id of the source's sensor process. Its CPU time is attributed to
    /// the profiler, not to the program.
    fn child_pid(&self) -> Option<u32> {
        None
    }

    /// Returns the ids of the source's threads other than the sampler's. Their CPU time is
    /// attributed to the profiler.
    fn own_threads(&self) -> Vec<i64> {
        Vec::new()
    }

    /// Takes the readers of device use by process, each with the index of its rail. Called
    /// once, before the source starts.
    fn users(&mut self) -> Vec<(usize, Box<dyn users::DeviceUsers>)> {
        Vec::new()
    }

    /// Returns warnings about the source as it was opened.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the placement of a rail among the rails of the machine, as reported by the
    /// platform.
    fn placement(&self, _rail: usize) -> containment::Placement {
        containment::Placement::Unknown
    }

    /// Returns the configured idle power of a rail, or `None` for measured power.
    fn configured_idle(&self, _rail: usize) -> Option<energy_data::units::Power> {
        None
    }
}
