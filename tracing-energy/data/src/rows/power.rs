//! Rails, their samples and their idle power.

use crate::{Kernel, Provenance, RailKind};

/// `rails`.
#[derive(Debug, Clone, PartialEq)]
pub struct RailRow {
    /// Rail id.
    pub id: u32,
    /// Source it belongs to.
    pub source: String,
    /// Name within the source.
    pub name: String,
    /// Rail that contains it.
    pub parent: Option<u32>,
    /// Kind of the rail.
    pub kind: RailKind,
    /// The sensor's unit.
    pub unit: String,
    /// Requested time between samples.
    pub interval_ns: i64,
    /// Averaging window of the sensor.
    pub kernel: Kernel,
    /// Measured, modelled or replayed.
    pub provenance: Provenance,
}

/// `samples`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRow {
    /// Rail.
    pub rail: u32,
    /// Start of the window.
    pub start_ns: i64,
    /// End of the window.
    pub end_ns: i64,
    /// Energy; `None` if the device reported none.
    pub energy_j: Option<f64>,
}

/// `device_use`: busy time of a rail's device by process. Engines that work at once count
/// each, so that the times may exceed the row's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceUseRow {
    /// Rail.
    pub rail: u32,
    /// Start.
    pub start_ns: i64,
    /// End.
    pub end_ns: i64,
    /// Busy time of the processes of the run.
    pub own_ns: i64,
    /// Busy time of other processes.
    pub other_processes_ns: i64,
    /// Upper bound of the busy time of processes that may not be read.
    pub unknown_ns: i64,
}

/// `sensor_metrics`: sensor metrics other than energies.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorMetricRow {
    /// Name with unit, such as `gpu_freq_mhz`.
    pub name: String,
    /// Start of the window.
    pub start_ns: i64,
    /// End of the window.
    pub end_ns: i64,
    /// Its value.
    pub value: f64,
}

/// `baselines`: idle power of a rail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaselineRow {
    /// Rail.
    pub rail: u32,
    /// Start of the idle time.
    pub start_ns: i64,
    /// End of the idle time.
    pub end_ns: i64,
    /// Mean power over whole samples in it, or the configured idle power.
    pub power_w: f64,
    /// Samples used; 0 for a configured one.
    pub samples: u32,
    /// Standard deviation of the power of its samples; `None` for fewer than two.
    pub spread_w: Option<f64>,
}
