//! `energy show`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::AttributedRun;
use crate::format::Format;
use crate::show::Show;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  energy show\n  energy show sky --format json")]
pub struct ShowArgs {
    #[command(flatten)]
    run: AttributedRun,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(db: &Path, args: &ShowArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open_attributed(db, &args.run)?;
    Ok(Show::read(&recording, run)?.write(out, args.format, &super::style())?)
}
