//! `energy record`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use clap::Args;

use super::console::warn;
use super::database::print_summary;
use super::exit::SilentExit;
use crate::engine::RecordedCommand;
use crate::experiment::{GivenTexts, Trial};
use crate::options::RunSelector;
use crate::program::RUN_ID;
use crate::record::{RecordOptions, record};

/// Options of `energy record`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  energy record -- make -j4
  energy record --name nightly --tag gpu=off -- ./train --epochs 1
  energy record --baseline 0s --source modelled -- sleep 1
  energy record --tokens-json usage -- python generate.py --json

The program's output is not modified. A summary is printed to standard error
when it has ended, and its exit code is passed on. Programs that record spans
themselves, with EnergyLayer and a database, and their child processes join
the run. With --tokens-json or --tokens-regex the output is also searched for
numbers of tokens: the last ones count. The program then sees no terminal.")]
pub struct RecordArgs {
    /// The program and its recording.
    #[command(flatten)]
    pub options: RecordOptions,
    /// Do not print a summary
    #[arg(long, short)]
    quiet: bool,
    /// Trial of an experiment to execute
    #[arg(long, hide = true)]
    trial: Option<String>,
    /// File with the prompt of a trial, if the plan does not hold it
    #[arg(long, hide = true, requires = "trial")]
    prompt_file: Option<PathBuf>,
}

pub(super) fn run(db: &Path, mut args: RecordArgs) -> anyhow::Result<()> {
    let command = args.trial.as_deref().map(|trial| command(db, trial, &args));
    let command = command.transpose()?;
    if let Some(command) = &command {
        args.options = command.options.clone();
    }
    args.options.workload.run_id = std::env::var(RUN_ID).ok();
    let recorded = record(db, &args.options)?;
    drop(command);
    if args.trial.is_some() && recorded.status.success() {
        // Nobody reads what a trial prints: the table of its experiment has its energy.
        return Ok(());
    }
    for warning in &recorded.warnings {
        warn(warning);
    }
    if !args.quiet {
        let mut err = std::io::stderr();
        writeln!(err)?;
        print_summary(db, &RunSelector::from(recorded.uuid), &mut err)?;
    }
    match code(recorded.status) {
        0 => Ok(()),
        code => Err(SilentExit(code).into()),
    }
}

/// Returns the options of a trial.
fn command(db: &Path, selector: &str, args: &RecordArgs) -> anyhow::Result<RecordedCommand> {
    let trial = Trial::read(db, selector)?;
    let prompt = args.prompt_file.as_deref().map(super::prompt::read);
    let given = GivenTexts {
        prompt: prompt.transpose()?,
        system: None,
    };
    Ok(RecordedCommand::of(&trial, &given)?)
}

/// Returns the exit code as a shell does: 128 + the signal's number if one ended the
/// program.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(1);
    }
    u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)
}
