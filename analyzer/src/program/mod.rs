//! Executes a program that records itself, and finds the run that it recorded.

mod interrupt;
mod placeholders;
mod process_group;

pub(crate) use process_group::{EndSignal, ProcessGroup};

pub use interrupt::{Interrupt, ProgramExit};
pub use placeholders::{Placeholder, fill};

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use energy_data::rows::RunStatus;
use energy_host::files::FileAccess;

use crate::error::{Error, Result};
use crate::format::escape;
use crate::query::{Recording, Run};

/// Variable with the database of programs that record with EnergyLayer.
pub(crate) const LAYER_DATABASE: &str = "TRACING_ENERGY_DB";
/// Variable with the database of `energy run`.
pub(crate) const DATABASE: &str = "ENERGY_DB";
/// Variable with the users that may read created files.
pub(crate) const READABLE_BY: &str = "ENERGY_READABLE_BY";
/// Variable with the id of the run that `energy run` records. A program that starts it sets the
/// variable, so that it knows the id before the run is in the file.
pub(crate) const RUN_ID: &str = "ENERGY_RUN_ID";
/// Variable with the system turn of `energy run`, for programs that start it: other users can read
/// arguments, but not variables.
pub(crate) const SYSTEM_TURN: &str = "ENERGY_SYSTEM";
/// Number of bytes of a failed program's standard error that are reported.
const STDERR_TAIL: usize = 2000;

/// Returns the shell and its option for a command line.
pub(crate) fn shell() -> [&'static str; 2] {
    if cfg!(windows) {
        ["cmd", "/C"]
    } else {
        ["sh", "-c"]
    }
}

/// A program and the database that its runs are recorded to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments; at least one word.
    pub words: Vec<String>,
    /// The database.
    pub database: PathBuf,
    /// Name of the run to use if one execution records several.
    pub run_name: Option<String>,
    /// Variables of its environment.
    pub variables: Vec<(String, String)>,
}

impl Program {
    /// Creates a program from a shell command line.
    pub fn from_command_line(line: &str, database: &Path, run_name: Option<String>) -> Self {
        let words = shell().into_iter().chain([line]);
        let words = words.map(str::to_owned).collect();
        Self {
            words,
            database: database.to_owned(),
            run_name,
            variables: Vec::new(),
        }
    }

    /// Executes the program once and returns the number of the run that it recorded.
    ///
    /// # Errors
    /// If it cannot be started, fails, is interrupted, or does not record exactly one
    /// complete run.
    pub fn execute(&self, interrupt: &Interrupt) -> Result<i64> {
        let before = newest(&self.database)?;
        let ended = interrupt.wait_for(self.start()?, None)?;
        if interrupt.is_received() {
            return Err(interrupt.error());
        }
        self.check(ended)?;
        if !self.database.exists() {
            return Err(
                self.fault("it wrote no database; it must record with EnergyLayer and a database")
            );
        }
        let recording = Recording::open_repaired(&self.database)?;
        let mut made: Vec<Run> = recording
            .runs()?
            .into_iter()
            .filter(|run| run.no > before)
            .collect();
        if let Some(name) = &self.run_name {
            made.retain(|run| run.row.metadata.name.as_ref() == Some(name));
        }
        match made.as_slice() {
            [run] if run.row.status == RunStatus::Complete => Ok(run.no),
            [run] => Err(self.fault(&format!(
                "its run {} is {}; complete runs are required",
                run.short_id(),
                run.row.status.name()
            ))),
            [] => Err(self.fault(match self.run_name {
                Some(_) => "it recorded no run of that name; list runs with `energy runs`",
                None => "it recorded no run; it must record with EnergyLayer and a database",
            })),
            several => {
                let names = several.iter().map(|run| escape(&run.title()));
                let names: Vec<String> = names.collect();
                Err(self.fault(&format!(
                    "it recorded several runs: {}; select one with --run-name",
                    names.join(", ")
                )))
            }
        }
    }

    fn start(&self) -> Result<ProcessGroup> {
        let started = ProcessGroup::start(&mut self.command()?);
        started.map_err(|error| self.fault(&format!("it cannot be started: {error}")))
    }

    /// Returns the process to start: without input and output, and with its database in variables.
    ///
    /// # Errors
    /// If there is no program, or the path of the database cannot be made absolute.
    pub(crate) fn command(&self) -> Result<Command> {
        let (program, arguments) = self
            .words
            .split_first()
            .ok_or_else(|| self.fault("no program given"))?;
        let database = std::path::absolute(&self.database)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env(LAYER_DATABASE, &database)
            .env(DATABASE, &database)
            .env(READABLE_BY, FileAccess::of_process().name())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Ok(command)
    }

    fn check(&self, ended: ProgramExit) -> Result<()> {
        match ended.failure() {
            None => Ok(()),
            Some(failure) => Err(self.fault(&failure)),
        }
    }

    fn fault(&self, what: &str) -> Error {
        Error::Program {
            program: escape(&crate::format::shorten(&self.words.join(" "), 80)),
            what: what.to_owned(),
        }
    }
}

impl ProgramExit {
    /// Returns how the program failed, with the last lines of its standard error; `None` if it did
    /// not.
    pub(crate) fn failure(&self) -> Option<String> {
        if self.status.success() {
            return None;
        }
        let from = self.stderr.len().saturating_sub(STDERR_TAIL);
        let text = String::from_utf8_lossy(&self.stderr[from..]);
        let last: Vec<String> = text.lines().rev().take(5).map(escape).collect();
        let lines: Vec<String> = last.into_iter().rev().collect();
        Some(format!(
            "it failed ({}): {}",
            self.status,
            lines.join(" / ")
        ))
    }
}

/// Returns the highest number of a run; 0 if the file doesn't exist.
fn newest(database: &Path) -> Result<i64> {
    if !database.exists() {
        return Ok(0);
    }
    let recording = Recording::open_repaired(database)?;
    let runs = recording.runs()?;
    Ok(runs.iter().map(|run| run.no).max().unwrap_or(0))
}
