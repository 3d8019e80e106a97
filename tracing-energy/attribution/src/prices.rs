//! Accounts of samples by an estimate, and their distribution over nodes.
//!
//! ```text
//! estimate   sample i = idle + sum of kinds + outside + others + profiler + residual
//!                       + unknown
//! window     thread 1  | a@0 | b@0 | a@1 |     cells: a node on a thread
//!            thread 2  |   a@2    | b@2  |
//! kind a     energy goes to a@0, a@1, a@2 by weight x time
//! ```
//!
//! The weight is the power that the proportional rule gives to the cell: CPU time where it
//! is known, active time otherwise. If the estimate gives energy to a kind that has no time
//! in the window, that energy stays in `residual`.

use std::collections::HashMap;

use energy_data::rows::Basis;

use super::rule::Split;
use super::windows::Window;

/// Accounts of one whole sample by an estimate.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SamplePrices {
    /// Idle energy.
    pub idle_j: Option<f64>,
    /// Energy of this process while no span is active.
    pub outside_j: Option<f64>,
    /// Energy of other processes.
    pub others_j: Option<f64>,
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
    pub clock_offset_ms: Option<f64>,
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

impl Prices {
    /// Returns the accounts of a sample, if it was estimated.
    pub(super) fn sample(&self, rail: u32, start_ns: i64) -> Option<&SamplePrices> {
        self.rails.get(&rail)?.samples.get(&start_ns)
    }

    /// Returns the estimate of a node's kind.
    pub(super) fn node(&self, rail: u32, node: u32) -> Option<KindEstimate> {
        let kind = self.kind(node);
        let kinds = &self.rails.get(&rail)?.kinds;
        kinds.get(kind as usize).copied().flatten()
    }

    /// Returns the kind of a node; 0 means none.
    pub(super) fn kind(&self, node: u32) -> u32 {
        self.of_node.get(node as usize).copied().unwrap_or(0)
    }
}

impl KindEstimate {
    /// Returns the interval of an energy of this kind.
    pub(super) fn bounds(&self, energy_j: f64) -> Option<(f64, f64)> {
        self.interval.map(|(lo, hi)| (energy_j * lo, energy_j * hi))
    }
}

impl SamplePrices {
    /// Splits a window that holds `share` of the sample. Returns its accounts and the powers of
    /// its cells. A cell gets energy in proportion to its time and its weight.
    pub(super) fn place(
        &self,
        share: f64,
        window: &Window,
        weights: &[f64],
        kind: impl Fn(u32) -> u32,
    ) -> (Split, Vec<f64>) {
        let even = !weights.iter().any(|&weight| weight > 0.0);
        let weight = |at: usize| if even { 1.0 } else { weights[at].max(0.0) };
        let mut times: HashMap<u32, f64> = HashMap::with_capacity(self.kinds.len());
        for (at, &(node, ns)) in window.cells().iter().enumerate() {
            *times.entry(kind(node)).or_default() += weight(at) * ns as f64 / 1e9;
        }
        let energy = |kind: u32| {
            let at = self.kinds.binary_search_by_key(&kind, |&(kind, _)| kind);
            at.map_or(0.0, |at| self.kinds[at].1 * share)
        };
        let mut powers = Vec::with_capacity(window.cells().len());
        let mut threads = Vec::with_capacity(window.threads.len());
        for part in &window.threads {
            let mut thread_j = 0.0;
            for (at, &(node, ns)) in part.cells().zip(window.nodes(part)) {
                let kind = kind(node);
                let time = times[&kind];
                let power = match time > 0.0 {
                    true => energy(kind) * weight(at) / time,
                    false => 0.0,
                };
                thread_j += power * (ns as f64 / 1e9);
                powers.push(power);
            }
            threads.push(thread_j);
        }
        let part = |whole: Option<f64>| whole.map(|energy| energy * share);
        let split = Split {
            threads,
            cells: Vec::new(),
            outside: part(self.outside_j),
            others: part(self.others_j),
            profiler: part(self.profiler_j),
            unknown: part(self.unknown_j),
        };
        (split, powers)
    }
}
