//! Lists of warnings about busy or hot machines.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::error::Result;
use crate::format::{Column, Sheet};
use crate::query::{Recording, Run, condition_warnings};

/// Longest list of single warnings in tables.
const SHOWN: usize = 8;

/// Returns a run's warnings about a busy or hot machine. `of` is the side or configuration
/// that the run belongs to.
pub(crate) fn condition_rows(recording: &Recording, run: &Run, of: &str) -> Result<Vec<Value>> {
    let events = condition_warnings(recording, run)?;
    let row = |event: &crate::query::StoredEvent| {
        json!({
            "of": of, "run": run.row.uuid, "title": run.title(),
            "kind": event.kind, "message": event.message,
        })
    };
    Ok(events.iter().map(row).collect())
}

/// Returns the lists of such rows; `of` is the heading of their first column. An empty list
/// is not displayed.
pub(crate) fn condition_sheets(rows: &[Value], of: &str) -> Vec<Sheet> {
    let data = Sheet::new("warnings", "", Vec::new(), rows).data_only();
    if rows.is_empty() {
        return vec![data];
    }
    let display = match rows.len() <= SHOWN {
        true => each(rows, of),
        false => together(rows),
    };
    vec![display.display_only(), data]
}

/// Lists each warning.
fn each(rows: &[Value], of: &str) -> Sheet {
    let columns = vec![
        Column::text("of", of),
        Column::text("title", "run"),
        Column::text("kind", "warning"),
        Column::text("message", ""),
    ];
    Sheet::new("warnings", "Busy or hot runs", columns, rows)
}

/// Lists each kind of warning once, with the number of its runs.
fn together(rows: &[Value]) -> Sheet {
    let kinds: BTreeSet<&str> = rows.iter().filter_map(|row| row["kind"].as_str()).collect();
    let kinds = kinds.into_iter().map(|kind| {
        let own = || rows.iter().filter(|row| row["kind"] == kind);
        let runs: BTreeSet<&str> = own().filter_map(|row| row["run"].as_str()).collect();
        json!({
            "kind": kind, "runs": runs.len(),
            "message": own().next().map(|row| &row["message"]),
        })
    });
    let columns = vec![
        Column::text("kind", "warning"),
        Column::count("runs", "runs"),
        Column::text("message", "first message"),
    ];
    let title = "Busy or hot runs (each one in --format json)";
    Sheet::new("warnings", title, columns, kinds)
}
