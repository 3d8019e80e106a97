//! `energy size`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::progress::Progress;
use crate::format::Format;
use crate::upkeep::{SizeBy, size};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy size
  energy size --by table --format csv")]
pub struct SizeArgs {
    /// Only show this list (CSV has one list; default: run)
    #[arg(long, value_enum)]
    by: Option<SizeBy>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(db: &Path, args: &SizeArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recording = super::open_recording(db)?;
    let progress = Progress::new("measuring");
    let answer = size(&recording, args.by)?;
    drop(progress);
    Ok(answer.write(out, args.format, &super::style())?)
}
