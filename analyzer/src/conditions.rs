//! Lists of warnings about busy or hot machines.

use serde_json::{Value, json};

use crate::error::Result;
use crate::format::{Column, Sheet};
use crate::query::{Recording, Run, condition_warnings};

/// Number of rows shown in tables.
const SHOWN: usize = 24;

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
    let columns = vec![
        Column::text("of", of),
        Column::text("title", "run"),
        Column::text("kind", "warning"),
        Column::text("message", ""),
    ];
    let title = match rows.len().saturating_sub(SHOWN) {
        0 => "Busy or hot runs".to_owned(),
        more => format!("Busy or hot runs, {more} more in --format json"),
    };
    let shown = rows.iter().take(SHOWN);
    let display = Sheet::new("warnings", title, columns, shown).display_only();
    vec![display, data]
}
