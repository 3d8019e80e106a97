//! `energy baseline`.

use std::io::Write;
use std::path::Path;

use clap::{Args, Subcommand};

use super::console::{style, warn};
use super::database::open_recording;
use super::exit::{NegativeResult, SilentExit, UsageError};
use super::progress::Progress;
use crate::baseline::{self, CheckOptions, CheckOutcome, Checked, IfExists, SaveOptions, Saved};
use crate::format::{Format, counted, escape};
use crate::options::OutputFormat;
use crate::program::{Interrupt, Program};

/// Exit code of a regression.
const REGRESSION: u8 = 3;
/// Exit code of an undecided check with `--strict`.
const UNDECIDED: u8 = 4;

const HELP: &str = "Examples:
  energy baseline save main -- ./target/release/server --bench
  energy baseline check main
  energy baseline check main --fail-above 3% --strict -- ./new --bench
  energy baseline check main --base-command ./old -- ./new
  energy baseline save main --runs group=nightly
  energy baseline list

COMMAND is a program that records itself with EnergyLayer, or `energy run`. The
variable TRACING_ENERGY_DB names its database; each execution must record one
run. Exit codes of check: 0 passed, or undecided with a warning; 3 regression;
4 undecided with --strict; 1 the check itself failed.";

/// Guard against energy regressions.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct BaselineArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: BaselineCommand,
}

/// What to do with baselines.
#[derive(Debug, Subcommand)]
pub enum BaselineCommand {
    /// Execute a program several times and keep its runs as a baseline
    #[command(after_help = "Examples:
  energy baseline save main -- ./server --bench
  energy baseline save main --replace --repeat 10 -- ./server --bench")]
    Save(SaveArgs),
    /// Execute a program and fail if it needs more energy than the baseline
    #[command(after_help = "Examples:
  energy baseline check main
  energy baseline check main --fail-above 3% --strict -- ./server --bench")]
    Check(Box<CheckArgs>),
    /// List baselines
    #[command(after_help = "Examples:
  energy baseline list
  energy baseline list --format json")]
    List(ListArgs),
    /// Delete a baseline but keep its runs
    #[command(after_help = "Examples:\n  energy baseline delete main")]
    Delete(DeleteBaselineArgs),
}

/// Options of `energy baseline save`.
#[derive(Debug, Args)]
pub struct SaveArgs {
    /// The baseline.
    #[command(flatten)]
    options: SaveOptions,
    /// Replace the runs of an existing baseline
    #[arg(long, conflicts_with = "add")]
    replace: bool,
    /// Add the runs to an existing baseline
    #[arg(long)]
    add: bool,
    /// The executed program, or existing runs.
    #[command(flatten)]
    runs: ProgramArgs,
}

/// The program that records runs.
#[derive(Debug, Args)]
struct ProgramArgs {
    /// Existing runs: a tag KEY=VALUE, a group, or a run [default: execute a program]
    #[arg(long = "runs", value_name = "RUNS", conflicts_with = "program")]
    existing: Option<String>,
    /// Name of the run to use; required if one execution records several
    #[arg(long, value_name = "NAME")]
    run_name: Option<String>,
    /// Program and its arguments; `check` uses the saved ones by default
    #[arg(last = true, value_name = "COMMAND")]
    program: Vec<String>,
}

/// Options of `energy baseline check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Name of the baseline
    #[arg(value_name = "BASELINE")]
    name: String,
    /// Executions and limits.
    #[command(flatten)]
    pub options: CheckOptions,
    /// Command line of an old program to compare with; executions are interleaved [default:
    /// compare with the saved runs]
    #[arg(long, value_name = "COMMAND LINE", conflicts_with = "existing")]
    base_command: Option<String>,
    /// Fail if the result is undecided
    #[arg(long)]
    strict: bool,
    /// The executed program, or existing runs.
    #[command(flatten)]
    runs: ProgramArgs,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

/// Options of `energy baseline list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

/// Options of `energy baseline delete`.
#[derive(Debug, Args)]
pub struct DeleteBaselineArgs {
    /// Name of the baseline
    #[arg(value_name = "BASELINE")]
    name: String,
}

impl ProgramArgs {
    /// Returns the program with these words.
    fn program(&self, db: &Path, words: &[String]) -> Program {
        Program {
            words: words.to_vec(),
            database: db.to_owned(),
            run_name: self.run_name.clone(),
            variables: Vec::new(),
        }
    }
}

pub(super) fn run(db: &Path, args: &BaselineArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    match &args.command {
        BaselineCommand::Save(args) => save(db, args, out),
        BaselineCommand::Check(args) => check(db, args, out),
        BaselineCommand::List(args) => {
            let all = baseline::list(&open_recording(db)?)?;
            Ok(baseline::list_answer(&all).write(out, args.output.format(), &style())?)
        }
        BaselineCommand::Delete(args) => {
            let removed = baseline::remove(db, &args.name)?;
            let runs = counted(removed.runs.len(), "run");
            Ok(writeln!(
                out,
                "baseline {}: {runs} released",
                escape(&args.name)
            )?)
        }
    }
}

fn save(db: &Path, args: &SaveArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let options = SaveOptions {
        if_exists: match (args.replace, args.add) {
            (true, _) => IfExists::Replace,
            (_, true) => IfExists::Add,
            _ => IfExists::Refuse,
        },
        ..args.options.clone()
    };
    let saved = match &args.runs.existing {
        Some(selector) => {
            let runs = crate::query::select(&open_recording(db)?, selector)?.runs;
            baseline::save_runs(db, &runs, &options)?
        }
        None if args.runs.program.is_empty() => {
            let text = "give the program after --, or recorded runs with --runs";
            return Err(UsageError(text.to_owned()).into());
        }
        None => {
            let program = args.runs.program(db, &args.runs.program);
            let bar = Progress::new("executing");
            baseline::save(&program, &options, &Interrupt::listen()?, |done| {
                bar.set(done, options.repeat, "")
            })?
        }
    };
    let runs = counted(saved.runs.len(), "run");
    Ok(writeln!(out, "baseline {}: {runs}", escape(&saved.name))?)
}

fn check(db: &Path, args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recording = open_recording(db)?;
    let saved = baseline::find(&recording, &args.name)?;
    let options = &args.options;
    let checked = match &args.runs.existing {
        Some(selector) => baseline::check_runs(&recording, &saved, selector, options)?,
        None => {
            drop(recording);
            execute(db, args, &saved)?
        }
    };
    baseline::check_answer(&checked).write(out, args.output.format(), &style())?;
    report_outcome(&checked, args)
}

fn execute(db: &Path, args: &CheckArgs, saved: &Saved) -> anyhow::Result<Checked> {
    let (options, runs) = (&args.options, &args.runs);
    let words = match (runs.program.is_empty(), &saved.command) {
        (false, _) => &runs.program,
        (true, Some(command)) => command,
        (true, None) => {
            let text =
                "the baseline has no command: give the program after --, or runs with --runs";
            return Err(UsageError(text.to_owned()).into());
        }
    };
    let new = runs.program(db, words);
    let old = args.base_command.as_ref();
    let old = old.map(|line| Program::from_command_line(line, db, runs.run_name.clone()));
    let bar = Progress::new("executing");
    let maximum = options.max_repeat.max(options.repeat);
    let on_progress = |done: usize| bar.set(done, maximum, "");
    Ok(baseline::check(
        saved,
        &new,
        old.as_ref(),
        options,
        &Interrupt::listen()?,
        on_progress,
    )?)
}

fn report_outcome(checked: &Checked, args: &CheckArgs) -> anyhow::Result<()> {
    match (checked.outcome(), args.strict) {
        (CheckOutcome::Pass, _) => Ok(()),
        (CheckOutcome::Regression, _) => {
            let text = format!(
                "energy regression against baseline {}",
                escape(&checked.baseline)
            );
            Err(NegativeResult::new(REGRESSION, text).into())
        }
        (CheckOutcome::Undecided, is_strict) => {
            let is_covered = checked.compared.undecided().is_empty();
            let is_text = matches!(args.output.format(), Format::Table | Format::Markdown);
            let text = match (is_covered, is_strict) {
                // Printed above the tables.
                (false, true) if is_text => return Err(SilentExit(UNDECIDED).into()),
                (false, false) if is_text => return Ok(()),
                (false, _) => {
                    "undecided: samples cover too little of the runs; check the sensor with `energy doctor --validate`"
                }
                (true, true) => "undecided; allow more runs with --max-repeat",
                (true, false) => "undecided: the runs neither show nor exclude a regression",
            };
            if is_strict {
                return Err(NegativeResult::new(UNDECIDED, text.into()).into());
            }
            warn(text);
            Ok(())
        }
    }
}
