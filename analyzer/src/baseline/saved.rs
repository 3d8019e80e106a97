//! Saved baselines: their runs and the command that recorded them.

use std::path::Path;

use clap::Args;
use energy_data::rows::RunStatus;
use energy_store::Store;

use super::tags::{COMMAND_TAG, TAG};
use crate::error::{Error, Result};
use crate::format::escape;
use crate::program::{Interrupt, Program};
use crate::query::{self, Recording, Run};

/// Default number of executions of a saved baseline.
const EXECUTIONS: usize = 5;

/// A baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// Name.
    pub name: String,
    /// Runs, oldest first; at least one.
    pub runs: Vec<Run>,
    /// Command that recorded them; `None` if existing runs were selected.
    pub command: Option<Vec<String>>,
}

/// Behaviour if a baseline of that name exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfExists {
    /// Fail without saving.
    #[default]
    Refuse,
    /// Replace its runs.
    Replace,
    /// Add the runs to it.
    Add,
}

/// Options of saving a baseline.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SaveOptions {
    /// Name of the baseline
    #[arg(value_name = "BASELINE")]
    pub name: String,
    /// Number of executions
    #[arg(long, value_name = "N", default_value_t = EXECUTIONS)]
    pub repeat: usize,
    /// Behaviour if a baseline of that name exists.
    #[arg(skip)]
    pub if_exists: IfExists,
}

/// Executes `program` and saves its runs as a baseline. `on_progress` is called before each
/// execution with the number of finished ones.
///
/// # Errors
/// If a baseline of that name exists and must not be changed, or an execution fails. Runs
/// recorded before are kept without the tag.
pub fn save(
    program: &Program,
    options: &SaveOptions,
    interrupt: &Interrupt,
    mut on_progress: impl FnMut(usize),
) -> Result<Saved> {
    let name = &options.name;
    if options.if_exists == IfExists::Refuse && program.database.exists() {
        refuse_existing(&program.database, name)?;
    }
    let mut recorded = Vec::new();
    for done in 0..options.repeat.max(1) {
        on_progress(done);
        recorded.push(program.execute(interrupt)?);
    }
    let command = serde_json::to_string(&program.words).unwrap_or_default();
    mark(&program.database, &recorded, options, Some(&command))?;
    find(&Recording::open_repaired(&program.database)?, name)
}

/// Saves existing runs as a baseline.
///
/// # Errors
/// Same as [`save`], or if a run is not complete.
pub fn save_runs(database: &Path, runs: &[Run], options: &SaveOptions) -> Result<Saved> {
    if options.if_exists == IfExists::Refuse {
        refuse_existing(database, &options.name)?;
    }
    if let Some(run) = runs
        .iter()
        .find(|run| run.row.status != RunStatus::Complete)
    {
        let status = format!("it is {}", run.row.status.name());
        return Err(run.missing(&status, "a baseline needs complete runs"));
    }
    let numbers: Vec<i64> = runs.iter().map(|run| run.no).collect();
    mark(database, &numbers, options, None)?;
    find(&Recording::open_repaired(database)?, &options.name)
}

fn refuse_existing(database: &Path, name: &str) -> Result<()> {
    let recording = Recording::open_repaired(database)?;
    match list(&recording)?
        .into_iter()
        .find(|saved| saved.name == name)
    {
        None => Ok(()),
        Some(saved) => Err(Error::Request(format!(
            "baseline `{}` exists, with {}; give --replace or --add",
            escape(name),
            crate::format::counted(saved.runs.len(), "run")
        ))),
    }
}

fn mark(database: &Path, runs: &[i64], options: &SaveOptions, command: Option<&str>) -> Result<()> {
    let store = Store::open_writable(database)?;
    if options.if_exists == IfExists::Replace {
        let recording = Recording::open_repaired(database)?;
        let old = list(&recording)?
            .into_iter()
            .find(|saved| saved.name == options.name);
        unmark(&store, old.iter().flat_map(|saved| &saved.runs))?;
    }
    store.set_tag(runs, TAG, &options.name)?;
    if let Some(command) = command {
        store.set_tag(runs, COMMAND_TAG, command)?;
    }
    Ok(())
}

fn unmark<'r>(store: &Store, runs: impl Iterator<Item = &'r Run>) -> Result<()> {
    let numbers: Vec<i64> = runs.map(|run| run.no).collect();
    if !numbers.is_empty() {
        store.remove_tag(&numbers, TAG)?;
        store.remove_tag(&numbers, COMMAND_TAG)?;
    }
    Ok(())
}

/// Deletes a baseline but keeps its runs.
///
/// # Errors
/// If there is no baseline of that name, or the file cannot be written.
pub fn remove(database: &Path, name: &str) -> Result<Saved> {
    let saved = find(&Recording::open_repaired(database)?, name)?;
    unmark(&Store::open_writable(database)?, saved.runs.iter())?;
    Ok(saved)
}

/// Returns all baselines, ordered by their oldest run.
///
/// # Errors
/// If the file cannot be read.
pub fn list(recording: &Recording) -> Result<Vec<Saved>> {
    let runs = recording.runs()?;
    if !runs.iter().any(|run| tag(run, TAG).is_some()) {
        return Ok(Vec::new());
    }
    let (groups, _) = query::by_tag(recording, Vec::new(), TAG)?;
    Ok(groups.into_iter().map(saved).collect())
}

/// Returns the baseline of that name.
///
/// # Errors
/// If there is no such baseline; the message lists all baselines.
pub fn find(recording: &Recording, name: &str) -> Result<Saved> {
    let known = list(recording)?;
    if let Some(found) = known.iter().find(|saved| saved.name == name) {
        return Ok(found.clone());
    }
    let names: Vec<String> = known.iter().map(|saved| escape(&saved.name)).collect();
    Err(match names.is_empty() {
        true => Error::NoBaseline(format!(
            "there is no baseline `{}`; save one with `energy baseline save`",
            escape(name)
        )),
        false => Error::Unknown {
            what: "baseline",
            name: escape(name),
            known: names.join(", "),
        },
    })
}

fn saved(group: query::RunSelection) -> Saved {
    let command = group
        .runs
        .iter()
        .rev()
        .find_map(|run| tag(run, COMMAND_TAG));
    Saved {
        command: command.and_then(|text| serde_json::from_str(text).ok()),
        name: group.name,
        runs: group.runs,
    }
}

fn tag<'r>(run: &'r Run, key: &str) -> Option<&'r str> {
    let mut tags = run.row.metadata.tags.iter();
    tags.find(|(known, _)| known == key)
        .map(|(_, value)| value.as_str())
}
