//! Maintenance of recordings: pruning, sizes, and merging.

mod delete;
mod edit;
mod merge;
mod prune;
mod size;
mod tag;

pub use delete::DeletePlan;
pub use edit::{RunEdit, edit_run};
pub use merge::{MergeOutcome, MergeReport, Merged, merge};
pub use prune::{LimitNames, PruneCandidate, PruneOptions, PrunePlan, is_protected, parse_bytes};
pub use size::{SizeBy, size};
pub use tag::{TagChange, change_tag};

use std::collections::BTreeMap;

use energy_data::rows::RunStatus;

use crate::error::{Error, Result};
use crate::format::escape;
use crate::query::{self, Recording, Run};

/// Returns the distinct runs that match any of the `selectors`, in the order of the
/// selectors.
///
/// # Errors
/// If one of them matches no run, or is an ambiguous prefix; the message lists candidates.
pub fn several(recording: &Recording, selectors: &[String]) -> Result<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    for selector in selectors {
        for run in query::select(recording, selector)?.runs {
            if runs.iter().all(|known| known.no != run.no) {
                runs.push(run);
            }
        }
    }
    Ok(runs)
}

/// Estimates the size of each run in bytes, by its number. Reads the whole file.
///
/// # Errors
/// If the file cannot be read.
pub fn sizes(recording: &Recording) -> Result<BTreeMap<i64, u64>> {
    let space = recording.store().space()?;
    Ok(space.runs.iter().map(|run| (run.run, run.bytes)).collect())
}

/// Refuses a run that is being recorded.
fn check_ended(run: &Run) -> Result<()> {
    match run.row.status {
        RunStatus::Running => Err(Error::BeingRecorded {
            run: escape(&run.title()),
            pid: run.row.pid,
        }),
        _ => Ok(()),
    }
}
