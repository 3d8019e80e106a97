//! The summary for programs. Keys are stable within a `schema`; unknown is null.

use serde_json::{Value, json};

use super::Summary;
use crate::query::{Balance, Run};

/// Version of the keys.
const SCHEMA: i64 = 1;

/// The summary as one value.
pub(super) fn value(summary: &Summary) -> Value {
    json!({
        "schema": SCHEMA,
        "run": run(&summary.run, summary.attribution.as_deref()),
        "totals": summary.totals,
        "balance": summary.balance.iter().map(balance).collect::<Vec<_>>(),
        "phases": summary.phases,
        "hottest": summary.hottest,
        "layers": summary.layers,
        "components": summary.components,
        "events": summary.events,
    })
}

/// What is known of a run, without its prompt and response.
fn run(run: &Run, attribution: Option<&str>) -> Value {
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
        "attribution": attribution,
    })
}

/// Tags as an object.
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
