//! Completes runs of dead recorders, so that their last packs can be sent.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use energy_store::{Patience, RunLiveness, Store, StoredRun};

use crate::error::Result;

/// Time between two looks at a run with a living recorder.
const AGAIN: Duration = Duration::from_secs(600);

/// Runs without an end, of processes that cannot be looked up: of an earlier boot, or of another
/// container.
#[derive(Debug, Default)]
pub(super) struct SilentRuns {
    /// When a run was looked at.
    seen: BTreeMap<String, Instant>,
}

impl SilentRuns {
    /// Completes the runs of dead processes, and those that have been silent for long. Reads only
    /// runs without an end.
    ///
    /// # Errors
    /// If the recording cannot be read or written.
    pub(super) fn complete(&mut self, store: &Store) -> Result<()> {
        let unended = store.unended()?;
        if unended.iter().any(|(_, life)| *life == RunLiveness::Dead) {
            energy_store::repair_dead_runs(store)?;
        }
        for (run, life) in unended {
            if life == RunLiveness::Uncertain && self.is_due(&run) {
                // It may be alive after all, or be completed by another process.
                let _ = energy_store::complete(store, &run.row.uuid, &Patience::default());
            }
        }
        Ok(())
    }

    fn is_due(&mut self, run: &StoredRun) -> bool {
        if run.silence(energy_host::unix_ns()) < Patience::default().silence {
            return false;
        }
        let seen = self.seen.get(&run.row.uuid);
        let is_due = seen.is_none_or(|seen| seen.elapsed() >= AGAIN);
        if is_due {
            self.seen.insert(run.row.uuid.clone(), Instant::now());
        }
        is_due
    }
}
