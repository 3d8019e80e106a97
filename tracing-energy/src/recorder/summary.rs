//! What a finished recording says of itself.

use crate::power::Provenance;
use crate::reattribute::Method;
use crate::rows::Accounts;

/// The end of a recording in short. The database holds the rest.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct RunSummary {
    /// The run's id.
    pub uuid: String,
    /// Length of the run.
    pub duration_ns: i64,
    /// How the accounts of rails were found.
    pub method: Method,
    /// Activations recorded.
    pub activations: u64,
    /// Each rail's accounts; `None` where nothing was measured.
    pub rails: Vec<RailSummary>,
    /// Records and rows that were lost.
    pub lost: u64,
    /// Time that traced threads waited for the recorder's memory.
    pub stalled_ns: u64,
    /// Losses, failures and doubts, in words.
    pub warnings: Vec<String>,
}

/// One rail over the run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RailSummary {
    /// Source and name: `powermetrics/cpu`.
    pub rail: String,
    /// Whether it is summed for totals: no other rail contains it.
    pub is_root: bool,
    /// Measured, modelled or replayed.
    pub provenance: Provenance,
    /// Its accounts, which sum to what was measured.
    pub accounts: Option<Accounts>,
}

impl RunSummary {
    /// Energy of all root rails over the run, joules; `None` if nothing was measured.
    pub fn energy_j(&self) -> Option<f64> {
        self.root_sum(|accounts| accounts.measured_j)
    }

    /// Active energy of all spans on root rails, joules.
    pub fn spans_j(&self) -> Option<f64> {
        self.root_sum(|accounts| accounts.spans_j)
    }

    fn root_sum(&self, of: impl Fn(&Accounts) -> f64) -> Option<f64> {
        let roots = self
            .rails
            .iter()
            .filter(|rail| rail.is_root)
            .filter_map(|rail| rail.accounts.as_ref());
        roots.map(of).reduce(|total, energy| total + energy)
    }
}
