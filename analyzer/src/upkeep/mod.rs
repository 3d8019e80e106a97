//! Keeps recordings in order: which runs to let go, how much room they take, and many
//! files made one.

mod merge;
mod prune;
mod size;

pub use merge::{MergeReport, Merged, Outcome, merge};
pub use prune::{Doomed, Plan, PruneOptions, parse_bytes};
pub use size::{SizeBy, size};

use std::collections::BTreeMap;

use crate::error::Result;
use crate::query::{self, Recording, Run};

/// The runs that any of the `selectors` means, each once, in the order of the selectors.
///
/// # Errors
/// When one of them means no run, or is the beginning of several; the message lists
/// candidates.
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

/// About how many bytes each run takes, by its number. Reads all of the file.
///
/// # Errors
/// When the file cannot be read.
pub fn sizes(recording: &Recording) -> Result<BTreeMap<i64, u64>> {
    let space = recording.store().space()?;
    Ok(space.runs.iter().map(|run| (run.run, run.bytes)).collect())
}
