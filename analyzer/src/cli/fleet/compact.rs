//! `energy fleet compact`.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use energy_fleet::compact::compact;
use energy_fleet::destination::destination;

use crate::cli::console::warn;
use crate::cli::progress::Progress;
use crate::options::parse_duration;

/// Options of `energy fleet compact`.
#[derive(Debug, Args)]
pub struct FleetCompactArgs {
    /// Folder or URL that runs were pushed to
    #[arg(value_name = "ROOT")]
    root: String,
    /// Time after which merged objects are removed: queries that began before must have ended
    #[arg(long, value_name = "TIME", default_value = "60m", value_parser = parse_duration)]
    keep: Duration,
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
    writeln!(out, "{}", report.text())?;
    Ok(())
}
