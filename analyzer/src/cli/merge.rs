//! `energy merge`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::console::style;
use super::progress::Progress;
use crate::options::OutputFormat;
use crate::upkeep::merge;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy merge laptop.db server.db
  energy merge a.db b.db --into all.db

Source files are not modified. Runs keep their ids; a run that exists in the
target is skipped. Each run is copied atomically: after an interruption, merge
again.")]
pub struct MergeArgs {
    /// Databases to copy runs from
    #[arg(value_name = "FILE", required = true)]
    sources: Vec<PathBuf>,
    /// Target database, created if missing [default: that of --db]
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(db: &Path, args: &MergeArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let into = args.into.as_deref().unwrap_or(db);
    let progress = Progress::new("opening");
    let report = merge(&args.sources, into, &mut |done, all, next| {
        progress.set(done, all, next);
    });
    drop(progress);
    Ok(report?
        .answer()
        .write(out, args.output.format(), &style())?)
}
