//! How a run ended.

use energy_data::rows::{BalanceRow, EventRow};

/// One rail over the whole run.
#[derive(Debug, Clone, PartialEq)]
pub struct RailTotal {
    /// Its row in `balance`.
    pub balance: BalanceRow,
    /// Run time that samples cover.
    pub covered_ns: i64,
    /// Idle power x time exceeds the measured energy, so that the idle share is unknown.
    pub baseline_above_run: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Finished {
    /// Totals by rail, in the order in which rails were added.
    pub rails: Vec<RailTotal>,
    /// Whether every window and every rail balances.
    pub balanced: bool,
    /// The largest imbalance of a window, relative to its largest account.
    pub worst_imbalance: f64,
    /// Events since the last [`crate::Engine::take_events`].
    pub events: Vec<EventRow>,
    /// Diagnostics as a JSON object.
    pub diagnostics: String,
}
