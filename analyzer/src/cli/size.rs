//! `energy size`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::console::style;
use super::database::open_recording;
use super::progress::Progress;
use crate::options::OutputFormat;
use crate::upkeep::{SizeBy, size};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy size
  energy size --by table --format csv")]
pub struct SizeArgs {
    /// Only show this list [default: both; in CSV, run]
    #[arg(long, value_name = "LIST", value_enum)]
    by: Option<SizeBy>,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(db: &Path, args: &SizeArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recording = open_recording(db)?;
    let progress = Progress::new("measuring");
    let answer = size(&recording, args.by)?;
    drop(progress);
    Ok(answer.write(out, args.output.format(), &style())?)
}
