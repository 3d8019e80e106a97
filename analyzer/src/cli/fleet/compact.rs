//! `energy fleet compact`.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use energy_fleet::compact::compact;
use energy_fleet::destination::destination;
use serde_json::json;

use super::result::write_result;
use crate::cli::console::warn;
use crate::cli::progress::Progress;
use crate::format::Answer;
use crate::options::{OutputFormat, parse_duration};

/// Options of `energy fleet compact`.
#[derive(Debug, Args)]
pub struct FleetCompactArgs {
    /// Folder or URL that runs were pushed to
    #[arg(value_name = "ROOT")]
    root: String,
    /// Time after which merged objects are removed: queries that began before must have ended
    #[arg(long, value_name = "TIME", default_value = "60m", value_parser = parse_duration)]
    keep: Duration,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(args: &FleetCompactArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let root = destination(&args.root)?;
    let progress = Progress::new("listing packs");
    let report = compact(root.as_ref(), args.keep, &mut |day| {
        progress.set(0, 0, day);
    });
    drop(progress);
    let report = report?;
    for warning in &report.warnings {
        warn(warning);
    }
    let result = Answer::new("fleet compact", "")
        .with("root", json!(root.root()))
        .with("days", json!(report.days))
        .with("packs", json!(report.packs))
        .with("bytes", json!(report.bytes))
        .with("removed", json!(report.removed))
        .with("warnings", json!(report.warnings));
    write_result(out, args.output.format(), report.text(), result)
}
