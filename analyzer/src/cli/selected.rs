//! Runs that a command draws: one, or those of a group.

use tracing_energy::rows::RunStatus;

use super::{Usage, warn};
use crate::query::{self, Recording, Selection};

/// The run that is meant, or the whole runs of a group or tag.
pub(super) fn selected(
    recording: &Recording,
    which: &str,
    attribution: Option<i64>,
) -> anyhow::Result<Selection> {
    let Selection { name, mut runs } = query::select(recording, which)?;
    if runs.len() > 1 {
        if attribution.is_some() {
            let text = "--attribution is of one run: leave it out, or name the run";
            return Err(Usage(text.to_owned()).into());
        }
        let all = runs.len();
        runs.retain(|run| run.row.status == RunStatus::Complete);
        let missing = all - runs.len();
        if missing > 0 {
            warn(&format!(
                "{missing} of {all} runs are not complete and left out"
            ));
        }
    }
    match (attribution, runs.pop()) {
        (Some(id), Some(run)) => runs.push(recording.shown_by(run, id)?),
        (None, Some(run)) => runs.push(run),
        (_, None) => anyhow::bail!(
            "none of the runs of {} is complete; `energy runs` lists them",
            crate::format::escape(which)
        ),
    }
    Ok(Selection { name, runs })
}
