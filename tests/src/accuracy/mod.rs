//! Accuracy of attribution methods on traces with known truth.
//!
//! An [`Attributor`] gets a [`SimulatedTrace`] and estimates the energy of each kind of span on
//! each rail; [`score`] compares that with the truth, [`run`] does so for the [`ROWS`] on
//! many seeds, and [`table`] prints the results with the goals.
//!
//! Everything here is simulated: the results compare methods and do not apply to real
//! sensors.

mod pipeline;
mod proportional;
mod rows;
mod run;
mod score;
mod table;
mod verdict;
mod windows;

use std::collections::BTreeMap;

pub use pipeline::Pipeline;
pub use proportional::ProportionalMethod;
pub use rows::{AccuracyRow, Bound, Goal, ROWS, chosen};
pub use run::{AccuracyTrial, RowResult, run};
pub use score::{GroupScore, IntervalScore, RailScore, score};
pub use table::table;
pub use verdict::{RowVerdict, TrialMean};
pub use windows::WindowTimes;

use crate::simulate::{SimulateError, SimulatedRail, SimulatedTrace, TrueCalibration};

/// Meaning of a sample of a rail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SampleMeaning {
    /// The energy of its own interval.
    Interval,
    /// The mean power of a window that ends with the interval, times the interval.
    Trailing {
        /// Length of the window, ms.
        window_ms: f64,
    },
}

/// Inputs of a method besides spans and samples.
#[derive(Clone, Debug, Default)]
pub struct MethodOptions {
    /// Kernels of rails whose samples are not the energy of their interval.
    pub kernels: BTreeMap<SimulatedRail, SampleMeaning>,
    /// Calibrations, at most one for each rail.
    pub calibrations: BTreeMap<SimulatedRail, TrueCalibration>,
}

impl MethodOptions {
    /// Returns the meaning of samples of `rail`.
    #[must_use]
    pub fn kernel(&self, rail: SimulatedRail) -> SampleMeaning {
        self.kernels
            .get(&rail)
            .copied()
            .unwrap_or(SampleMeaning::Interval)
    }
}

/// A range that holds the true energy with a probability of 90 %, mJ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TruthInterval {
    /// Lower end, mJ.
    pub lo_mj: f64,
    /// Upper end, mJ.
    pub hi_mj: f64,
}

/// Energy estimated by a method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MethodEstimate {
    /// Energy above idle, mJ.
    pub energy_mj: f64,
    /// Interval of the estimate; `None` if the method gives none.
    pub interval: Option<TruthInterval>,
}

/// Kinds that the method reports together because it cannot separate them. A separable
/// kind is its own group.
#[derive(Clone, Debug, PartialEq)]
pub struct EstimateGroup {
    /// Names of kinds.
    pub kinds: Vec<String>,
    /// Their energy together.
    pub estimate: MethodEstimate,
}

/// Allocation of the energy of a rail's samples, mJ.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AllocatedEnergy {
    /// Energy of all samples, repeated ones once.
    pub measured_mj: f64,
    /// Idle energy.
    pub idle_mj: f64,
    /// Energy of spans, within samples.
    pub spans_mj: f64,
    /// Remainder; may be negative.
    pub rest_mj: f64,
    /// Energy of spans in time without samples; not part of the measured energy.
    pub extrapolated_mj: f64,
}

impl AllocatedEnergy {
    /// Returns the imbalance relative to the measured energy.
    #[must_use]
    pub fn imbalance(&self) -> f64 {
        let spent = self.idle_mj + self.spans_mj + self.rest_mj;
        (spent - self.measured_mj).abs() / self.measured_mj.abs().max(f64::MIN_POSITIVE)
    }
}

/// Result of a method for one rail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RailAttribution {
    /// Estimates by name of the kind, self time only.
    pub kinds: BTreeMap<String, MethodEstimate>,
    /// Empty if the method makes no groups.
    pub groups: Vec<EstimateGroup>,
    /// Share of the result that is the method's own; the remainder is its fallback's.
    pub gate_weight: Option<f64>,
    /// Allocation of the energy.
    pub accounts: AllocatedEnergy,
}

/// Result of a method for a trace, by rail.
pub type MethodResult = BTreeMap<SimulatedRail, RailAttribution>;

/// A method of attribution.
pub trait Attributor: Sync {
    /// Its name in tables.
    fn name(&self) -> &str;

    /// Attributes the samples of all rails. A method must not look at
    /// [`SimulatedTrace::truth`], except if documented.
    ///
    /// # Errors
    /// [`AccuracyError::Method`] with what went wrong.
    fn attribute(
        &self,
        trace: &SimulatedTrace,
        options: &MethodOptions,
    ) -> Result<MethodResult, AccuracyError>;
}

/// Reason for a missing score.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccuracyError {
    /// There is no trace.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// The method failed.
    #[error("{method} failed: {what}")]
    Method {
        /// The method's name.
        method: String,
        /// What went wrong.
        what: String,
    },
    /// A result names an unknown kind, or one twice.
    #[error("{what}; a result has each kind of the trace at most once")]
    Result {
        /// What is wrong.
        what: String,
    },
    /// Not a row's name.
    #[error("unknown row {name:?}; use one of {known}")]
    UnknownRow {
        /// The name given.
        name: String,
        /// All names.
        known: String,
    },
}
