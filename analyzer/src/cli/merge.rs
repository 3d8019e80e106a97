//! `energy merge`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::progress::Progress;
use crate::format::Format;
use crate::upkeep::merge;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy merge laptop.db server.db
  energy merge a.db b.db --into all.db

Other files do not change. A run keeps its id; one that is there already stays as it
is. Each run comes whole or not at all: after an interruption, merge again.")]
pub struct MergeArgs {
    /// Recordings whose runs are copied
    #[arg(value_name = "FILE", required = true)]
    sources: Vec<PathBuf>,
    /// The recording that gets them, in place of that of --db; made where there is none
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// How to write what was done
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(db: &Path, args: &MergeArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let into = args.into.as_deref().unwrap_or(db);
    let progress = Progress::new("opening");
    let report = merge(&args.sources, into, &mut |done, all, next| {
        progress.set(done, all, next);
    });
    drop(progress);
    Ok(report?.answer().write(out, args.format, &super::look())?)
}
