//! `energy summary`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::WhichFigures;
#[cfg(feature = "inference")]
use super::WhichRun;
use crate::format::Format;
use crate::summary::Summary;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy summary
  energy summary sky --format json | jq .totals.j_per_token
  energy summary sky --attribution 1")]
pub struct SummaryArgs {
    #[command(flatten)]
    run: WhichFigures,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(db: &Path, args: &SummaryArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open_figures(db, &args.run)?;
    Ok(Summary::read(&recording, run)?.write(out, args.format, &super::look())?)
}

/// Prints the summary of a run for people.
#[cfg(feature = "inference")]
pub(super) fn print(db: &Path, which: &WhichRun, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open(db, which)?;
    Ok(Summary::read(&recording, run)?.write(out, Format::Table, &super::look())?)
}
