//! Accounts of measured energy.

/// The accounts of a measured energy: `measured = idle + spans + unattributed + other processes +
/// profiler + residual + unknown`. `None` means "cannot be determined" and counts as zero
/// in the sum.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Accounts {
    /// Energy read by the sensor.
    pub measured_j: f64,
    /// Baseline power x time.
    pub idle_j: Option<f64>,
    /// Self energy of nodes.
    pub spans_j: f64,
    /// This process while no span was active.
    pub unattributed_j: Option<f64>,
    /// Other processes.
    pub other_processes_j: Option<f64>,
    /// The recorder's threads and the sensor's child process.
    pub profiler_j: Option<f64>,
    /// Energy that the model does not explain; signed.
    pub residual_j: f64,
    /// Work not assigned to any process, for example on a GPU whose use by process cannot
    /// be read.
    pub unknown_j: Option<f64>,
}

/// Names of the accounts in the order of [`Accounts::named`].
pub const ACCOUNT_NAMES: [&str; 7] = [
    "idle",
    "spans",
    "unattributed",
    "other processes",
    "profiler",
    "residual",
    "unknown",
];

impl Accounts {
    /// Returns the accounts with their names in display order. They sum to the measured energy.
    pub fn named(&self) -> [(&'static str, Option<f64>); 7] {
        let energies = [
            self.idle_j,
            Some(self.spans_j),
            self.unattributed_j,
            self.other_processes_j,
            self.profiler_j,
            Some(self.residual_j),
            self.unknown_j,
        ];
        std::array::from_fn(|at| (ACCOUNT_NAMES[at], energies[at]))
    }
}

/// `sample_balance`: the accounts of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleBalanceRow {
    /// Rail.
    pub rail: u32,
    /// Start of the sample's part inside the run, on the sensor's clock.
    pub start_ns: i64,
    /// End of it.
    pub end_ns: i64,
    /// Its accounts.
    pub accounts: Accounts,
    /// The phase node that was active longest in it.
    pub phase: Option<u32>,
}

/// `balance`: the accounts of one rail over the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BalanceRow {
    /// Rail.
    pub rail: u32,
    /// Sum over its samples.
    pub accounts: Accounts,
    /// Energy estimated for run time without samples; never part of measured.
    pub extrapolated_j: f64,
    /// Run time covered by the accounts and `extrapolated_j`; `None` if not known.
    pub duration_ns: Option<i64>,
    /// The part of it that samples cover.
    pub covered_ns: Option<i64>,
    /// Lower end of the 90 % interval of `measured_j + extrapolated_j`.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Highest mean power of a sample.
    pub peak_w: Option<f64>,
    /// Middle of that sample.
    pub peak_ns: Option<i64>,
}
