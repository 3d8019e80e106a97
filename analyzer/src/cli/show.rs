//! `energy show`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::WhichFigures;
use crate::format::Format;
use crate::show::Show;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  energy show\n  energy show sky --format json")]
pub struct ShowArgs {
    #[command(flatten)]
    run: WhichFigures,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(db: &Path, args: &ShowArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open_figures(db, &args.run)?;
    Ok(Show::read(&recording, run)?.write(out, args.format, &super::look())?)
}
