//! Totals of a run that has ended.

use energy_data::ProvenanceSet;
use energy_data::rows::RunStatus;
use serde_json::{Value, json};

use crate::error::Result;
use crate::query::{self, Recording, Totals};

/// Totals of a run, and the text that it has generated.
pub(super) struct RunTotals {
    totals: Totals,
    provenance: Option<ProvenanceSet>,
    response: Option<String>,
}

impl RunTotals {
    /// Reads the totals of the summary.
    ///
    /// # Errors
    /// If the file cannot be read, or has no such run.
    pub(super) fn read(recording: &Recording, uuid: &str) -> Result<Self> {
        let run = recording.run(uuid)?;
        let phases = query::phases_on(recording, &run, None)?;
        Ok(Self {
            totals: query::totals_of(&run, &phases),
            provenance: run.provenance,
            response: run.row.metadata.response,
        })
    }
}

/// Returns the data of `inference_complete`. Without totals they are unknown.
pub(super) fn completed(status: RunStatus, found: Option<&RunTotals>) -> Value {
    let totals = found.map(|found| &found.totals);
    let energy_j = totals.and_then(|totals| totals.energy_j);
    let duration_ns = totals.and_then(|totals| totals.duration_ns);
    json!({
        "status": status.name(),
        "total_duration_ms": duration_ns.map(|ns| ns as f64 / 1e6),
        "total_energy_j": energy_j,
        "total_energy_mj": energy_j.map(|joules| joules * 1e3),
        "lo_j": totals.and_then(|totals| totals.lo_j),
        "hi_j": totals.and_then(|totals| totals.hi_j),
        "coverage": totals.and_then(|totals| totals.coverage),
        "provenance": found.and_then(|found| found.provenance),
        "avg_power_mw": query::average_w(energy_j, duration_ns).map(|watts| watts * 1e3),
        "input_tokens": totals.and_then(|totals| totals.input_tokens),
        "output_tokens": totals.and_then(|totals| totals.output_tokens),
        "tokens_per_second": totals.and_then(|totals| totals.tokens_per_s),
        "j_per_token": totals.and_then(|totals| totals.j_per_token),
        "response": found.and_then(|found| found.response.as_deref()),
    })
}
