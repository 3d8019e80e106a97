//! `energy record`.

use std::io::Write;
use std::path::Path;
use std::process::ExitStatus;

use clap::Args;

use super::console::warn;
use super::database::print_summary;
use super::exit::SilentExit;
use crate::options::RunSelector;
use crate::record::{RecordOptions, record};

/// Options of `energy record`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  energy record -- make -j4
  energy record --name nightly --tag gpu=off -- ./train --epochs 1
  energy record --baseline 0s --source modelled -- sleep 1

The program's output is not modified. A summary is printed to standard error
when it has ended, and its exit code is passed on. Programs that record spans
themselves, with EnergyLayer and a database, and their child processes join
the run.")]
pub struct RecordArgs {
    /// The program and its recording.
    #[command(flatten)]
    pub options: RecordOptions,
    /// Do not print a summary
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(db: &Path, args: &RecordArgs) -> anyhow::Result<()> {
    let recorded = record(db, &args.options)?;
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

/// Returns the exit code as a shell does: 128 + the signal's number if one ended the
/// program.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(1);
    }
    u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)
}
