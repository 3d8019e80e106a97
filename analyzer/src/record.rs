//! Records any program as a whole.
//!
//! ```text
//! energy record   |--baseline--|=========== samples ===========|--takes spans in--|
//! the program                  |--- its processes, CPU times --|
//! ```
//!
//! This process reads the power; programs that record spans join its run.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use tracing_energy::power::{Provenance, SourceChoice};
use tracing_energy::rows::RunMetadata;
use tracing_energy::store::Folded;
use tracing_energy::{AttributeOptions, EnergyLayer, Method, RunSummary};

use crate::error::{Error, Result};
use crate::format::escape;
use crate::program::Interrupt;

/// What to record and how. Defaults are the command line's.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordOptions {
    /// The program and its arguments; at least one word.
    pub words: Vec<String>,
    /// The recording.
    pub database: PathBuf,
    /// `auto`, `powermetrics`, `rapl`, `modelled` or `replay:FILE`.
    pub source: String,
    /// Wished-for time between power samples.
    pub interval: Duration,
    /// Time for which idle power is measured first.
    pub baseline: Duration,
    /// Name of the run; none is the program's.
    pub name: Option<String>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// The experiment that it belongs to.
    pub experiment: Option<String>,
    /// Whether texts are recorded: the command line is one.
    pub keep_text: bool,
}

impl Default for RecordOptions {
    fn default() -> Self {
        Self {
            words: Vec::new(),
            database: crate::DATABASE.into(),
            source: "auto".to_owned(),
            interval: Duration::from_millis(100),
            baseline: Duration::from_secs(2),
            name: None,
            tags: Vec::new(),
            experiment: None,
            keep_text: true,
        }
    }
}

/// A program that has ended and was recorded.
#[derive(Debug)]
pub struct RecordedProgram {
    /// Id of the run.
    pub uuid: String,
    /// How the program ended.
    pub status: ExitStatus,
    /// The signal that was sent to this process meanwhile; 0 for none.
    pub signal: usize,
    /// Processes that recorded spans.
    pub folded: Folded,
    /// Losses and doubts, in words.
    pub warnings: Vec<String>,
}

/// Executes the program and records it until it ends.
///
/// # Errors
/// When the power source or the recording cannot be opened, or the program cannot be
/// started; then there is no run.
pub fn record(options: &RecordOptions) -> anyhow::Result<RecordedProgram> {
    let source: SourceChoice = options.source.parse().map_err(anyhow::Error::msg)?;
    let (program, arguments) = options.words.split_first().ok_or_else(|| missing(""))?;
    // Before two seconds of idle power are measured for nothing.
    find(program)?;
    let interrupt = Interrupt::listen()?;
    let (layer, guard) = EnergyLayer::builder()
        .exact_database(&options.database)
        .source(source)
        .interval(options.interval)
        .baseline(options.baseline)
        .metadata(metadata(options))
        .keep_text(options.keep_text)
        .build()?;
    drop(layer);
    let variables = guard.variables();
    let child = Command::new(program)
        .args(arguments)
        .envs(variables.into_iter().flatten())
        .spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            guard.cancel();
            return Err(cannot(program, &error).into());
        }
    };
    guard.watch_process(child.id());
    let ended = interrupt.wait(child)?;
    let signal = interrupt.signal();
    let summary = match signal {
        0 => guard.finish(),
        _ => guard.cancel(),
    };
    let folded = tracing_energy::attribute_joined(&options.database, &summary.uuid)?;
    let mut warnings = summary.warnings.clone();
    warnings.extend(told(&folded));
    warnings.extend(fit(options, &summary, &folded));
    Ok(RecordedProgram {
        uuid: summary.uuid,
        status: ended.status,
        signal,
        folded,
        warnings,
    })
}

fn metadata(options: &RecordOptions) -> RunMetadata {
    let program = options.words.first().map(std::path::Path::new);
    let name = program.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let command = options.keep_text.then(|| options.words.join(" "));
    RunMetadata {
        name: options.name.clone().or(name),
        experiment: options.experiment.clone(),
        tags: options.tags.clone(),
        config: command.map(|command| serde_json::json!({ "command": command }).to_string()),
        ..RunMetadata::default()
    }
}

/// Refuses what is nowhere on the path.
fn find(program: &str) -> Result<()> {
    let path = std::path::Path::new(program);
    let is_there = match path.components().count() {
        0 => false,
        1 => {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&folders).any(|folder| is_file(&folder.join(path)))
        }
        _ => is_file(path),
    };
    is_there.then_some(()).ok_or_else(|| missing(program))
}

fn is_file(path: &std::path::Path) -> bool {
    path.is_file() || cfg!(windows) && path.with_extension("exe").is_file()
}

fn missing(program: &str) -> Error {
    Error::NotExecuted {
        program: escape(program),
        what: "there is no such program; give its path, or put its folder on PATH".to_owned(),
        code: 127,
    }
}

fn cannot(program: &str, error: &std::io::Error) -> Error {
    Error::NotExecuted {
        program: escape(program),
        what: format!("it cannot be started: {error}"),
        code: 126,
    }
}

fn told(folded: &Folded) -> Vec<String> {
    let mut told = Vec::new();
    if folded.died > 0 {
        told.push(format!(
            "{} of {} processes that recorded spans died; theirs end where they were last seen",
            folded.died, folded.processes
        ));
    }
    if folded.alive > 0 {
        told.push(format!(
            "{} processes go on recording: what they record from now on is not in the run",
            folded.alive
        ));
    }
    told
}

/// Power that was measured is attributed to spans by the method `fitted`; says why
/// where that cannot be.
fn fit(options: &RecordOptions, summary: &RunSummary, folded: &Folded) -> Option<String> {
    let mut rails = summary.rails.iter();
    let measured = rails.any(|rail| rail.provenance != Provenance::Modelled);
    if folded.processes == 0 || !measured {
        return None;
    }
    let fitted = AttributeOptions::new(Method::Fitted);
    let result = tracing_energy::reattribute(&options.database, &summary.uuid, &fitted);
    let error = result.err()?;
    Some(format!(
        "figures are proportional and have no interval: {error}"
    ))
}
