//! Opens the database of a command.

use std::io::Write;
use std::path::Path;

use super::console::{style, warn};
use crate::format::Format;
use crate::options::{AttributedRun, RunSelector};
use crate::query::{Recording, Run};
use crate::summary::{Summary, SummaryOptions};

/// Opens the database and finds a run. Prints changes made by opening to stderr.
pub(super) fn open(db: &Path, run: &RunSelector) -> anyhow::Result<(Recording, Run)> {
    let recording = open_recording(db)?;
    let run = recording.run(&run.selector)?;
    Ok((recording, run))
}

/// Like [`open`], with the requested attribution.
pub(super) fn open_attributed(
    db: &Path,
    which: &AttributedRun,
) -> anyhow::Result<(Recording, Run)> {
    let (recording, run) = open(db, &which.run)?;
    let run = match which.attribution {
        Some(id) => recording.shown_by(run, id)?,
        None => run,
    };
    Ok((recording, run))
}

/// Opens the database. Prints changes made by opening to stderr.
pub(super) fn open_recording(db: &Path) -> anyhow::Result<Recording> {
    let recording = Recording::open_repaired(db)?;
    for note in &recording.notes {
        warn(note);
    }
    Ok(recording)
}

/// Prints the summary of a run as a table.
pub(super) fn print_summary(
    db: &Path,
    run: &RunSelector,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (recording, run) = open(db, run)?;
    let summary = Summary::read(&recording, run, &SummaryOptions::default())?;
    Ok(summary.write(out, Format::Table, &style())?)
}
