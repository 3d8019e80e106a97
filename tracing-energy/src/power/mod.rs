//! Power sources: drivers that read rails.
//!
//! A source delivers samples: the energy of one rail over one half-open window
//! of run time. A rail is one metered supply domain. Rails form a tree
//! (`package` contains `core`); sums use roots only.

pub mod batches;
pub mod battery;
pub mod characterise;
mod choice;
pub mod containment;
pub mod counter;
pub mod detect;
mod frozen;
pub mod hwmon;
pub mod ioreport;
mod kernel;
pub mod known;
pub mod modelled;
pub mod nvml;
pub mod pace;
pub mod polled;
pub mod powermetrics;
mod rail_reader;
pub mod rapl;
pub mod replay;
pub mod sampler;
mod second_way;
mod stamp;
mod suspend;
mod sysfs;
pub mod users;
pub mod validate;
mod zero_under_load;

pub use detect::{OpenOptions, Opened, SourceChoice, open};
pub use kernel::Kernel;
pub use replay::{Recording, Replay, ReplayMode, Wall};
pub use sampler::{Sampler, SamplerMessage, SamplerWatch};

use crate::clock::Clock;
use crate::units::{Energy, Nanos};

/// What a rail meters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RailKind {
    /// CPU cores and their caches.
    Cpu,
    /// A graphics processor.
    Gpu,
    /// A neural engine.
    Ane,
    /// Memory.
    Dram,
    /// A processor package or system on chip, its parts included.
    Package,
    /// The whole machine.
    System,
    /// Anything else.
    Other,
}

impl RailKind {
    /// The name in tables: `cpu`, `gpu`, `ane`, `dram`, `package`, `system`, `other`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Ane => "ane",
            Self::Dram => "dram",
            Self::Package => "package",
            Self::System => "system",
            Self::Other => "other",
        }
    }

    /// The kind with that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::Cpu,
            Self::Gpu,
            Self::Ane,
            Self::Dram,
            Self::Package,
            Self::System,
            Self::Other,
        ];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// How a figure came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// A sensor read it during the run.
    Measured,
    /// Computed from CPU time and configured watts: modelled, not measured.
    Modelled,
    /// Taken from a recording made elsewhere.
    Replayed,
}

impl Provenance {
    /// The name in tables: `measured`, `modelled`, `replayed`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Modelled => "modelled",
            Self::Replayed => "replayed",
        }
    }

    /// The provenance with that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Measured, Self::Modelled, Self::Replayed]
            .into_iter()
            .find(|p| p.name() == name)
    }
}

/// One rail of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Rail {
    /// The rail's name within its source: `cpu`, `package-0`, `gpu`.
    pub name: String,
    /// What it meters.
    pub kind: RailKind,
    /// Index, in the same source, of the rail that contains this one.
    pub parent: Option<usize>,
    /// The unit the sensor counts in, for the record: `mJ`, `uJ`, `W`.
    pub unit: &'static str,
}

/// What a source is and what it can do.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// `powermetrics`, `rapl`, `modelled`, `replay`.
    pub name: String,
    /// Its rails; samples refer to them by index.
    pub rails: Vec<Rail>,
    /// The wished-for time between samples.
    pub interval: Nanos,
    /// The averaging window of the sensor.
    pub kernel: Kernel,
    /// Whether figures are measured, modelled or replayed.
    pub provenance: Provenance,
    /// What a reader of the figures must know, in words.
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
    /// The energy; `None` where the device gave none.
    pub energy: Option<Energy>,
}

/// Something worth telling that is no sample: a gap, a restart, a warning.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// When, run time.
    pub time: Nanos,
    /// A stable word: `gap`, `restart`, `rejected_document`, `wrap`, `frozen`, `batched`, ...
    pub kind: &'static str,
    /// What happened, in words.
    pub message: String,
}

/// A sensor of this machine that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The sensor, with its source: `rapl psys`, `hwmon corsairpsu`.
    pub sensor: String,
    /// Why it is not used.
    pub why: String,
    /// Whether it should have been usable: it failed, or may not be read.
    pub is_fault: bool,
}

/// What a sensor says of thermal pressure over one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressure {
    /// Start of the window, run time.
    pub start: Nanos,
    /// End of the window, run time.
    pub end: Nanos,
    /// The sensor's word; `Nominal` means none.
    pub level: String,
}

/// What one [`PowerSource::read`] brought.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// New samples, in time order for each rail.
    pub samples: Vec<Sample>,
    /// New notices.
    pub notices: Vec<Notice>,
    /// Thermal pressure of this machine, in time order.
    pub pressures: Vec<Pressure>,
    /// What else the sensor tells: `gpu_freq_mhz`, `gpu_idle_ratio`.
    pub extras: Vec<Extra>,
    /// All rails of the source, where some have appeared since it was opened: those
    /// before keep their places, new ones are appended. Counts before the samples.
    pub rails: Option<Vec<containment::PlacedRail>>,
}

/// A figure that is no energy, over one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra {
    /// What it is, with its unit.
    pub name: String,
    /// Start of the window, run time.
    pub start: Nanos,
    /// End of the window, run time.
    pub end: Nanos,
    /// Its value; what is not known has no row.
    pub value: f64,
}

/// Why a source gives nothing, and what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The sensor exists but may not be read.
    #[error("{what}: not permitted; {fix}")]
    NotPermitted {
        /// The sensor.
        what: String,
        /// The exact next step.
        fix: String,
    },
    /// There is no such sensor here.
    #[error("{what}: not present")]
    NotPresent {
        /// The sensor.
        what: String,
    },
    /// It failed now and may work later.
    #[error("{what}: failed for now: {why}")]
    Retry {
        /// The sensor.
        what: String,
        /// What happened.
        why: String,
    },
    /// It is gone for good in this run (a replay that ended, a device unplugged).
    #[error("{what}: gone: {why}")]
    Gone {
        /// The sensor.
        what: String,
        /// What happened.
        why: String,
    },
    /// Its recording or its settings are wrong.
    #[error("{what}: {why}")]
    BadInput {
        /// The file or setting.
        what: String,
        /// What is wrong and what to do next.
        why: String,
    },
}

/// A driver that reads rails. All calls but `describe` come from one thread, the
/// sampler's; `describe` is complete once the source has been constructed.
pub trait PowerSource: Send {
    /// Name, rails, interval, provenance and limits. Rails that appear later are
    /// appended; nothing else changes.
    fn describe(&self) -> Description;

    /// Begins to measure; the first window starts now.
    ///
    /// # Errors
    /// When the sensor cannot be read; the message holds the next step.
    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError>;

    /// Waits until there is something to tell, at most about `patience`, and
    /// appends it to `reading`. Nothing new in time is no error.
    ///
    /// # Errors
    /// [`SourceError::Gone`] ends the source; other errors are counted and the
    /// source is asked again.
    fn read(
        &mut self,
        clock: &dyn Clock,
        patience: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError>;

    /// Ends the measurement: what was measured up to now is appended, waiting at
    /// most one interval and never longer than a second.
    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading);

    /// The process that the source keeps for its sensor: its CPU time is the
    /// profiler's, not the program's.
    fn child_pid(&self) -> Option<u32> {
        None
    }

    /// Ids of the threads that the source keeps besides the sampler's: their CPU
    /// time is the profiler's.
    fn own_threads(&self) -> Vec<i64> {
        Vec::new()
    }

    /// Readers of the use of rails' devices by process, by rail. Called once, before the
    /// source starts.
    fn users(&mut self) -> Vec<(usize, Box<dyn users::DeviceUsers>)> {
        Vec::new()
    }

    /// Returns what is doubtful about the source as it was opened.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns what the platform says of a rail's place among the rails of the machine.
    fn placement(&self, _rail: usize) -> containment::Placement {
        containment::Placement::Unknown
    }

    /// Idle power of a rail where the source knows it (modelled power).
    fn configured_idle(&self, _rail: usize) -> Option<crate::units::Power> {
        None
    }
}
