//! `energy summary`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::WhichRun;
use crate::summary::{Format, Summary};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy summary
  energy summary sky --format json | jq .totals.j_per_token")]
pub struct SummaryArgs {
    #[command(flatten)]
    run: WhichRun,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(db: &Path, args: &SummaryArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    print(db, &args.run, args.format, out)
}

/// Prints the summary of a run.
pub(super) fn print(
    db: &Path,
    which: &WhichRun,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (recording, run) = super::open(db, which)?;
    Ok(Summary::read(&recording, run)?.write(out, format, &super::look())?)
}
