//! Which runs are in the file?

use serde::Serialize;

use super::{Recording, Run, phases, totals};
use crate::error::Result;

/// One run of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Running, complete, cancelled or crashed.
    pub status: String,
    /// Wall clock of its start, ns since 1970.
    pub start_unix_ns: i64,
    /// Length of the recording.
    pub duration_ns: Option<i64>,
    /// The model that was run.
    pub model: Option<String>,
    /// Experiment it belongs to.
    pub experiment: Option<String>,
    /// Tokens read.
    pub input_tokens: Option<i64>,
    /// Tokens sampled.
    pub output_tokens: Option<i64>,
    /// What root rails measured over the whole recording.
    pub energy_j: Option<f64>,
    /// Energy of the measured work over all its tokens.
    pub j_per_token: Option<f64>,
    /// Measured, modelled or replayed.
    pub provenance: Option<String>,
}

/// All runs of a recording, newest first.
///
/// # Errors
/// When the file cannot be read.
pub fn list(recording: &Recording) -> Result<Vec<Listed>> {
    recording
        .runs()?
        .into_iter()
        .map(|run| listed(recording, run))
        .collect()
}

fn listed(recording: &Recording, run: Run) -> Result<Listed> {
    let phases = phases(recording, &run)?;
    let totals = totals(recording, &run, &phases)?;
    let energy_j = whole_energy(recording, &run)?;
    let metadata = run.row.metadata;
    Ok(Listed {
        status: run.row.status.name().to_owned(),
        start_unix_ns: run.row.start_unix_ns,
        duration_ns: run.row.end_ns,
        energy_j,
        j_per_token: totals.j_per_token,
        provenance: run.provenance,
        id: run.row.uuid,
        name: metadata.name,
        model: metadata.model,
        experiment: metadata.experiment,
        input_tokens: metadata.input_tokens,
        output_tokens: metadata.output_tokens,
    })
}

fn whole_energy(recording: &Recording, run: &Run) -> Result<Option<f64>> {
    let sql = "
        SELECT sum(b.measured_j) FROM balance b
        JOIN rails l ON l.run = b.run AND l.id = b.rail AND l.parent IS NULL
        WHERE b.run = ?1 AND b.attribution = ?2";
    Ok(recording
        .connection()
        .prepare_cached(sql)?
        .query_row((run.no, run.attribution), |r| r.get(0))?)
}
