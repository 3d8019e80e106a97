//! `energy baseline`.

use std::io::Write;
use std::path::Path;

use clap::{Args, Subcommand};

use super::compare::parse_part;
use super::progress::Progress;
use super::{Finding, Usage};
use crate::baseline::{self, CheckOptions, Checked, Limits, Outcome, SaveOptions, Saved, When};
use crate::compare::stats::Options;
use crate::compare::{CompareOptions, Per};
use crate::format::{Format, counted, escape};
use crate::program::{Interrupt, Program};

/// Exit code of a regression.
const REGRESSION: u8 = 3;
/// Exit code of a check that could not be decided, where that is asked for.
const UNDECIDED: u8 = 4;

const HELP: &str = "Examples:
  energy baseline save main -- ./target/release/server --bench
  energy baseline check main
  energy baseline check main --fail-above 3% --strict -- ./new --bench
  energy baseline check main --base-command ./old -- ./new
  energy baseline save main --runs group=nightly
  energy baseline list

The command is any program that records itself through the layer, or `energy run`. It
is told where to record by TRACING_ENERGY_DB; each execution must make one run.
Exit codes of check: 0 passed, or undecided with a warning; 3 a regression; 4 undecided
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
    /// Let a baseline's runs be a baseline no more; the runs stay
    #[command(after_help = "Examples:\n  energy baseline delete main")]
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
struct SaveArgs {
    /// Name of the baseline
    name: String,
    /// Executions
    #[arg(long, value_name = "N", default_value_t = 5)]
    repeat: usize,
    /// Take runs that are recorded already: a tag KEY=VALUE, a group, or a run
    #[arg(long, value_name = "RUNS", conflicts_with = "program")]
    runs: Option<String>,
    /// The run of this name, where one execution makes several
    #[arg(long, value_name = "NAME")]
    run_name: Option<String>,
    /// The old runs of that name are a baseline no more
    #[arg(long, conflicts_with = "add")]
    replace: bool,
    /// Add the runs to the baseline of that name
    #[arg(long)]
    add: bool,
    /// The program and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    program: Vec<String>,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Name of the baseline
    name: String,
    /// Executions before the first look
    #[arg(long, value_name = "N", default_value_t = CheckOptions::default().repeat)]
    repeat: usize,
    /// Executions at most, where it cannot be decided earlier
    #[arg(long, value_name = "N", default_value_t = CheckOptions::default().max_repeat)]
    max_repeat: usize,
    /// Check runs that are recorded already: a tag KEY=VALUE, a group, or a run
    #[arg(long, value_name = "RUNS", conflicts_with = "program")]
    runs: Option<String>,
    /// The old program, executed in turn with the new one in place of the saved runs
    #[arg(long, value_name = "COMMAND LINE", conflicts_with = "runs")]
    base_command: Option<String>,
    /// The run of this name, where one execution makes several
    #[arg(long, value_name = "NAME")]
    run_name: Option<String>,
    /// Fail if a run needs more than this above the baseline for sure
    #[arg(long, value_name = "X%", value_parser = parse_part, default_value = "5%")]
    fail_above: f64,
    /// Fail if a kind of spans needs more than this against the rest for sure
    #[arg(long, value_name = "X%", value_parser = parse_part, default_value = "5%")]
    fail_node_above: f64,
    /// Fail as well if it cannot be decided
    #[arg(long)]
    strict: bool,
    /// What energy is divided by: token where all runs know their tokens, else run
    #[arg(long, value_enum)]
    per: Option<Per>,
    /// This rail only, in place of the sum of root rails
    #[arg(long, value_name = "NAME")]
    rail: Option<String>,
    /// Supposed difference between sessions (standard deviation)
    #[arg(long, value_name = "X%", value_parser = parse_part, default_value = "2.5%")]
    session_sd: f64,
    /// Compare runs that were not made alike
    #[arg(long)]
    allow_different: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The program and its arguments, in place of the saved command
    #[arg(last = true, value_name = "COMMAND")]
    program: Vec<String>,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// How to write it
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
            Ok(baseline::listed(&all).write(out, args.format, &super::look())?)
        }
        Action::Delete(args) => {
            let gone = baseline::remove(db, &args.name)?;
            let runs = counted(gone.runs.len(), "run");
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
        when: match (args.replace, args.add) {
            (true, _) => When::Replace,
            (_, true) => When::Add,
            _ => When::Refuse,
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
            baseline::save(&program, &options, &Interrupt::listen()?, |turn| {
                bar.set(turn, args.repeat, "")
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
    let done = match &args.runs {
        Some(selector) => baseline::check_runs(&recording, &saved, selector, &options)?,
        None => {
            drop(recording);
            execute(db, args, &saved, &options)?
        }
    };
    baseline::checked(&done).write(out, args.format, &super::look())?;
    judge(&done, args.strict)
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
                "the baseline was made of recorded runs: give the program after --, or --runs";
            return Err(Usage(text.to_owned()).into());
        }
    };
    let new = program(db, words, args.run_name.clone());
    let old = args.base_command.as_ref();
    let old = old.map(|line| Program::of_line(line, db, args.run_name.clone()));
    let bar = Progress::new("executing");
    let most = options.max_repeat.max(options.repeat);
    let tell = |turn: usize| bar.set(turn, most, "");
    Ok(baseline::check(
        saved,
        &new,
        old.as_ref(),
        options,
        &Interrupt::listen()?,
        tell,
    )?)
}

fn judge(done: &Checked, strict: bool) -> anyhow::Result<()> {
    match (done.outcome(), strict) {
        (Outcome::Pass, _) => Ok(()),
        (Outcome::Regression, _) => {
            let text = format!(
                "energy regression against baseline {}",
                escape(&done.baseline)
            );
            Err(Finding::new(REGRESSION, text).into())
        }
        (Outcome::Undecided, is_strict) => {
            let undecided = done.compared.undecided().into_iter().next();
            let text = match (&undecided, is_strict) {
                (Some(_), _) => {
                    "undecided: coverage; see that the sensor gives samples all the time"
                }
                (None, true) => "undecided; allow more runs with --max-repeat",
                (None, false) => "undecided: not shown to be a regression, nor to be none",
            };
            if is_strict {
                return Err(Finding::new(UNDECIDED, text.into()).into());
            }
            super::warn(text);
            Ok(())
        }
    }
}
