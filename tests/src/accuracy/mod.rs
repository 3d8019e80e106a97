//! How well methods attribute energy, on traces whose truth is known.
//!
//! An [`Attributor`] gets a [`Trace`] and says how much each kind of span used of each
//! rail; [`score`] compares that with the truth, [`run`] does so for the [`ROWS`] on
//! many seeds, and [`table`] prints what came out beside what is asked for.
//!
//! Everything here is simulated. The figures tell methods apart; they are no claim
//! about real sensors.

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
pub use proportional::Proportional;
pub use rows::{Bound, Goal, ROWS, Row, chosen};
pub use run::{RowResult, Trial, run};
pub use score::{GroupScore, IntervalScore, RailScore, score};
pub use table::table;
pub use verdict::{Mean, Verdict};
pub use windows::WindowTimes;

use crate::simulate::{Calibration, Rail, SimulateError, Trace};

/// What a sample of a rail tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kernel {
    /// The energy of its own interval.
    Interval,
    /// The mean power of a window that ends with the interval, times the interval.
    Trailing {
        /// Length of the window, ms.
        window_ms: f64,
    },
}

/// What a method is told besides spans and samples.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Rails whose samples do not tell their own interval's energy.
    pub kernels: BTreeMap<Rail, Kernel>,
    /// Calibrations, at most one for each rail.
    pub calibrations: BTreeMap<Rail, Calibration>,
}

impl Options {
    /// What samples of `rail` tell.
    #[must_use]
    pub fn kernel(&self, rail: Rail) -> Kernel {
        self.kernels.get(&rail).copied().unwrap_or(Kernel::Interval)
    }
}

/// A range that holds the true energy with a probability of 90 %, mJ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end, mJ.
    pub lo_mj: f64,
    /// Upper end, mJ.
    pub hi_mj: f64,
}

/// Energy as a method has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Energy above idle, mJ.
    pub energy_mj: f64,
    /// How sure the method is; none where it does not say.
    pub interval: Option<Interval>,
}

/// Kinds that the method reports together, for it cannot tell them apart. A kind that
/// it can is a group of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Names of kinds.
    pub kinds: Vec<String>,
    /// Their energy together.
    pub estimate: Estimate,
}

/// Where the energy of a rail's samples went, mJ.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Accounts {
    /// In all samples, repeated ones once.
    pub measured_mj: f64,
    /// To idle power.
    pub idle_mj: f64,
    /// To spans, within samples.
    pub spans_mj: f64,
    /// To neither; may be negative.
    pub rest_mj: f64,
    /// To spans in time without samples; no part of what was measured.
    pub extrapolated_mj: f64,
}

impl Accounts {
    /// What is missing or too much, relative to what was measured.
    #[must_use]
    pub fn imbalance(&self) -> f64 {
        let spent = self.idle_mj + self.spans_mj + self.rest_mj;
        (spent - self.measured_mj).abs() / self.measured_mj.abs().max(f64::MIN_POSITIVE)
    }
}

/// What a method says of one rail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RailAttribution {
    /// By name of the kind, self time only.
    pub kinds: BTreeMap<String, Estimate>,
    /// Empty where the method makes none.
    pub groups: Vec<Group>,
    /// How much of the result is the method's own, the rest being its fallback's.
    pub gate_weight: Option<f64>,
    /// Where the energy went.
    pub accounts: Accounts,
}

/// What a method says of a trace.
pub type Attribution = BTreeMap<Rail, RailAttribution>;

/// A method of attribution.
pub trait Attributor: Sync {
    /// Its name in tables.
    fn name(&self) -> &str;

    /// Attributes the samples of all rails. A method must not look at
    /// [`Trace::truth`], except where it says so.
    ///
    /// # Errors
    /// [`AccuracyError::Method`] with what went wrong.
    fn attribute(&self, trace: &Trace, options: &Options) -> Result<Attribution, AccuracyError>;
}

/// Why there is no score.
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
    /// A result names what the trace has not, or names it twice.
    #[error("{what}; a result has each kind of the trace at most once")]
    Result {
        /// What is wrong.
        what: String,
    },
    /// Not a row's name.
    #[error("no row is called {name:?}; there are {known}")]
    UnknownRow {
        /// The name given.
        name: String,
        /// All names.
        known: String,
    },
}
