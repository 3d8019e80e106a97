//! Input, options and result of an estimate.

use energy_data::Batched;
use energy_data::Kernel;
use energy_data::Prior;
use energy_data::rows::{BaselineRow, KindFitRow, RailRow, SampleRow};

use crate::fit::{FitMethod, Timeline};
use crate::kinds::Kinds;
use crate::observe::{PieceScope, SampleNonProgramEnergy};
use crate::prices::Prices;

/// Everything about a run that the estimate uses.
#[derive(Debug)]
pub struct ObservedRun {
    /// Rails of the run.
    pub rails: Vec<RailRow>,
    /// Samples, merged where readings came in batches.
    pub samples: Vec<SampleRow>,
    /// Rails with merged samples.
    pub batched: Vec<Batched>,
    /// Idle powers, measured or configured.
    pub baselines: Vec<BaselineRow>,
    /// Energies of samples that are not the program's.
    pub non_program: Vec<SampleNonProgramEnergy>,
    /// Kinds of the run's nodes.
    pub kinds: Kinds,
    /// Scopes with observed activity.
    pub scopes: Vec<PieceScope>,
    /// The timeline of each scope. Kind `k` has index `k - 1`; the process outside its spans
    /// has the last index.
    pub timelines: Vec<Timeline>,
    /// Whether CPU times were recorded.
    pub cpu_times: bool,
}

/// Options of an estimate.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EstimateOptions {
    /// Whether calibrations are used.
    pub method: FitMethod,
    /// Names of the rails to estimate; empty means all.
    pub rails: Vec<String>,
    /// Sensor kernels by rail name, which replace the recorded ones.
    pub kernels: Vec<(String, Kernel)>,
    /// Offset of the sensor's clock; `None`: estimated.
    pub clock_offset_ns: Option<i64>,
    /// Known powers of kinds.
    pub known: Vec<Prior>,
    /// Results of earlier runs by rail name.
    pub pooled: Vec<(String, KindFitRow)>,
    /// Free text that is stored with the attribution.
    pub note: Option<String>,
}

/// The result of an estimate.
#[derive(Debug)]
pub struct EstimatedPrices {
    /// Accounts of every sample.
    pub prices: Prices,
    /// Powers of kinds, for the fits of later runs.
    pub fits: Vec<KindFitRow>,
}
