//! The summary as JSON. Keys are stable within a `schema`; unknown values are null.

use serde_json::{Value, json};

use super::data::Summary;
use crate::query::{Attribution, Balance, Run};

/// Version of the keys.
const SCHEMA: i64 = 1;

impl Summary {
    /// Converts to one JSON object.
    pub fn value(&self) -> Value {
        value(self)
    }
}

fn value(summary: &Summary) -> Value {
    let attribution = summary.attribution.as_ref();
    json!({
        "schema": SCHEMA,
        "command": "summary",
        "run": run(&summary.run, attribution),
        "method": attribution.map(|shown| shown.effective.as_str()),
        "clock_offset_ms": attribution.and_then(|shown| shown.clock_offset_ms),
        "rail": summary.scope.rail,
        "phase": summary.scope.phase,
        "basis": summary.scope.basis.map(|basis| basis.name()),
        "coverage": summary.coverage,
        "totals": summary.totals,
        "recorded_tokens": summary.recorded_tokens,
        "recorded_j_per_output_token": summary.recorded_means.j_per_output_token,
        "recorded_tokens_per_s": summary.recorded_means.tokens_per_s,
        "latency": summary.latency,
        "efficiency": summary.efficiency,
        "balance": summary.balance.iter().map(balance).collect::<Vec<_>>(),
        "phases": summary.phases,
        "roots": summary.roots,
        "hottest": summary.hottest,
        "kinds": summary.kinds.kinds,
        "groups": summary.kinds.groups,
        "layers": summary.layers,
        "components": summary.components,
        "conditions": summary.conditions,
        "events": summary.events,
        "rails_fit": attribution.map(|shown| &shown.rails_fit),
        "warnings": attribution.map(Attribution::warnings),
    })
}

/// Returns a run's metadata without its prompt and response.
fn run(run: &Run, attribution: Option<&Attribution>) -> Value {
    let (row, metadata) = (&run.row, &run.row.metadata);
    json!({
        "id": row.uuid,
        "name": metadata.name,
        "status": row.status.name(),
        "start_unix_ns": row.start_unix_ns,
        "duration_ns": row.end_ns,
        "host": row.host,
        "os": row.os,
        "chip": row.chip,
        "model": metadata.model,
        "engine": metadata.engine,
        "precision": metadata.precision,
        "batch": metadata.batch,
        "experiment": metadata.experiment,
        "tags": tags(run),
        "provenance": run.provenance,
        "caveat": run.caveat(),
        "attribution": attribution.map(Attribution::title),
        "attribution_id": run.attribution,
    })
}

/// Returns tags as an object.
pub(crate) fn tags(run: &Run) -> Value {
    let tags = &run.row.metadata.tags;
    tags.iter()
        .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
        .collect()
}

fn balance(rail: &Balance) -> Value {
    let mut value = json!(rail);
    value["fault_j"] = json!(rail.fault_j());
    value
}
