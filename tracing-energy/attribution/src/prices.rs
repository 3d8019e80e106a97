//! Accounts of samples by an estimate, and the estimates of kinds.
//!
//! ```text
//! sample i = idle + sum of kinds + unattributed + other processes + profiler + residual + unknown
//! ```

use std::collections::HashMap;

use energy_data::rows::Basis;

/// Version of the estimating methods.
pub(crate) const ESTIMATE_VERSION: u32 = 2;

/// Accounts of one whole sample by an estimate.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SamplePrices {
    /// Idle energy.
    pub idle_j: Option<f64>,
    /// Energy of this process while no span is active.
    pub unattributed_j: Option<f64>,
    /// Energy of other processes.
    pub other_processes_j: Option<f64>,
    /// Energy of the profiler.
    pub profiler_j: Option<f64>,
    /// Energy of no known process.
    pub unknown_j: Option<f64>,
    /// Kinds and their energies, by kind.
    pub kinds: Vec<(u32, f64)>,
}

/// The estimate of one kind on one rail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindEstimate {
    /// Bounds of its interval relative to its energy.
    pub interval: Option<(f64, f64)>,
    /// Energy in time without samples; not part of its energy.
    pub extrapolated_j: f64,
    /// Active power while it runs.
    pub power_w: Option<f64>,
    /// The basis of the estimate.
    pub basis: Basis,
    /// Its group, from 1, if the samples cannot separate it from other kinds.
    pub grouping: Option<u32>,
}

/// Estimates by rail id.
pub(crate) type RailEstimates = HashMap<u32, RailPrices>;

/// An estimate of one rail.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RailPrices {
    /// Offset of the sensor's clock: positive if it is ahead of the program's.
    pub clock_offset_ns: i64,
    /// Standard deviation of the offset.
    pub clock_sd_ns: f64,
    /// Accounts by the start of the sample.
    pub samples: HashMap<i64, SamplePrices>,
    /// Estimates by kind; `None` for a kind without time on this rail.
    pub kinds: Vec<Option<KindEstimate>>,
    /// Bounds of the intervals of groups relative to their energy; the first is group 1.
    pub groups: Vec<Option<(f64, f64)>>,
}

/// Method, parameters and diagnostics of an estimate.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EstimateMetadata {
    /// Name of the method.
    pub method: String,
    /// Version of the method.
    pub version: u32,
    /// Parameters as a JSON object.
    pub params: String,
    /// Offset of the sensor's clock, where one was estimated.
    pub clock_offset_ns: Option<f64>,
    /// Diagnostics of each rail as JSON.
    pub rails: serde_json::Value,
}

/// An estimate of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prices {
    /// Method, parameters and diagnostics.
    pub metadata: EstimateMetadata,
    /// Kind of each node; 0 means none.
    pub of_node: Vec<u32>,
    /// Names of kinds, by kind.
    pub names: Vec<String>,
    /// Estimates by rail id.
    pub rails: HashMap<u32, RailPrices>,
}

impl RailPrices {
    /// Returns the estimate of a kind.
    pub(crate) fn kind(&self, kind: u32) -> Option<&KindEstimate> {
        self.kinds.get(kind as usize)?.as_ref()
    }
}

impl KindEstimate {
    /// Returns the interval of an energy of this kind.
    pub(crate) fn bounds(&self, energy_j: f64) -> Option<(f64, f64)> {
        self.interval.map(|(lo, hi)| (energy_j * lo, energy_j * hi))
    }
}
