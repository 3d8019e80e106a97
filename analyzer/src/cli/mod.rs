//! The command line: definitions here, one file for each command.

mod ask;
mod attribute;
mod baseline;
mod calibrate;
mod compare;
mod completions;
mod confirm;
mod delete;
mod doctor;
mod export;
mod file;
mod flamegraph;
mod help;
mod import;
mod man;
mod merge;
mod name;
mod ops;
mod progress;
mod prune;
mod record;
mod report;
mod run;
mod runs;
mod selected;
mod show;
mod size;
mod summary;
mod tag;
mod vacuum;

use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, FromArgMatches, Parser, Subcommand};

use ask::Ask as _;
use file::{is_stdout, write_file};
use selected::selected;

use tracing_energy::files::FileAccess;

use crate::DATABASE;
use crate::format::screen::Look;
use crate::program::READABLE_BY;
use crate::query::{Recording, Run};
use crate::warn::warn;

pub use calibrate::CalibrateArgs;
pub use compare::CompareArgs;
pub use export::ExportArgs;
pub use file::ReadableBy;
pub use flamegraph::FlamegraphArgs;
pub use report::ReportArgs;
pub use run::RunArgs;

/// Tells what spans of a program cost in joules.
#[derive(Debug, Parser)]
#[command(name = "energy", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// The recording: one file holds many runs
    #[arg(long, global = true, env = "ENERGY_DB", value_name = "FILE", default_value = DATABASE)]
    pub db: PathBuf,
    /// Who may read files that are created; files that are there keep their permissions
    #[arg(long, global = true, env = READABLE_BY, value_name = "WHO", value_enum, default_value_t)]
    pub readable_by: ReadableBy,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  energy run \"Why is the sky blue?\" --name sky
  energy runs
  energy summary
  energy summary sky --format json
  energy flamegraph sky -o sky.svg

RUN is an id, the beginning of one, a name, or `last`.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a regression was found, 4 it
cannot be told whether there is one (--strict), 130 or 143 ended by a signal.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate text with a language model and record its energy
    Run(Box<RunArgs>),
    /// Record any program, with all that it starts
    Record(record::RecordArgs),
    /// Tell what can be measured here, and unlock what is locked
    Doctor(doctor::DoctorArgs),
    /// List the runs of a recording, newest first
    Runs(runs::RunsArgs),
    /// Show what is known of a run besides its figures
    Show(show::ShowArgs),
    /// Show where a run's energy went
    Summary(summary::SummaryArgs),
    /// List phases with their sections
    Pipeline(ask::PipelineArgs),
    /// List tokens with their energies, and those that stand out
    Tokens(ask::TokensArgs),
    /// List layers with their energies
    Layers(ask::LayersArgs),
    /// List the nodes with the highest energy of their own
    Hot(ask::HotArgs),
    /// Show the accounts of each rail, and whether they balance
    Balance(ask::BalanceArgs),
    /// Show what rails drew over time
    Power(ask::PowerArgs),
    /// Guard against energy regressions
    Baseline(Box<baseline::BaselineArgs>),
    /// Ask anything in SQL, reading only
    Query(ask::QueryArgs),
    /// Draw a run's energy as a flamegraph
    Flamegraph(FlamegraphArgs),
    /// Write a run for other programs
    Export(ExportArgs),
    /// Draw runs as one page: charts, tables, a comparison
    Report(ReportArgs),
    /// Show what each kind of work cost
    Ops(ops::OpsArgs),
    /// Tell whether runs differ, and by how much
    Compare(Box<CompareArgs>),
    /// Divide a run's energy among its spans again
    Attribute(attribute::AttributeArgs),
    /// Make a run of what another program recorded
    Import(import::ImportArgs),
    /// Measure the power of each kind of a model's operations
    Calibrate(Box<CalibrateArgs>),
    /// Give runs a tag, or take it from them
    Tag(tag::TagArgs),
    /// Name a run
    Name(name::NameArgs),
    /// Delete runs
    Delete(delete::DeleteArgs),
    /// Delete old runs until the recording is as small as it should be
    Prune(prune::PruneArgs),
    /// Show how much room runs and tables take
    Size(size::SizeArgs),
    /// Give free room back to the disk
    Vacuum(vacuum::VacuumArgs),
    /// Copy all runs of other recordings into this one
    Merge(merge::MergeArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Print the man page, or write one for each command
    Man(man::ManArgs),
}

/// Names a run.
#[derive(Debug, Clone, Args)]
pub struct WhichRun {
    /// Id, beginning of an id, name, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    pub which: String,
}

/// Names a run and the attribution whose figures are shown.
#[derive(Debug, Clone, Args)]
pub struct WhichFigures {
    #[command(flatten)]
    run: WhichRun,
    /// Figures of this attribution in place of the newest; `energy show` lists them
    #[arg(long, value_name = "ID")]
    attribution: Option<i64>,
}

/// A fault in how the command was used: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// What was found out is no success, though nothing failed.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Finding {
    code: u8,
    text: String,
}

impl Finding {
    fn new(code: u8, text: String) -> Self {
        Self { code, text }
    }
}

/// The exit code of a program that was executed; it has told itself what was wrong.
#[derive(Debug, thiserror::Error)]
#[error("the program ended with {0}")]
struct Passed(u8);

/// 2 for wrong usage, 1 for other failures, else what the finding or a shell would say.
fn code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref() {
        Some(crate::Error::Interrupted { signal }) => {
            return u8::try_from(128 + signal).unwrap_or(1);
        }
        Some(crate::Error::NotExecuted { code, .. }) => return *code,
        _ => {}
    }
    if let Some(Passed(code)) = error.downcast_ref() {
        return *code;
    }
    match error.downcast_ref::<Finding>() {
        Some(finding) => finding.code,
        None if error.is::<Usage>() => 2,
        None => 1,
    }
}

/// Parses the command line, obeys it, and prints what failed.
pub fn main() -> ExitCode {
    let matches = help::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    FileAccess::from(cli.readable_by).set_for_process();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let done = obey(cli, &mut out).and_then(|()| Ok(out.flush()?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has seen enough: `| head`.
        Err(error) if is_broken_pipe(&error) => {
            // Dropping the writer would try to write again.
            let _ = out.into_parts();
            ExitCode::SUCCESS
        }
        Err(error) if error.is::<Passed>() => {
            let _ = out.flush();
            ExitCode::from(code(&error))
        }
        Err(error) => {
            let _ = out.flush();
            let text = chain(&error);
            let lines: Vec<String> = text.trim_end().lines().map(crate::format::escape).collect();
            let _ = writeln!(std::io::stderr(), "energy: {}", lines.join("\n"));
            ExitCode::from(code(&error))
        }
    }
}

fn obey(cli: Cli, out: &mut dyn Write) -> anyhow::Result<()> {
    let db = &cli.db;
    match cli.command {
        Command::Run(args) => run::run(db, *args, out),
        Command::Record(args) => record::run(db, args),
        Command::Doctor(args) => doctor::run(&args, out),
        Command::Runs(args) => runs::run(db, &args, out),
        Command::Show(args) => show::run(db, &args, out),
        Command::Summary(args) => summary::run(db, &args, out),
        Command::Pipeline(args) => args.run(db, out),
        Command::Tokens(args) => args.run(db, out),
        Command::Layers(args) => args.run(db, out),
        Command::Hot(args) => args.run(db, out),
        Command::Balance(args) => args.run(db, out),
        Command::Power(args) => args.run(db, out),
        Command::Baseline(args) => baseline::run(db, &args, out),
        Command::Query(args) => ask::query(db, &args, out),
        Command::Flamegraph(args) => flamegraph::run(db, &args, out),
        Command::Export(args) => export::run(db, &args, out),
        Command::Report(args) => report::run(db, &args, out),
        Command::Ops(args) => ops::run(db, &args, out),
        Command::Compare(args) => compare::run(db, &args, out),
        Command::Attribute(args) => attribute::run(db, args, out),
        Command::Import(args) => import::run(db, args, out),
        Command::Calibrate(args) => calibrate::run(db, &args, out),
        Command::Tag(args) => tag::run(db, &args, out),
        Command::Name(args) => name::run(db, &args, out),
        Command::Delete(args) => delete::run(db, &args, out),
        Command::Prune(args) => prune::run(db, &args, out),
        Command::Size(args) => size::run(db, &args, out),
        Command::Vacuum(args) => vacuum::run(db, &args, out),
        Command::Merge(args) => merge::run(db, &args, out),
        Command::Completions(args) => completions::run(&args, out),
        Command::Man(args) => man::run(&args, out),
    }
}

/// What failed and why. A cause that the words before it end with is not told twice.
fn chain(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| {
        let cause = cause.to_string();
        match (told.is_empty(), told.ends_with(&cause)) {
            (true, _) => cause,
            (_, true) => told,
            _ => format!("{told}: {cause}"),
        }
    })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    use crate::Error::{File, Io};
    let io = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref() {
        // Transparent: not in the chain by itself.
        Some(Io(source) | File { source, .. }) => Some(source.kind()),
        _ => cause
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind),
    };
    error
        .chain()
        .any(|cause| io(cause) == Some(std::io::ErrorKind::BrokenPipe))
}

/// Opens the recording and finds a run; tells on stderr what opening changed.
fn open(db: &Path, which: &WhichRun) -> anyhow::Result<(Recording, Run)> {
    let recording = open_recording(db)?;
    let run = recording.run(&which.which)?;
    Ok((recording, run))
}

/// As [`open`], with the attribution that was asked for.
fn open_figures(db: &Path, which: &WhichFigures) -> anyhow::Result<(Recording, Run)> {
    let (recording, run) = open(db, &which.run)?;
    let run = match which.attribution {
        Some(id) => recording.shown_by(run, id)?,
        None => run,
    };
    Ok((recording, run))
}

fn open_recording(db: &Path) -> anyhow::Result<Recording> {
    let recording = Recording::open(db)?;
    for note in &recording.notes {
        warn(note);
    }
    Ok(recording)
}

fn look() -> Look {
    Look::of_stdout()
}

fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
