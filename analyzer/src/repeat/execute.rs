//! Makes the runs of a plan, those that are not there yet.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_energy::rows::RunStatus;

use super::{Plan, Turn};
use crate::error::{Error, Result};
use crate::format::escape;
use crate::program::{Interrupt, Program};
use crate::query::{self, Recording, Run};

/// Makes what is missing. `tell` hears of each run before it begins, with the number of
/// those that are done; it gives the number of runs that were made now.
///
/// # Errors
/// When a run fails, or a signal came.
pub fn execute(
    plan: &Plan,
    prompt: &str,
    energy: &Path,
    database: &Path,
    interrupt: &Interrupt,
    mut tell: impl FnMut(usize, Turn),
) -> Result<usize> {
    let mut made = 0;
    for (at, turn) in plan.turns().into_iter().enumerate() {
        if is_there(plan, turn, database)? {
            continue;
        }
        if made > 0 {
            interrupt.pause(Duration::from_millis(plan.cooldown_ms));
        }
        if interrupt.has_come() {
            return Err(interrupt.error());
        }
        tell(at, turn);
        let mut words = vec![energy.display().to_string()];
        words.extend(plan.words(turn, prompt));
        let program = Program {
            words,
            database: PathBuf::from(database),
            run_name: None,
        };
        program.execute(interrupt)?;
        made += 1;
    }
    Ok(made)
}

/// Whether the run of that turn is in the recording, whole.
fn is_there(plan: &Plan, turn: Turn, database: &Path) -> Result<bool> {
    if !database.exists() {
        return Ok(false);
    }
    let wanted = plan.tags(turn);
    let has = |run: &Run| {
        let tags = &run.row.metadata.tags;
        let is_tagged = |(key, value): &(&str, String)| {
            tags.iter().any(|(known, of)| known == key && of == value)
        };
        run.row.status == RunStatus::Complete && wanted.iter().all(is_tagged)
    };
    Ok(Recording::open(database)?.runs()?.iter().any(has))
}

/// A plan that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// The plan.
    pub plan: Plan,
    /// For each configuration the SHA-256 of the model's file, where a run is there.
    pub models: Vec<Option<String>>,
}

/// The plan of a group, from its runs.
///
/// # Errors
/// When there is no such group, or its runs were made one by one.
pub fn resume(recording: &Recording, group: &str) -> Result<Resumed> {
    let runs = query::select(recording, &format!("{}={group}", super::GROUP_TAG))?.runs;
    let config = |run: &Run| -> Option<serde_json::Value> {
        serde_json::from_str(run.row.metadata.config.as_deref()?).ok()
    };
    let plan = runs
        .iter()
        .find_map(|run| serde_json::from_value::<Plan>(config(run)?.get("plan")?.clone()).ok());
    let Some(plan) = plan else {
        return Err(Error::Repeat(format!(
            "group {}: its runs hold no plan; only `energy run --repeat` makes them",
            escape(group)
        )));
    };
    let model_of = |label: &str| {
        let of_config = |run: &&Run| {
            let tags = &run.row.metadata.tags;
            let tag = tags.iter().find(|(key, _)| key == super::CONFIG_TAG);
            tag.map_or("", |(_, value)| value) == label
        };
        let sha256 = |run: &Run| Some(config(run)?["model_sha256"].as_str()?.to_owned());
        runs.iter().filter(of_config).find_map(sha256)
    };
    let models = plan
        .configs
        .iter()
        .map(|config| model_of(&config.label))
        .collect();
    Ok(Resumed { plan, models })
}
