//! `energy record`.

use std::io::Write;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use clap::Args;

use super::{Passed, WhichRun};
use crate::record::{RecordOptions, record};
use crate::run::{parse_duration, parse_tag};

/// What to record and how.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  energy record -- make -j4
  energy record --name nightly --tag gpu=off -- ./train --epochs 1
  energy record --baseline 0s --source modelled -- sleep 1

The program's output stays its own; what was found comes on standard error when it has
ended, and its exit code is passed on. Programs that record spans themselves, with
EnergyLayer and a database, join the run, and their children do.")]
pub struct RecordArgs {
    /// The program and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    words: Vec<String>,
    /// auto, powermetrics, rapl, modelled, or replay:FILE
    #[arg(long, default_value_t = RecordOptions::default().source)]
    source: String,
    /// Time between power samples: 100ms, 1s
    #[arg(long, value_parser = parse_duration, default_value = "100ms")]
    interval: Duration,
    /// Idle power is measured so long before the program is started; 0s skips it
    #[arg(long, value_parser = parse_duration, default_value = "2s")]
    baseline: Duration,
    /// Name of the run, in place of the program's
    #[arg(long)]
    name: Option<String>,
    /// A tag, `KEY` or `KEY=VALUE`; may be given several times
    #[arg(long, value_parser = parse_tag, value_name = "KEY=VALUE")]
    tag: Vec<(String, String)>,
    /// The experiment that the run belongs to
    #[arg(long)]
    experiment: Option<String>,
    /// Keep the command line out of the recording
    #[arg(long)]
    no_text: bool,
    /// Print no summary
    #[arg(long, short)]
    quiet: bool,
}

impl RecordArgs {
    /// As options of the library.
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
        let which = WhichRun {
            which: recorded.uuid,
        };
        super::summary::print(db, &which, &mut err)?;
    }
    match code(recorded.status) {
        0 => Ok(()),
        code => Err(Passed(code).into()),
    }
}

/// As a shell shows it: 128 and the signal's number where one ended the program.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(1);
    }
    u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)
}
