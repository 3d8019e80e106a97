//! Rails of a source and what a source reports about them: plain data.

use energy_data::units::{Energy, Nanos};
use energy_data::{Kernel, Provenance, RailKind};

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
