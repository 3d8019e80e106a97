//! Command-line interface: definitions here, one file for each command.

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
mod views;

use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, FromArgMatches, Parser, Subcommand};

use file::{is_stdout, write_file};
use selected::selected;
use views::RunCommand as _;

use tracing_energy::files::FileAccess;

use crate::DATABASE;
use crate::format::screen::OutputStyle;
use crate::program::READABLE_BY;
use crate::query::{Recording, Run};

pub use calibrate::CalibrateArgs;
pub use compare::CompareArgs;
pub use export::ExportArgs;
pub use file::ReadableBy;
pub use flamegraph::FlamegraphArgs;
pub use report::ReportArgs;
pub use run::RunArgs;

/// Measures the energy of a program's spans in joules.
#[derive(Debug, Parser)]
#[command(name = "energy", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// Database file; it holds many runs
    #[arg(long, global = true, env = "ENERGY_DB", value_name = "FILE", default_value = DATABASE)]
    pub db: PathBuf,
    /// Users that may read created files; existing files keep their permissions
    #[arg(long, global = true, env = READABLE_BY, value_name = "WHO", value_enum, default_value_t)]
    pub readable_by: ReadableBy,
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  energy run \"Why is the sky blue?\" --name sky
  energy runs
  energy summary
  energy summary sky --format json
  energy flamegraph sky -o sky.svg

RUN is an id, an id prefix, a name, or `last`.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 regression found, 4 undecided
whether there is a regression (--strict), 130 or 143 ended by a signal.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate text with a language model and record its energy
    Run(Box<RunArgs>),
    /// Record any program and its child processes
    Record(record::RecordArgs),
    /// Show usable power sources, and grant access to locked ones
    Doctor(doctor::DoctorArgs),
    /// List runs, newest first
    Runs(runs::RunsArgs),
    /// Show a run's metadata: settings, attributions, conditions
    Show(show::ShowArgs),
    /// Show a run's energy by account, phase and operation
    Summary(summary::SummaryArgs),
    /// List phases and their sections
    Pipeline(views::PipelineArgs),
    /// List tokens with their energies, and outliers
    Tokens(views::TokensArgs),
    /// List layers with their energies
    Layers(views::LayersArgs),
    /// List the call paths with the highest self energy
    Hot(views::HotArgs),
    /// Show the energy accounts of each rail and check that they balance
    Balance(views::BalanceArgs),
    /// List power samples of rails over time
    Power(views::PowerArgs),
    /// Save baselines and check for energy regressions
    Baseline(Box<baseline::BaselineArgs>),
    /// Run a read-only SQL query
    Query(views::QueryArgs),
    /// Draw a run's energy as a flamegraph
    Flamegraph(FlamegraphArgs),
    /// Export a run to the format of another tool
    Export(ExportArgs),
    /// Write an HTML report of runs: charts, tables, a comparison
    Report(ReportArgs),
    /// List operations with their energies
    Ops(ops::OpsArgs),
    /// Test whether the energy of runs differs, and by how much
    Compare(Box<CompareArgs>),
    /// Attribute a run's energy to its spans again
    Attribute(attribute::AttributeArgs),
    /// Import recordings of other programs as a run
    Import(import::ImportArgs),
    /// Measure the power of each of a model's operations
    Calibrate(Box<CalibrateArgs>),
    /// Add a tag to runs, or remove it
    Tag(tag::TagArgs),
    /// Name a run
    Name(name::NameArgs),
    /// Delete runs
    Delete(delete::DeleteArgs),
    /// Delete old runs by number, age or size
    Prune(prune::PruneArgs),
    /// Show the disk space used by runs and tables
    Size(size::SizeArgs),
    /// Return free space to the file system
    Vacuum(vacuum::VacuumArgs),
    /// Copy all runs of other databases into this one
    Merge(merge::MergeArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Print the man page, or write one for each command
    Man(man::ManArgs),
}

/// Selects a run.
#[derive(Debug, Clone, Args)]
pub struct RunSelector {
    /// Id, id prefix, name, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    pub selector: String,
}

/// Selects a run and the attribution to show.
#[derive(Debug, Clone, Args)]
pub struct AttributedRun {
    #[command(flatten)]
    run: RunSelector,
    /// Id of the attribution to show (default: the newest); `energy show` lists them
    #[arg(long, value_name = "ID")]
    attribution: Option<i64>,
}

/// Wrong usage of a command: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// A negative result of a command that did not fail, with its exit code.
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

/// Exits with a code and no message, because the cause was already printed.
#[derive(Debug, thiserror::Error)]
#[error("the program ended with {0}")]
struct SilentExit(u8);

/// Returns the exit code: 2 for wrong usage, that of a finding, of an executed program or of
/// an error of the library, or 1 for other failures.
fn code(error: &anyhow::Error) -> u8 {
    if let Some(error) = error.downcast_ref::<crate::Error>() {
        return error.exit_code();
    }
    if let Some(SilentExit(code)) = error.downcast_ref() {
        return *code;
    }
    match error.downcast_ref::<Finding>() {
        Some(finding) => finding.code,
        None if error.is::<Usage>() => 2,
        None => 1,
    }
}

/// Parses the command line, runs the command and prints its error.
pub fn main() -> ExitCode {
    let matches = help::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    FileAccess::from(cli.readable_by).set_for_process();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let done = dispatch(cli, &mut out).and_then(|()| Ok(out.flush()?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The reader closed the pipe: `| head`.
        Err(error) if is_broken_pipe(&error) => {
            // Dropping the writer would try to write again.
            let _ = out.into_parts();
            ExitCode::SUCCESS
        }
        Err(error) if error.is::<SilentExit>() => {
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

fn dispatch(cli: Cli, out: &mut dyn Write) -> anyhow::Result<()> {
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
        Command::Query(args) => views::query(db, &args, out),
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

/// Joins an error and its causes. A cause that the text already ends with is not repeated.
fn chain(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        match (text.is_empty(), text.ends_with(&cause)) {
            (true, _) => cause,
            (_, true) => text,
            _ => format!("{text}: {cause}"),
        }
    })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    use crate::Error::{File, Io};
    let io = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref() {
        // Transparent errors have no entry of their own in the chain.
        Some(Io(source) | File { source, .. }) => Some(source.kind()),
        _ => cause
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind),
    };
    error
        .chain()
        .any(|cause| io(cause) == Some(std::io::ErrorKind::BrokenPipe))
}

/// Opens the database and finds a run. Prints changes made by opening to stderr.
fn open(db: &Path, run: &RunSelector) -> anyhow::Result<(Recording, Run)> {
    let recording = open_recording(db)?;
    let run = recording.run(&run.selector)?;
    Ok((recording, run))
}

/// Like [`open`], with the requested attribution.
fn open_attributed(db: &Path, which: &AttributedRun) -> anyhow::Result<(Recording, Run)> {
    let (recording, run) = open(db, &which.run)?;
    let run = match which.attribution {
        Some(id) => recording.shown_by(run, id)?,
        None => run,
    };
    Ok((recording, run))
}

fn open_recording(db: &Path) -> anyhow::Result<Recording> {
    let recording = Recording::open_repaired(db)?;
    for note in &recording.notes {
        warn(note);
    }
    Ok(recording)
}

/// Prints a warning to stderr.
fn warn(text: &str) {
    let _ = writeln!(
        std::io::stderr(),
        "energy: warning: {}",
        crate::format::escape(text)
    );
}

fn style() -> OutputStyle {
    OutputStyle::of_stdout()
}

fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
