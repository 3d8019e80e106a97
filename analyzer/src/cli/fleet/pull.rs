//! `energy fleet pull`.

use std::io::Write;
use std::path::Path;

use clap::Args;
use energy_fleet::destination::destination;
use energy_fleet::pull::{PullCondition, PullFilter, pull};
use serde_json::json;

use super::check::FAULTS;
use super::result::write_result;
use crate::cli::console::warn;
use crate::cli::exit::SilentExit;
use crate::cli::progress::Progress;
use crate::format::{Answer, counted, escape};
use crate::options::OutputFormat;

/// Options of `energy fleet pull`.
#[derive(Debug, Args)]
pub struct FleetPullArgs {
    /// Conditions that all must hold, e.g. service=search [default: all runs]
    #[arg(value_name = "KEY=VALUE")]
    filter: Vec<PullCondition>,
    /// Folder or URL that runs were pushed to
    #[arg(long, value_name = "ROOT")]
    from: String,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
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
    let into = escape(&db.display().to_string());
    let sentence = match report.runs {
        0 if report.faults > 0 => "no run pulled".to_owned(),
        0 => "no run pulled: none fulfils all conditions".to_owned(),
        runs => format!("{} pulled into {into}", counted(runs, "run")),
    };
    let result = Answer::new("fleet pull", "")
        .with("root", json!(source.root()))
        .with("into", json!(db.display().to_string()))
        .with("runs", json!(report.runs))
        .with("others", json!(report.others))
        .with("faults", json!(report.faults))
        .with("warnings", json!(report.warnings));
    write_result(out, args.output.format(), sentence, result)?;
    match report.faults {
        0 => Ok(()),
        _ => Err(SilentExit(FAULTS).into()),
    }
}
