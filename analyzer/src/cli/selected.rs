//! Selection of the runs that a command draws.

use energy_data::rows::RunStatus;

use super::console::warn;
use super::exit::UsageError;
use crate::query::{self, NoResult, Recording, Run, RunSelection};

/// Returns the selected run, or the complete runs of a group or tag that count as results.
pub(super) fn selected(
    recording: &Recording,
    selector: &str,
    attribution: Option<i64>,
) -> anyhow::Result<RunSelection> {
    let RunSelection { name, mut runs } = query::select(recording, selector)?;
    if runs.len() > 1 {
        if attribution.is_some() {
            let text = "--attribution needs a single run: omit it, or give one run";
            return Err(UsageError(text.to_owned()).into());
        }
        let all = runs.len();
        runs.retain(|run| run.row.status == RunStatus::Complete);
        let missing = all - runs.len();
        if missing > 0 {
            warn(&format!(
                "{missing} of {all} runs are not complete and are skipped"
            ));
        }
        let reason = |run: &Run| {
            let tags = run.row.metadata.tags.iter();
            NoResult::of(tags.map(|(key, value)| (key, value)))
        };
        let count = |why| runs.iter().filter(|run| reason(run) == Some(why)).count();
        let [repeated, failed] = [NoResult::Repeated, NoResult::Failed].map(count);
        if repeated > 0 {
            warn(&format!(
                "{repeated} of {all} runs were replaced, because the machine was throttled, and \
                 are skipped"
            ));
        }
        if failed > 0 {
            warn(&format!(
                "{failed} of {all} runs are of failed trials and are skipped"
            ));
        }
        runs.retain(|run| reason(run).is_none());
    }
    match (attribution, runs.pop()) {
        (Some(id), Some(run)) => runs.push(recording.shown_by(run, id)?),
        (None, Some(run)) => runs.push(run),
        (_, None) => {
            let name = crate::format::escape(selector);
            let text = format!("no run of {name} is complete; list runs with `energy runs`");
            return Err(UsageError(text).into());
        }
    }
    Ok(RunSelection { name, runs })
}
