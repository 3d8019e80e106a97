//! Command-line interface: definitions here, one file for each command.

mod analyse;
mod attribute;
mod baseline;
mod calibrate;
mod compare;
mod completions;
mod confirm;
mod console;
mod database;
mod delete;
mod doctor;
mod drive;
mod examples;
mod exit;
mod export;
mod file;
mod flamegraph;
#[cfg(feature = "fleet")]
mod fleet;
mod help;
mod import;
mod man;
mod merge;
#[cfg(feature = "inference")]
mod models;
mod name;
#[cfg(feature = "otlp")]
mod otlp;
mod predict;
mod progress;
mod prompt;
mod prune;
#[cfg(feature = "inference")]
mod quality;
mod record;
mod report;
mod run;
#[cfg(feature = "inference")]
mod run_indicator;
mod runs;
mod selected;
#[cfg(feature = "serve")]
mod serve;
mod size;
mod sweep;
mod table;
mod tag;
mod vacuum;
mod views;

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use exit::SilentExit;

use energy_host::files::FileAccess;

use crate::DATABASE;
use crate::ops::{OperationList, OpsOptions};
use crate::program::READABLE_BY;
use crate::requests::{RequestOptions, requests};
use crate::show::Show;
use crate::summary::{Summary, SummaryOptions};
use crate::views::{
    BalanceOptions, HotOptions, SampleOptions, TokensOptions, ViewScope, balance, hot, layers,
    pipeline, power, tokens,
};

pub use analyse::AnalyseArgs;
pub use attribute::AttributeArgs;
pub use baseline::{BaselineArgs, BaselineCommand, CheckArgs};
pub use calibrate::CalibrateArgs;
pub use compare::CompareArgs;
pub use doctor::DoctorArgs;
pub use drive::DriveArgs;
pub use export::ExportArgs;
pub use file::ReadableBy;
pub use flamegraph::FlamegraphArgs;
#[cfg(feature = "fleet")]
pub use fleet::{FleetArgs, FleetCommand};
pub use import::{ImportArgs, ImportSource};
#[cfg(feature = "otlp")]
pub use otlp::{FollowArgs, OtlpArgs, OtlpCommand, PushArgs};
pub use predict::PredictArgs;
pub use record::RecordArgs;
pub use report::ReportArgs;
pub use run::RunArgs;
pub use runs::RunsArgs;
pub use sweep::SweepArgs;
pub use table::TableArgs;
pub use views::{NoOptions, QueryArgs, ViewArgs};

/// Measure the energy of a program's spans in joules.
#[derive(Debug, Parser)]
#[command(name = "energy", version, max_term_width = 80, after_help = EXAMPLES,
          after_long_help = format!("{EXAMPLES}\n\n{READERS}"))]
pub struct Cli {
    /// Database file; it holds many runs
    #[arg(long, global = true, env = "ENERGY_DB", hide_env_values = true, value_name = "FILE",
          default_value = DATABASE, help_heading = GLOBAL)]
    pub db: PathBuf,
    /// Readers of new files: owner, group or all
    #[arg(long, global = true, env = READABLE_BY, hide_env_values = true, value_name = "USERS",
          value_enum, default_value_t, hide_possible_values = true, help_heading = GLOBAL)]
    pub readable_by: ReadableBy,
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// Heading of the options of every command.
const GLOBAL: &str = "Global options";

const EXAMPLES: &str = "Examples:
  energy run \"Why is the sky blue?\" --name sky
  energy runs
  energy summary
  energy summary sky --format json
  energy flamegraph sky -o sky.svg

RUN is an id, an id prefix, a name, or `last`.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 regression found, 4 undecided
whether there is a regression (--strict), 130 or 143 ended by a signal.";

/// Explanation of options that every command has, below [`EXAMPLES`].
const READERS: &str =
    "Files that a command creates can hold prompts, paths and command lines, so only
you can read them. --readable-by group lets your group read them as well (mode
640), --readable-by all every user (mode 644). Existing files keep their
permissions.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate text with a language model and record its energy
    Run(Box<RunArgs>),
    /// Run many configurations repeatedly and compare their energies
    Sweep(Box<SweepArgs>),
    /// Record any program and its child processes
    Record(Box<RecordArgs>),
    /// Record a request to a model server on this machine
    Drive(Box<DriveArgs>),
    /// Show usable power sources, and grant access to locked ones
    Doctor(DoctorArgs),
    /// List known and downloaded models with their needs
    #[cfg(feature = "inference")]
    Models(models::ModelsArgs),
    /// List runs, newest first
    Runs(RunsArgs),
    /// Show a run's metadata: settings, attributions, conditions
    #[command(after_help = examples::SHOW)]
    Show(ViewArgs<NoOptions>),
    /// Show a run's energy by account, phase and operation
    #[command(after_help = examples::SUMMARY)]
    Summary(ViewArgs<SummaryOptions>),
    /// List phases and their sections
    #[command(after_help = examples::PIPELINE)]
    Pipeline(ViewArgs<ViewScope>),
    /// List tokens with their energies, and outliers
    #[command(after_help = examples::TOKENS)]
    Tokens(ViewArgs<TokensOptions>),
    /// List layers with their energies
    #[command(after_help = examples::LAYERS)]
    Layers(ViewArgs<ViewScope>),
    /// List the energy of requests by kind, and the costliest ones
    #[command(after_help = examples::REQUESTS, alias = "routes")]
    Requests(ViewArgs<RequestOptions>),
    /// List the call paths with the highest self energy
    #[command(after_help = examples::HOT)]
    Hot(ViewArgs<HotOptions>),
    /// Show the energy accounts of each rail and check that they balance
    #[command(after_help = examples::BALANCE)]
    Balance(ViewArgs<BalanceOptions>),
    /// List power samples of rails over time
    #[command(after_help = examples::POWER)]
    Power(ViewArgs<SampleOptions>),
    /// Save baselines and check for energy regressions
    Baseline(Box<BaselineArgs>),
    /// Run a read-only SQL query
    #[command(after_help = examples::QUERY)]
    Query(QueryArgs),
    /// Draw a run's energy as a flamegraph
    Flamegraph(FlamegraphArgs),
    /// Export a run to the format of another tool
    Export(ExportArgs),
    /// Collect the energies of many hosts
    #[cfg(feature = "fleet")]
    Fleet(Box<fleet::FleetArgs>),
    /// Write an HTML report of runs: charts, tables, a comparison
    Report(ReportArgs),
    /// Send energies to a collector of OpenTelemetry
    #[cfg(feature = "otlp")]
    Otlp(Box<otlp::OtlpArgs>),
    /// Serve the dashboard and the HTTP interface
    #[cfg(feature = "serve")]
    Serve(Box<serve::ServeArgs>),
    /// List operations with their energies
    #[command(after_help = examples::OPS)]
    Ops(ViewArgs<OpsOptions>),
    /// Test whether the energy of runs differs, and by how much
    Compare(Box<CompareArgs>),
    /// Analyse experiments: best batch, context, engine, ...
    #[command(visible_alias = "analyze")]
    Analyse(Box<AnalyseArgs>),
    /// Predict the energy of a model's answer that was not measured
    Predict(PredictArgs),
    /// Compare a model's quality with f32: perplexity, top-1 agreement
    #[cfg(feature = "inference")]
    Quality(quality::QualityArgs),
    /// Print a table of configurations, also as Markdown, CSV or LaTeX
    Table(TableArgs),
    /// Attribute a run's energy to its spans again
    Attribute(AttributeArgs),
    /// Import recordings of other programs as a run
    Import(ImportArgs),
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

/// Parses the command line, runs the command and prints its error.
pub fn main() -> ExitCode {
    let matches = command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    FileAccess::from(cli.readable_by).set_for_process();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let done = dispatch(cli, &mut out).and_then(|()| Ok(out.flush()?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The reader closed the pipe: `| head`.
        Err(error) if exit::is_broken_pipe(&error) => {
            // Dropping the writer would try to write again.
            let _ = out.into_parts();
            ExitCode::SUCCESS
        }
        Err(error) if error.is::<SilentExit>() => {
            let _ = out.flush();
            ExitCode::from(exit::code(&error))
        }
        Err(error) => {
            let _ = out.flush();
            let text = exit::text(&error);
            let lines: Vec<String> = text.trim_end().lines().map(crate::format::escape).collect();
            let _ = writeln!(std::io::stderr(), "energy: {}", lines.join("\n"));
            ExitCode::from(exit::code(&error))
        }
    }
}

/// Returns the command-line definition with the grouped help.
fn command() -> clap::Command {
    help::with_groups(Cli::command())
}

fn dispatch(cli: Cli, out: &mut dyn Write) -> anyhow::Result<()> {
    let db = &cli.db;
    match cli.command {
        Command::Run(args) => run::run(db, *args, out),
        Command::Sweep(args) => sweep::run(db, *args, out),
        Command::Record(args) => record::run(db, *args),
        Command::Drive(args) => drive::run(db, *args, out),
        Command::Doctor(args) => doctor::run(&args, out),
        #[cfg(feature = "inference")]
        Command::Models(args) => models::run(&args, out),
        Command::Runs(args) => runs::run(db, &args, out),
        Command::Show(args) => args.write(db, out, |recording, run, _| {
            Show::read(recording, run.clone())
        }),
        Command::Summary(args) => args.write(db, out, |recording, run, options| {
            Summary::read(recording, run.clone(), options)
        }),
        Command::Pipeline(args) => args.write(db, out, pipeline),
        Command::Tokens(args) => args.write(db, out, tokens),
        Command::Layers(args) => args.write(db, out, layers),
        Command::Requests(args) => args.write(db, out, requests),
        Command::Hot(args) => args.write(db, out, hot),
        Command::Balance(args) => args.write(db, out, balance),
        Command::Power(args) => args.write(db, out, power),
        Command::Baseline(args) => baseline::run(db, &args, out),
        Command::Query(args) => views::query(db, &args, out),
        Command::Flamegraph(args) => flamegraph::run(db, &args, out),
        Command::Export(args) => export::run(db, &args, out),
        #[cfg(feature = "fleet")]
        Command::Fleet(args) => fleet::run(db, &args, out),
        Command::Report(args) => report::run(db, &args, out),
        #[cfg(feature = "otlp")]
        Command::Otlp(args) => otlp::run(db, &args, out),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(db, &args, out),
        Command::Ops(args) => args.write(db, out, |recording, run, options| {
            OperationList::read(recording, run.clone(), options)
        }),
        Command::Compare(args) => compare::run(db, &args, out),
        Command::Analyse(args) => analyse::run(db, &args, out),
        Command::Predict(args) => predict::run(db, &args, out),
        #[cfg(feature = "inference")]
        Command::Quality(args) => quality::run(db, &args, out),
        Command::Table(args) => table::run(db, &args, out),
        Command::Attribute(args) => attribute::run(db, &args, out),
        Command::Import(args) => import::run(db, &args, out),
        Command::Calibrate(args) => calibrate::run(db, &args, out),
        Command::Tag(args) => tag::run(db, &args, out),
        Command::Name(args) => name::run(db, &args, out),
        Command::Delete(args) => delete::run(db, &args, out),
        Command::Prune(args) => prune::run(db, &args, out),
        Command::Size(args) => size::run(db, &args, out),
        Command::Vacuum(args) => vacuum::run(db, &args, out),
        Command::Merge(args) => merge::run(db, &args, out),
        Command::Completions(args) => completions::run(&args, command(), out),
        Command::Man(args) => man::run(&args, command(), out),
    }
}
