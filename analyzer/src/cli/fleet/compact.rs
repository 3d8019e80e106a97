//! `energy fleet compact`.

use std::io::Write;

use clap::Args;
use energy_fleet::compact::compact;
use energy_fleet::destination::destination;

use crate::cli::console::warn;
use crate::cli::progress::Progress;

/// Options of `energy fleet compact`.
#[derive(Debug, Args)]
pub struct FleetCompactArgs {
    /// Folder or URL that runs were pushed to
    #[arg(value_name = "ROOT")]
    root: String,
    /// Folder or URL of the merged objects [default: ROOT/compact]
    #[arg(long, value_name = "INTO")]
    into: Option<String>,
}

pub(super) fn run(args: &FleetCompactArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let source = destination(&args.root)?;
    let into = match &args.into {
        Some(into) => into.clone(),
        None => format!("{}/compact", args.root.trim_end_matches('/')),
    };
    let target = destination(&into)?;
    let progress = Progress::new("listing packs");
    let report = compact(source.as_ref(), target.as_ref(), &mut |day| {
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
