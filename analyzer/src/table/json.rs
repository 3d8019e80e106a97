//! JSON of a table.

use serde_json::{Value, json};

use super::row::ConfigurationRow;

/// Name and version of the schema; the version increases when a key is removed or changes its
/// meaning.
pub const SCHEMA: &str = "energy-table/1";

/// Converts rows to JSON.
pub(super) fn value(
    rows: &[ConfigurationRow],
    experiment: Option<&str>,
    notes: &[String],
) -> Value {
    json!({
        "schema": SCHEMA,
        "command": "table",
        "experiment": experiment,
        "confidence": 0.9,
        "rows": rows,
        "notes": notes,
    })
}
