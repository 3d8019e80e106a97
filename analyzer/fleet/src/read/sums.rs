//! Sums over the samples of a rail.

use serde::{Deserialize, Serialize};

/// Sums over the samples of a rail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RailSums {
    pub(super) rail: i64,
    /// Run time of the end of the last sample.
    pub(super) until_ns: i64,
    pub(super) covered_ns: i64,
    pub(super) measured_j: f64,
    /// From `idle_j` to `unknown_j`; `None`: no sample has it.
    pub(super) parts_j: [Option<f64>; 7],
}

impl RailSums {
    /// Adds the sums over later samples.
    pub(super) fn plus(&self, newer: &Self) -> Self {
        let mut sum = self.clone();
        sum.until_ns = newer.until_ns;
        sum.covered_ns += newer.covered_ns;
        sum.measured_j += newer.measured_j;
        for (sum, part) in sum.parts_j.iter_mut().zip(newer.parts_j) {
            *sum = match (*sum, part) {
                (None, part) => part,
                (sum, None) => sum,
                (Some(sum), Some(part)) => Some(sum + part),
            };
        }
        sum
    }
}
