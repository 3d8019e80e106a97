//! The list of requests.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::map::RequestMap;
use super::options::RequestOptions;
use super::reading::RequestReading;
use super::totals::{request_nodes, rows};
use crate::error::{Error, Result};
use crate::format::{Answer, Column, Sheet, counted, energy, escape, percent};
use crate::query::{self, Balance, NodeLedger, Recording, Run};

/// Lists the energy of requests by kind, and the costliest ones.
///
/// # Errors
/// If the file cannot be read, the run was not attributed, there is no such rail, or no span has that
/// name.
pub fn requests(recording: &Recording, run: &Run, options: &RequestOptions) -> Result<Answer> {
    if run.attribution.is_none() {
        return Err(run.not_attributed());
    }
    let ledger = query::ledger(recording, run, options.rail.as_deref())?;
    let nodes = request_nodes(&ledger, options.span.as_deref());
    if let (Some(name), true) = (&options.span, nodes.is_empty()) {
        return Err(no_span(&ledger, name));
    }
    let rails = root_rails(recording, run, options.rail.as_deref())?;
    let spans_j = energy_data::interval_energy::sum_known(rails.iter().map(|rail| rail.spans_j));
    let is_request: HashSet<u32> = nodes.iter().copied().collect();
    let map = RequestMap::read(recording, run, |node| is_request.contains(&node))?;
    let reading = RequestReading {
        recording,
        run,
        options,
        ledger: &ledger,
    };
    let (mut found, costliest) = match map.requests.is_empty() {
        true => (rows(&ledger, &nodes, spans_j), Vec::new()),
        false => reading.rows(&map, &rails, spans_j)?,
    };
    found.sort_by(|a, b| {
        let of = |row: &Value| row["energy_j"].as_f64().unwrap_or(0.0);
        of(b).total_cmp(&of(a))
    });
    let (count, unknown) = (found.len(), unknown(&found));
    let limit = if options.limit == 0 {
        usize::MAX
    } else {
        options.limit
    };
    found.truncate(limit);
    let what = format!("requests, active energy{}", reading.text());
    let mut answer = query::run_answer("requests", &what, recording, run)?
        .with("spans_j", json!(spans_j))
        .sheet(Sheet::of_values("requests", "", columns(), found));
    let is_empty = costliest.is_empty();
    let sheet = Sheet::of_values(
        "costliest",
        "Costliest requests",
        costliest_columns(),
        costliest,
    );
    answer = answer.sheet(if is_empty { sheet.data_only() } else { sheet });
    answer = outside(&rails).into_iter().fold(answer, Answer::note);
    if unknown > 0 {
        answer = answer.caution(format!(
            "{} of which less than 99 % was measured {} in no energy below.",
            counted(unknown, "request"),
            if unknown == 1 { "is" } else { "are" },
        ));
    }
    if map.requests.is_empty() {
        answer = answer.note("Only totals were recorded: percentiles need single spans.");
    }
    if count > limit {
        answer = answer.note(format!(
            "{limit} of {count} kinds of requests: see --limit."
        ));
    }
    Ok(answer.note(
        "A request includes all spans below it, on all threads, without idle energy. ± is half of the \
         90 % interval of the mean.",
    ))
}

/// Returns the root rails that have accounts, or the named one.
fn root_rails(recording: &Recording, run: &Run, name: Option<&str>) -> Result<Vec<Balance>> {
    let mut rails = query::balance(recording, run)?;
    rails.retain(|rail| rail.is_root && rail.spans_j.is_some());
    let Some(name) = name else {
        return Ok(rails);
    };
    let known: Vec<String> = rails.iter().map(|rail| rail.rail.clone()).collect();
    rails.retain(|rail| rail.rail == name || rail.name == name || rail.qualified() == name);
    match rails.is_empty() {
        false => Ok(rails),
        true => Err(Error::Unknown {
            what: "root rail",
            name: escape(name),
            known: known.join(", "),
        }),
    }
}

/// Returns the number of requests without a known energy.
fn unknown(rows: &[Value]) -> usize {
    let unknown = rows.iter().filter_map(|row| row["unknown"].as_u64());
    usize::try_from(unknown.sum::<u64>()).unwrap_or(usize::MAX)
}

fn no_span(ledger: &NodeLedger, name: &str) -> Error {
    let mut known: Vec<String> = ledger
        .nodes
        .iter()
        .filter_map(|node| node.name.clone())
        .collect();
    known.sort();
    known.dedup();
    known.truncate(20);
    Error::Unknown {
        what: "span name",
        name: escape(name),
        known: escape(&known.join(", ")),
    }
}

/// Returns a sentence about the program's work outside of spans.
fn outside(rails: &[Balance]) -> Option<String> {
    let sum = |value: fn(&Balance) -> Option<f64>| {
        energy_data::interval_energy::sum_known(rails.iter().map(value))
    };
    let outside_j = sum(|rail| rail.unattributed_j)?;
    let spans_j = sum(|rail| rail.spans_j)?;
    let share = (outside_j + spans_j > 0.0).then(|| outside_j / (outside_j + spans_j));
    Some(format!(
        "Work of the program outside of spans: {} ({} of its active energy).",
        energy(Some(outside_j)),
        percent(share)
    ))
}

fn columns() -> Vec<Column> {
    vec![
        Column::path("request", "request"),
        Column::count("count", "count"),
        Column::energy("mean_j", "mean"),
        Column::percent("half_interval", "±").from_width(1),
        Column::interval("lo_j", "hi_j", "90 %").from_width(160),
        Column::energy("p50_j", "p50").from_width(1),
        Column::energy("p90_j", "p90").from_width(110),
        Column::energy("p99_j", "p99").from_width(1),
        Column::energy("max_j", "max").from_width(100),
        Column::percent("share", "share"),
        Column::time("duration_p50_ns", "time p50").from_width(130),
        Column::time("duration_p99_ns", "time p99").from_width(1),
        Column::time("cpu_mean_ns", "CPU mean").from_width(140),
        Column::data("energy_j"),
        Column::data("open"),
        Column::data("unknown"),
        Column::data("duration_mean_ns"),
        Column::data("duration_p90_ns"),
        Column::data("duration_max_ns"),
        Column::data("cpu_p50_ns"),
        Column::data("cpu_p90_ns"),
        Column::data("cpu_p99_ns"),
        Column::data("cpu_max_ns"),
    ]
}

fn costliest_columns() -> Vec<Column> {
    vec![
        Column::path("request", "request"),
        Column::energy("energy_j", "energy"),
        Column::time("start_ns", "at"),
        Column::time("duration_ns", "time"),
        Column::time("cpu_ns", "CPU"),
        Column::count("span", "span"),
        Column::text("fields", "fields").from_width(1),
    ]
}
