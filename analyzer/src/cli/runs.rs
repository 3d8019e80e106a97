//! `energy runs`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use crate::format::Format;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  energy runs\n  energy runs --format csv > runs.csv")]
pub struct RunsArgs {
    /// How to write the list
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(db: &Path, args: &RunsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recording = super::open_recording(db)?;
    let runs = crate::query::list(&recording)?;
    Ok(crate::runs::write(out, &runs, args.format, &super::look())?)
}
