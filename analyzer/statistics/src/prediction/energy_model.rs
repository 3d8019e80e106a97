//! Terms of the energy model.

use nalgebra::SVector;
use serde::Serialize;

use super::workload::Workload;

/// Number of terms.
pub(super) const TERMS: usize = 6;
/// One number for each term.
pub(super) type Terms = SVector<f64, TERMS>;

/// A term of the energy model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnergyTerm {
    /// Energy of a run without tokens.
    Fixed,
    /// For each prompt token.
    Input,
    /// For each decode step, whatever the batch.
    Step,
    /// For each generated token.
    Output,
    /// For each generated token and token of its context.
    Context,
    /// For each pair of prompt tokens: attention of prefill. Only if the measured configurations
    /// support it.
    InputPairs,
}

/// A term and its coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FittedTerm {
    /// The term.
    pub term: EnergyTerm,
    /// Joules for each unit of the term. Terms that the measured configurations do not separate share
    /// their energy arbitrarily.
    pub joules: f64,
}

impl EnergyTerm {
    /// All terms.
    pub const ALL: [Self; TERMS] = [
        Self::Fixed,
        Self::Input,
        Self::Step,
        Self::Output,
        Self::Context,
        Self::InputPairs,
    ];

    /// Returns the number of units of the term in a workload.
    pub fn units(self, workload: &Workload) -> f64 {
        let Workload {
            input_tokens,
            output_tokens,
            batch,
        } = *workload;
        match self {
            Self::Fixed => 1.0,
            Self::Input => batch * input_tokens,
            Self::Step => output_tokens,
            Self::Output => batch * output_tokens,
            Self::Context => batch * output_tokens * (input_tokens + output_tokens / 2.0),
            Self::InputPairs => batch * input_tokens * input_tokens / 2.0,
        }
    }
}

/// Returns the units of all terms; none of pairs of prompt tokens without `has_pairs`.
pub(super) fn units(workload: &Workload, has_pairs: bool) -> Terms {
    Terms::from_fn(|at, _| match EnergyTerm::ALL[at] {
        EnergyTerm::InputPairs if !has_pairs => 0.0,
        term => term.units(workload),
    })
}
