//! `energy vacuum`.

use std::io::Write;
use std::path::Path;

use clap::Args;
use energy_store::Store;

use super::database::open_recording;
use super::progress::Progress;
use crate::format::{bytes, escape};

/// Options of `energy vacuum`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy vacuum
  energy prune --keep 20 --yes && energy vacuum

Needs free disk space of the size of the file. No process may be recording to
it.")]
pub struct VacuumArgs {}

pub(super) fn run(db: &Path, _: &VacuumArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    drop(open_recording(db)?);
    let size = || std::fs::metadata(db).map(|metadata| bytes(Some(metadata.len())));
    let before = size()?;
    let progress = Progress::new("vacuuming");
    let store = Store::open_writable(db)?;
    store.vacuum()?;
    drop((store, progress));
    let path = escape(&db.display().to_string());
    Ok(writeln!(out, "{path}: {before} before, {} now", size()?)?)
}
