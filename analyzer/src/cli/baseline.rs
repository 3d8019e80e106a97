//! `energy baseline`.

use std::io::Write;
use std::path::Path;

use clap::{Args, Subcommand};

use super::compare::parse_fraction;
use super::progress::Progress;
use super::{Finding, Usage};
use crate::baseline::{
    self, CheckOptions, CheckOutcome, Checked, IfExists, Limits, SaveOptions, Saved,
};
use crate::compare::stats::Options;
use crate::compare::{CompareOptions, EnergyPer};
use crate::format::{Format, counted, escape};
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

COMMAND is a program that records itself with EnergyLayer, or `energy run`. The variable
TRACING_ENERGY_DB names its database; each execution must record one run.
Exit codes of check: 0 passed, or undecided with a warning; 3 regression; 4 undecided
with --strict; 1 the check itself failed.";

/// Guard against energy regressions.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct BaselineArgs {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Execute a program several times and keep its runs as a baseline
    #[command(
        after_help = "Examples:\n  energy baseline save main -- ./server --bench\n  energy baseline save main --replace --repeat 10 -- ./server --bench"
    )]
    Save(SaveArgs),
    /// Execute a program and fail if it needs more energy than the baseline
    #[command(
        after_help = "Examples:\n  energy baseline check main\n  energy baseline check main --fail-above 3% --strict -- ./server --bench"
    )]
    Check(Box<CheckArgs>),
    /// List baselines
    #[command(
        after_help = "Examples:\n  energy baseline list\n  energy baseline list --format json"
    )]
    List(ListArgs),
    /// Delete a baseline but keep its runs
    #[command(after_help = "Examples:\n  energy baseline delete main")]
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
struct SaveArgs {
    /// Name of the baseline
    name: String,
    /// Number of executions
    #[arg(long, value_name = "N", default_value_t = 5)]
    repeat: usize,
    /// Use existing runs: a tag KEY=VALUE, a group, or a run
    #[arg(long, value_name = "RUNS", conflicts_with = "program")]
    runs: Option<String>,
    /// Name of the run to use if one execution records several
    #[arg(long, value_name = "NAME")]
    run_name: Option<String>,
    /// Replace the runs of an existing baseline
    #[arg(long, conflicts_with = "add")]
    replace: bool,
    /// Add the runs to an existing baseline
    #[arg(long)]
    add: bool,
    /// Program and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    program: Vec<String>,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Name of the baseline
    name: String,
    /// Number of executions before the first interim analysis
    #[arg(long, value_name = "N", default_value_t = CheckOptions::default().repeat)]
    repeat: usize,
    /// Maximum number of executions
    #[arg(long, value_name = "N", default_value_t = CheckOptions::default().max_repeat)]
    max_repeat: usize,
    /// Check existing runs: a tag KEY=VALUE, a group, or a run
    #[arg(long, value_name = "RUNS", conflicts_with = "program")]
    runs: Option<String>,
    /// Old program to compare with instead of the saved runs; executions are interleaved
    #[arg(long, value_name = "COMMAND LINE", conflicts_with = "runs")]
    base_command: Option<String>,
    /// Name of the run to use if one execution records several
    #[arg(long, value_name = "NAME")]
    run_name: Option<String>,
    /// Fail if the energy of a run exceeds the baseline significantly by more than this
    #[arg(long, value_name = "X%", value_parser = parse_fraction, default_value = "5%")]
    fail_above: f64,
    /// Fail if an operation's share of energy exceeds the baseline significantly by more
    /// than this
    #[arg(long, value_name = "X%", value_parser = parse_fraction, default_value = "5%")]
    fail_node_above: f64,
    /// Fail if the result is undecided
    #[arg(long)]
    strict: bool,
    /// Unit that energy is divided by (default: token if all runs have token counts, else run)
    #[arg(long, value_enum)]
    per: Option<EnergyPer>,
    /// Only use this rail (default: the sum of root rails)
    #[arg(long, value_name = "NAME")]
    rail: Option<String>,
    /// Assumed standard deviation between sessions
    #[arg(long, value_name = "X%", value_parser = parse_fraction, default_value = "2.5%")]
    session_sd: f64,
    /// Compare runs with different configurations
    #[arg(long)]
    allow_different: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Program and its arguments (default: the saved command)
    #[arg(last = true, value_name = "COMMAND")]
    program: Vec<String>,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
struct DeleteArgs {
    /// Name of the baseline
    name: String,
}

impl CheckArgs {
    fn options(&self) -> CheckOptions {
        CheckOptions {
            repeat: self.repeat,
            max_repeat: self.max_repeat,
            limits: Limits {
                above: self.fail_above,
                node_above: self.fail_node_above,
                ..Limits::default()
            },
            compare: CompareOptions {
                per: self.per,
                rail: self.rail.clone(),
                allow_different: self.allow_different,
                stats: Options {
                    session_sd: self.session_sd,
                    ..Options::default()
                },
                ..CompareOptions::default()
            },
        }
    }
}

pub(super) fn run(db: &Path, args: &BaselineArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    match &args.command {
        Action::Save(args) => save(db, args, out),
        Action::Check(args) => check(db, args, out),
        Action::List(args) => {
            let all = baseline::list(&super::open_recording(db)?)?;
            Ok(baseline::list_answer(&all).write(out, args.format, &super::style())?)
        }
        Action::Delete(args) => {
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
        name: args.name.clone(),
        repeat: args.repeat,
        if_exists: match (args.replace, args.add) {
            (true, _) => IfExists::Replace,
            (_, true) => IfExists::Add,
            _ => IfExists::Refuse,
        },
    };
    let saved = match &args.runs {
        Some(selector) => {
            let runs = crate::query::select(&super::open_recording(db)?, selector)?.runs;
            baseline::save_runs(db, &runs, &options)?
        }
        None if args.program.is_empty() => {
            let text = "give the program after --, or recorded runs with --runs";
            return Err(Usage(text.to_owned()).into());
        }
        None => {
            let program = program(db, args.program.clone(), args.run_name.clone());
            let bar = Progress::new("executing");
            baseline::save(&program, &options, &Interrupt::listen()?, |done| {
                bar.set(done, args.repeat, "")
            })?
        }
    };
    let runs = counted(saved.runs.len(), "run");
    Ok(writeln!(out, "baseline {}: {runs}", escape(&saved.name))?)
}

fn program(db: &Path, words: Vec<String>, run_name: Option<String>) -> Program {
    Program {
        words,
        database: db.to_owned(),
        run_name,
    }
}

fn check(db: &Path, args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recording = super::open_recording(db)?;
    let saved = baseline::find(&recording, &args.name)?;
    let options = args.options();
    let checked = match &args.runs {
        Some(selector) => baseline::check_runs(&recording, &saved, selector, &options)?,
        None => {
            drop(recording);
            execute(db, args, &saved, &options)?
        }
    };
    baseline::check_answer(&checked).write(out, args.format, &super::style())?;
    report_outcome(&checked, args.strict)
}

fn execute(
    db: &Path,
    args: &CheckArgs,
    saved: &Saved,
    options: &CheckOptions,
) -> anyhow::Result<Checked> {
    let words = match (args.program.is_empty(), &saved.command) {
        (false, _) => args.program.clone(),
        (true, Some(command)) => command.clone(),
        (true, None) => {
            let text =
                "the baseline has no command: give the program after --, or runs with --runs";
            return Err(Usage(text.to_owned()).into());
        }
    };
    let new = program(db, words, args.run_name.clone());
    let old = args.base_command.as_ref();
    let old = old.map(|line| Program::from_command_line(line, db, args.run_name.clone()));
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

fn report_outcome(checked: &Checked, strict: bool) -> anyhow::Result<()> {
    match (checked.outcome(), strict) {
        (CheckOutcome::Pass, _) => Ok(()),
        (CheckOutcome::Regression, _) => {
            let text = format!(
                "energy regression against baseline {}",
                escape(&checked.baseline)
            );
            Err(Finding::new(REGRESSION, text).into())
        }
        (CheckOutcome::Undecided, is_strict) => {
            let undecided = checked.compared.undecided().into_iter().next();
            let text = match (&undecided, is_strict) {
                (Some(_), _) => {
                    "undecided: samples cover too little of the runs; check the sensor with `energy doctor --validate`"
                }
                (None, true) => "undecided; allow more runs with --max-repeat",
                (None, false) => "undecided: the runs neither show nor exclude a regression",
            };
            if is_strict {
                return Err(Finding::new(UNDECIDED, text.into()).into());
            }
            super::warn(text);
            Ok(())
        }
    }
}
