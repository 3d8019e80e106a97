//! Totals of runs for metrics, which several scrapes share.

use std::sync::{Arc, Mutex, PoisonError};

use energy_telemetry::named_kinds::MAX_KINDS;
use energy_telemetry::rows::KnownTotals;
use energy_telemetry::totals::RunTotals;

use crate::error::Result;
use crate::query::Recording;

/// Number of runs with metrics.
const RUNS: usize = 16;

/// Totals of ended runs, which later scrapes use again; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedTotals(Arc<Mutex<KnownTotals>>);

impl SharedTotals {
    /// Reads the totals of the newest runs. Scrapes at the same time wait for each other.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn read(&self, recording: &Recording) -> Result<Vec<RunTotals>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.read(recording, RUNS, MAX_KINDS)
    }
}
