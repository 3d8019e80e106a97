//! Totals of a run that has ended.

use energy_data::rows::RunStatus;
use serde_json::{Value, json};

use crate::error::Result;
use crate::query::{self, Recording};

/// Returns the data of `inference_complete`: the totals of the summary.
///
/// # Errors
/// If the file cannot be read, or has no such run.
pub(super) fn completed(recording: &Recording, uuid: &str, status: RunStatus) -> Result<Value> {
    let run = recording.run(uuid)?;
    let phases = query::phases_on(recording, &run, None)?;
    let totals = query::totals(recording, &run, &phases)?;
    let time_ns = totals.duration_ns.filter(|ns| *ns > 0);
    let power = totals.energy_j.zip(time_ns);
    let power_mw = power.map(|(joules, ns)| joules * 1e12 / ns as f64);
    Ok(json!({
        "status": status.name(),
        "total_duration_ms": totals.duration_ns.map(|ns| ns as f64 / 1e6),
        "total_energy_j": totals.energy_j,
        "total_energy_mj": totals.energy_j.map(|joules| joules * 1e3),
        "avg_power_mw": power_mw,
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "tokens_per_second": totals.tokens_per_s,
        "j_per_token": totals.j_per_token,
        "response": run.row.metadata.response,
    }))
}

/// Returns the data for a run whose totals cannot be read: they are unknown.
pub(super) fn without_totals(status: RunStatus) -> Value {
    let names = [
        "total_duration_ms",
        "total_energy_j",
        "total_energy_mj",
        "avg_power_mw",
        "input_tokens",
        "output_tokens",
        "tokens_per_second",
        "j_per_token",
        "response",
    ];
    let mut data = json!({ "status": status.name() });
    for name in names {
        data[name] = Value::Null;
    }
    data
}
