//! Warnings alongside the answer.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::error::Result;
use crate::format::{Column, Sheet};
use crate::query::{Recording, Run, condition_warnings};

/// Rows that people see.
const SHOWN: usize = 24;

/// A warning, on stderr.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(
        std::io::stderr(),
        "energy: warning: {}",
        crate::format::escape(text)
    );
}

/// Rows of a run's warnings of a busy or hot machine; `of` is the side or the
/// configuration that the run belongs to.
pub(crate) fn condition_rows(recording: &Recording, run: &Run, of: &str) -> Result<Vec<Value>> {
    let events = condition_warnings(recording, run)?;
    let row = |event: &crate::query::Event| {
        json!({
            "of": of, "run": run.row.uuid, "title": run.title(),
            "kind": event.kind, "message": event.message,
        })
    };
    Ok(events.iter().map(row).collect())
}

/// The list of such rows; `of` is what their first column is called. People see none
/// where there are no rows.
pub(crate) fn condition_sheets(rows: &[Value], of: &str) -> Vec<Sheet> {
    let programs = Sheet::new("warnings", "", Vec::new(), rows).for_programs();
    if rows.is_empty() {
        return vec![programs];
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
    let people = Sheet::new("warnings", title, columns, shown).for_people();
    vec![people, programs]
}
