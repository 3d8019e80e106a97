//! Rails, what they measured, and their idle power.

use crate::power::{Kernel, Provenance, RailKind};

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
    /// What it meters.
    pub kind: RailKind,
    /// The sensor's unit.
    pub unit: String,
    /// Wished-for time between samples.
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
    /// Energy; none where the device gave none.
    pub energy_j: Option<f64>,
}

/// `device_use`: for how long processes kept a rail's device busy. Engines that work at
/// once count each, so that the times may exceed the row's.
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
    pub others_ns: i64,
    /// Busy time of processes that may not be read, as far as it can be told: at most.
    pub unknown_ns: i64,
}

/// `extras`: what a sensor tells besides energies.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraRow {
    /// What it is, with its unit: `gpu_freq_mhz`.
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
    /// Standard deviation of the power of its samples; none of fewer than two.
    pub spread_w: Option<f64>,
}
