//! The list of runs.

use std::io::Write;

use serde_json::json;

use crate::error::Result;
use crate::format::Format;
use crate::format::screen::Look;
use crate::format::{UNKNOWN, csv, energy, escape, shorten, time_span, utc};
use crate::query::Listed;

const KEYS: [&str; 12] = [
    "id",
    "name",
    "status",
    "start_unix_ns",
    "duration_ns",
    "model",
    "experiment",
    "input_tokens",
    "output_tokens",
    "energy_j",
    "j_per_token",
    "provenance",
];

/// Writes a list of runs.
///
/// # Errors
/// When `out` cannot be written.
pub fn write(out: &mut dyn Write, runs: &[Listed], format: Format, look: &Look) -> Result<()> {
    match format {
        Format::Table => table(out, runs, look)?,
        Format::Markdown => table(out, runs, &Look::markdown())?,
        Format::Json => {
            let value = json!({ "schema": 1, "runs": runs });
            crate::format::json::write(out, &value)?;
        }
        Format::Csv => {
            let rows: Vec<_> = runs.iter().map(|run| json!(run)).collect();
            csv::objects(out, &KEYS, &rows)?;
        }
    }
    Ok(())
}

fn table(out: &mut dyn Write, runs: &[Listed], look: &Look) -> std::io::Result<()> {
    if runs.is_empty() {
        return writeln!(out, "No runs yet: make one with `energy run`.");
    }
    let header = [
        "id", "name", "status", "started", "time", "energy", "/token",
    ];
    let rows: Vec<_> = runs.iter().map(row).collect();
    writeln!(out, "{}", look.table(&header, &rows))?;
    if runs.iter().any(is_modelled) {
        writeln!(out, "{}", look.notice("* modelled, not measured"))?;
    }
    Ok(())
}

fn row(run: &Listed) -> Vec<String> {
    let mark = if is_modelled(run) { "*" } else { "" };
    let marked = |text: String| {
        if text == UNKNOWN {
            text
        } else {
            format!("{text}{mark}")
        }
    };
    vec![
        shorten(&run.id, 9).trim_end_matches('…').to_owned(),
        run.name
            .as_deref()
            .map_or(UNKNOWN.to_owned(), |name| shorten(&escape(name), 14)),
        run.status.clone(),
        utc(run.start_unix_ns)
            .get(..16)
            .unwrap_or_default()
            .to_owned()
            + "Z",
        time_span(run.duration_ns),
        marked(energy(run.energy_j)),
        marked(energy(run.j_per_token)),
    ]
}

fn is_modelled(run: &Listed) -> bool {
    run.provenance
        .as_ref()
        .is_some_and(|provenance| provenance.contains("modelled"))
}
