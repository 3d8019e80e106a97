//! `energy record`.

use std::io::Write;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use clap::Args;

use super::{RunSelector, SilentExit};
use crate::record::{RecordOptions, record};
use crate::run::{parse_duration, parse_tag};

/// Options of `energy record`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  energy record -- make -j4
  energy record --name nightly --tag gpu=off -- ./train --epochs 1
  energy record --baseline 0s --source modelled -- sleep 1

The program's output is not modified. A summary is printed to standard error when it has
ended, and its exit code is passed on. Programs that record spans themselves, with
EnergyLayer and a database, and their child processes join the run.")]
pub struct RecordArgs {
    /// Program and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    words: Vec<String>,
    /// Power source: auto, powermetrics, rapl, modelled, or replay:FILE
    #[arg(long, default_value_t = RecordOptions::default().source)]
    source: String,
    /// Time between power samples, e.g. 100ms, 1s
    #[arg(long, value_parser = parse_duration, default_value = "100ms")]
    interval: Duration,
    /// Duration of the idle baseline before the program starts (0s disables it)
    #[arg(long, value_parser = parse_duration, default_value = "2s")]
    baseline: Duration,
    /// Name of the run (default: that of the program)
    #[arg(long)]
    name: Option<String>,
    /// Tag of the run, `KEY` or `KEY=VALUE` (repeatable)
    #[arg(long, value_parser = parse_tag, value_name = "KEY=VALUE")]
    tag: Vec<(String, String)>,
    /// Experiment that the run belongs to
    #[arg(long)]
    experiment: Option<String>,
    /// Do not store the command line
    #[arg(long)]
    no_text: bool,
    /// Do not print a summary
    #[arg(long, short)]
    quiet: bool,
}

impl RecordArgs {
    /// Converts to the library's options.
    pub fn options(self, db: &Path) -> RecordOptions {
        RecordOptions {
            words: self.words,
            database: db.to_owned(),
            source: self.source,
            interval: self.interval,
            baseline: self.baseline,
            name: self.name,
            tags: self.tag,
            experiment: self.experiment,
            keep_text: !self.no_text,
        }
    }
}

pub(super) fn run(db: &Path, args: RecordArgs) -> anyhow::Result<()> {
    let quiet = args.quiet;
    let recorded = record(&args.options(db))?;
    for warning in &recorded.warnings {
        super::warn(warning);
    }
    if !quiet {
        let mut err = std::io::stderr();
        writeln!(err)?;
        let which = RunSelector {
            selector: recorded.uuid,
        };
        super::summary::print(db, &which, &mut err)?;
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
