//! `energy fleet pull`.

use std::io::Write;
use std::path::Path;

use clap::Args;
use energy_fleet::destination::destination;
use energy_fleet::pull::{PullCondition, PullFilter, pull};

use super::check::FAULTS;
use crate::cli::console::warn;
use crate::cli::exit::SilentExit;
use crate::cli::progress::Progress;
use crate::format::{counted, escape};

/// Options of `energy fleet pull`.
#[derive(Debug, Args)]
pub struct FleetPullArgs {
    /// Conditions that all must hold, e.g. service=search [default: all runs]
    #[arg(value_name = "KEY=VALUE")]
    filter: Vec<PullCondition>,
    /// Folder or URL that runs were pushed to
    #[arg(long, value_name = "ROOT")]
    from: String,
}

pub(super) fn run(db: &Path, args: &FleetPullArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let source = destination(&args.from)?;
    let filter = PullFilter {
        conditions: args.filter.clone(),
    };
    let progress = Progress::new("reading packs");
    let report = pull(source.as_ref(), db, &filter, &mut |what, done, all| {
        progress.set(done, all, what);
    });
    drop(progress);
    let report = report?;
    for warning in &report.warnings {
        warn(warning);
    }
    let db = escape(&db.display().to_string());
    match report.runs {
        0 if report.faults > 0 => writeln!(out, "no run pulled")?,
        0 => writeln!(out, "no run pulled: none fulfils all conditions")?,
        runs => writeln!(out, "{} pulled into {db}", counted(runs, "run"))?,
    }
    match report.faults {
        0 => Ok(()),
        _ => Err(SilentExit(FAULTS).into()),
    }
}
