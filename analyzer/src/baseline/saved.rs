//! Baselines: which runs they are, and the command that made them.

use std::path::Path;

use tracing_energy::rows::RunStatus;
use tracing_energy::store::Store;

use super::{COMMAND_TAG, TAG};
use crate::error::{Error, Result};
use crate::format::escape;
use crate::program::{Interrupt, Program};
use crate::query::{self, Recording, Run};

/// A baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// Its name.
    pub name: String,
    /// Its runs, oldest first; at least one.
    pub runs: Vec<Run>,
    /// The command that made them; none where they were chosen among recorded runs.
    pub command: Option<Vec<String>>,
}

/// What is done where a baseline of that name exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum When {
    /// It stays, and nothing is saved.
    #[default]
    Refuse,
    /// Its runs are a baseline no more.
    Replace,
    /// The runs are added to it.
    Add,
}

/// What is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveOptions {
    /// The name.
    pub name: String,
    /// Executions of the program.
    pub repeat: usize,
    /// What is done where there is one of that name.
    pub when: When,
}

/// Makes a baseline of `program`'s runs. `tell` hears of each execution before it
/// begins.
///
/// # Errors
/// When there is one of that name and it shall stay, or an execution fails; runs that
/// were made by then stay in the recording, without the tag.
pub fn save(
    program: &Program,
    options: &SaveOptions,
    interrupt: &Interrupt,
    mut tell: impl FnMut(usize),
) -> Result<Saved> {
    let name = &options.name;
    if options.when == When::Refuse && program.database.exists() {
        refuse_known(&program.database, name)?;
    }
    let mut made = Vec::new();
    for turn in 0..options.repeat.max(1) {
        tell(turn);
        made.push(program.execute(interrupt)?);
    }
    let command = serde_json::to_string(&program.words).unwrap_or_default();
    mark(&program.database, &made, options, Some(&command))?;
    find(&Recording::open(&program.database)?, name)
}

/// Makes a baseline of runs that are recorded already.
///
/// # Errors
/// As [`save`], or when a run is not complete.
pub fn save_runs(database: &Path, runs: &[Run], options: &SaveOptions) -> Result<Saved> {
    if options.when == When::Refuse {
        refuse_known(database, &options.name)?;
    }
    if let Some(run) = runs
        .iter()
        .find(|run| run.row.status != RunStatus::Complete)
    {
        let status = format!("it is {}", run.row.status.name());
        return Err(run.missing(&status, "a baseline needs whole runs"));
    }
    let numbers: Vec<i64> = runs.iter().map(|run| run.no).collect();
    mark(database, &numbers, options, None)?;
    find(&Recording::open(database)?, &options.name)
}

fn refuse_known(database: &Path, name: &str) -> Result<()> {
    let recording = Recording::open(database)?;
    match list(&recording)?
        .into_iter()
        .find(|saved| saved.name == name)
    {
        None => Ok(()),
        Some(saved) => Err(Error::Baseline(format!(
            "baseline `{}` exists, with {}; --replace it, or --add to it",
            escape(name),
            crate::format::counted(saved.runs.len(), "run")
        ))),
    }
}

fn mark(database: &Path, runs: &[i64], options: &SaveOptions, command: Option<&str>) -> Result<()> {
    let store = Store::open_writable(database)?;
    if options.when == When::Replace {
        let recording = Recording::open(database)?;
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

/// The runs of a baseline are a baseline no more; they stay in the recording.
///
/// # Errors
/// When there is none of that name, or the file cannot be written.
pub fn remove(database: &Path, name: &str) -> Result<Saved> {
    let saved = find(&Recording::open(database)?, name)?;
    unmark(&Store::open_writable(database)?, saved.runs.iter())?;
    Ok(saved)
}

/// All baselines, that with the oldest run first.
///
/// # Errors
/// When the file cannot be read.
pub fn list(recording: &Recording) -> Result<Vec<Saved>> {
    let runs = recording.runs()?;
    if !runs.iter().any(|run| tag(run, TAG).is_some()) {
        return Ok(Vec::new());
    }
    let (groups, _) = query::by_tag(recording, Vec::new(), TAG)?;
    Ok(groups.into_iter().map(saved).collect())
}

/// The baseline of that name.
///
/// # Errors
/// When there is none; the message lists those there are.
pub fn find(recording: &Recording, name: &str) -> Result<Saved> {
    let known = list(recording)?;
    if let Some(found) = known.iter().find(|saved| saved.name == name) {
        return Ok(found.clone());
    }
    let names: Vec<String> = known.iter().map(|saved| escape(&saved.name)).collect();
    Err(match names.is_empty() {
        true => Error::Baseline(format!(
            "there is no baseline `{}`; make one with `energy baseline save`",
            escape(name)
        )),
        false => Error::Unknown {
            what: "baseline",
            name: escape(name),
            known: names.join(", "),
        },
    })
}

fn saved(group: query::Selection) -> Saved {
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
