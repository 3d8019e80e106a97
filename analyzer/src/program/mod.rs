//! A program that records itself, and the one run that it makes.

mod interrupt;

pub use interrupt::{Ended, Interrupt};

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tracing_energy::files::FileAccess;
use tracing_energy::rows::RunStatus;

use crate::error::{Error, Result};
use crate::format::escape;
use crate::query::{Recording, Run};

/// Where programs that record through the layer put their runs.
const COLLECTED: &str = "TRACING_ENERGY_DB";
/// The same for `energy run`.
const DATABASE: &str = "ENERGY_DB";
/// Who may read files that the command creates.
pub(crate) const READABLE_BY: &str = "ENERGY_READABLE_BY";
/// How much of a failed program's complaint is told.
const TOLD: usize = 2000;

/// A program and the recording to which its runs go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments; at least one word.
    pub words: Vec<String>,
    /// The recording.
    pub database: PathBuf,
    /// Which run is meant where one execution makes several.
    pub run_name: Option<String>,
}

impl Program {
    /// A line for a shell.
    pub fn of_line(line: &str, database: &Path, run_name: Option<String>) -> Self {
        let shell: [&str; 2] = if cfg!(windows) {
            ["cmd", "/C"]
        } else {
            ["sh", "-c"]
        };
        let words = shell.into_iter().chain([line]).map(str::to_owned).collect();
        Self {
            words,
            database: database.to_owned(),
            run_name,
        }
    }

    /// Executes it once and gives the number of the run that it made.
    ///
    /// # Errors
    /// When it cannot be started, fails, was interrupted, or did not make exactly one
    /// complete run.
    pub fn execute(&self, interrupt: &Interrupt) -> Result<i64> {
        let before = newest(&self.database)?;
        let ended = interrupt.wait(self.start()?)?;
        if interrupt.has_come() {
            return Err(interrupt.error());
        }
        self.check(ended)?;
        if !self.database.exists() {
            return Err(
                self.fault("it made no recording; does it record with EnergyLayer and a database?")
            );
        }
        let recording = Recording::open(&self.database)?;
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
                "its run {} is {}; a check needs whole runs",
                run.short_id(),
                run.row.status.name()
            ))),
            [] => Err(self.fault(match self.run_name {
                Some(_) => "it made no run of that name; see `energy runs`",
                None => "it made no run; does it record with EnergyLayer and a database?",
            })),
            several => {
                let names = several.iter().map(|run| escape(&run.title()));
                let names: Vec<String> = names.collect();
                Err(self.fault(&format!(
                    "it made several runs: {}; choose one with --run-name",
                    names.join(", ")
                )))
            }
        }
    }

    fn start(&self) -> Result<Child> {
        let (program, arguments) = self
            .words
            .split_first()
            .ok_or_else(|| self.fault("no program"))?;
        let database = std::path::absolute(&self.database)?;
        Command::new(program)
            .args(arguments)
            .env(COLLECTED, &database)
            .env(DATABASE, &database)
            .env(READABLE_BY, FileAccess::of_process().name())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| self.fault(&format!("it cannot be started: {error}")))
    }

    fn check(&self, ended: Ended) -> Result<()> {
        if ended.status.success() {
            return Ok(());
        }
        let from = ended.told.len().saturating_sub(TOLD);
        let told = String::from_utf8_lossy(&ended.told[from..]);
        let last: Vec<String> = told.lines().rev().take(5).map(escape).collect();
        let told: Vec<String> = last.into_iter().rev().collect();
        Err(self.fault(&format!(
            "it failed ({}): {}",
            ended.status,
            told.join(" / ")
        )))
    }

    fn fault(&self, what: &str) -> Error {
        Error::Program {
            program: escape(&crate::format::shorten(&self.words.join(" "), 80)),
            what: what.to_owned(),
        }
    }
}

/// The highest number of a run; 0 where there is no file yet.
fn newest(database: &Path) -> Result<i64> {
    if !database.exists() {
        return Ok(0);
    }
    let recording = Recording::open(database)?;
    let runs = recording.runs()?;
    Ok(runs.iter().map(|run| run.no).max().unwrap_or(0))
}
