//! Result of an import.

use std::path::Path;

use crate::error::Result;
use crate::query::{Recording, coverage_note, run_coverage};

/// Result of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Id of the new run.
    pub uuid: String,
    /// Number of spans.
    pub spans: usize,
    /// Number of samples.
    pub samples: usize,
    /// Notes for the user: when it was recorded, the offset between clocks, the attribution
    /// method.
    pub notes: Vec<String>,
    /// Anomalies of the files; also stored as events of the run.
    pub warnings: Vec<String>,
}

/// Warns of time without samples if it is long enough that every view reports it.
pub(super) fn warn_of_gaps(db: &Path, imported: &mut Imported) -> Result<()> {
    let recording = Recording::open(db)?;
    let run = recording.run(&imported.uuid)?;
    let coverage = run_coverage(&recording, &run)?;
    imported.warnings.extend(coverage_note(coverage));
    Ok(())
}
