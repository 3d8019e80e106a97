//! Workloads: what is predicted and what was measured.

use serde::Serialize;

use crate::configuration::RunSummary;
use crate::not_estimable::NotEstimable;

/// The inputs of a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Workload {
    /// Prompt tokens of one sequence.
    pub input_tokens: f64,
    /// Generated tokens of one sequence.
    pub output_tokens: f64,
    /// Sequences that are processed together.
    pub batch: f64,
}

/// A workload and the energies of its runs.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredWorkload {
    /// The workload.
    pub workload: Workload,
    /// Energy of each run in joules, for the whole batch.
    pub energies_j: Vec<f64>,
}

/// A workload and the logarithm of its mean energy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MeanEnergy {
    pub(super) workload: Workload,
    pub(super) ln_energy: f64,
}

impl Workload {
    /// Returns the inputs with their names.
    pub(super) fn inputs(&self) -> [(&'static str, f64); 3] {
        [
            ("input tokens", self.input_tokens),
            ("output tokens", self.output_tokens),
            ("batch", self.batch),
        ]
    }

    /// Checks that inputs are finite, that tokens are not negative, and that the batch is positive.
    pub(super) fn check(&self) -> Result<(), NotEstimable> {
        let is_valid = |value: f64| value.is_finite() && value >= 0.0;
        for (of, value) in self.inputs() {
            if !is_valid(value) {
                return Err(NotEstimable::InvalidInput { of, value });
            }
        }
        match self.batch > 0.0 {
            true => Ok(()),
            false => Err(NotEstimable::NotPositive { value: self.batch }),
        }
    }
}

/// Returns the mean energy of each workload, sorted; runs of equal workloads are merged.
pub(super) fn mean_energies(
    measured: &[MeasuredWorkload],
) -> Result<Vec<MeanEnergy>, NotEstimable> {
    let key = |one: &MeasuredWorkload| one.workload.inputs().map(|(_, value)| value);
    let mut sorted: Vec<&MeasuredWorkload> = measured.iter().collect();
    for one in &sorted {
        one.workload.check()?;
    }
    sorted.sort_by(|a, b| {
        key(a)
            .partial_cmp(&key(b))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let same = sorted.chunk_by(|a, b| key(a) == key(b));
    let mean = |same: &[&MeasuredWorkload]| {
        let energies: Vec<f64> = same.iter().flat_map(|one| one.energies_j.clone()).collect();
        Ok(MeanEnergy {
            workload: same[0].workload,
            ln_energy: RunSummary::of(&energies)?.mean_ln,
        })
    };
    same.map(mean).collect()
}
