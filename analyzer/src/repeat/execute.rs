//! Executes the missing runs of a plan.

use std::path::{Path, PathBuf};
use std::time::Duration;

use energy_data::rows::RunStatus;

use super::tags::{CONFIG_TAG, GROUP_TAG};
use super::{PlannedRun, RepeatPlan};
use crate::error::{Error, Result};
use crate::format::escape;
use crate::program::{Interrupt, Program};
use crate::query::{self, Recording, Run, StoredConfig};

/// Executes the missing runs and returns their number. `on_progress` is called before each
/// run with the number of finished ones.
///
/// # Errors
/// If a run fails, or a signal is received.
pub fn execute(
    plan: &RepeatPlan,
    prompt: &str,
    energy: &Path,
    database: &Path,
    interrupt: &Interrupt,
    mut on_progress: impl FnMut(usize, PlannedRun),
) -> Result<usize> {
    let mut executed = 0;
    for (at, planned) in plan.runs().into_iter().enumerate() {
        if is_recorded(plan, planned, database)? {
            continue;
        }
        if executed > 0 {
            interrupt.pause(Duration::from_millis(plan.cooldown_ms));
        }
        if interrupt.is_received() {
            return Err(interrupt.error());
        }
        on_progress(at, planned);
        let mut words = vec![energy.display().to_string()];
        words.extend(plan.words(planned, prompt)?);
        let program = Program {
            words,
            database: PathBuf::from(database),
            run_name: None,
        };
        program.execute(interrupt)?;
        executed += 1;
    }
    Ok(executed)
}

/// Returns whether the recording contains the complete run.
fn is_recorded(plan: &RepeatPlan, planned: PlannedRun, database: &Path) -> Result<bool> {
    if !database.exists() {
        return Ok(false);
    }
    let wanted = plan.tags(planned);
    let has = |run: &Run| {
        let tags = &run.row.metadata.tags;
        let is_tagged = |(key, value): &(&str, String)| {
            tags.iter().any(|(known, of)| known == key && of == value)
        };
        run.row.status == RunStatus::Complete && wanted.iter().all(is_tagged)
    };
    Ok(Recording::open_repaired(database)?.runs()?.iter().any(has))
}

/// An interrupted plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Resumed {
    /// The plan.
    pub plan: RepeatPlan,
    /// SHA-256 of each configuration's model, if a run was recorded.
    pub models: Vec<Option<String>>,
}

/// Reads the plan of a group from its runs.
///
/// # Errors
/// If there is no such group, or its runs are no repeats.
pub fn resume(recording: &Recording, group: &str) -> Result<Resumed> {
    let runs = query::select(recording, &format!("{}={group}", GROUP_TAG))?.runs;
    let config = |run: &Run| StoredConfig::of(&run.row.metadata);
    let plan = |run: &Run| RepeatPlan::from_value(&config(run).plan?);
    let plan = runs.iter().find_map(plan);
    let Some(plan) = plan else {
        return Err(Error::Request(format!(
            "group {}: its runs contain no plan of this version; only runs of `energy run --repeat` can be resumed",
            escape(group)
        )));
    };
    let model_of = |label: &str| {
        let of_config = |run: &&Run| {
            let tags = &run.row.metadata.tags;
            let tag = tags.iter().find(|(key, _)| key == CONFIG_TAG);
            tag.map_or("", |(_, value)| value) == label
        };
        let sha256 = |run: &Run| config(run).model_sha256;
        runs.iter().filter(of_config).find_map(sha256)
    };
    let models = plan
        .configs
        .iter()
        .map(|config| model_of(&config.label))
        .collect();
    Ok(Resumed { plan, models })
}
