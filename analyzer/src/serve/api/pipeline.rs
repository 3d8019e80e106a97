//! Phases and sections of a run.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::responses::{RunPath, RunProblems};
use super::run_object::{extend, mj};
use super::scope_query::ScopeQuery;
use crate::error::Result;
use crate::query::{Recording, Run};
use crate::serve::extract::{Path, Query};
use crate::serve::problem::Problem;
use crate::serve::state::App;
use crate::views::{self, ViewScope};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_pipeline))
}

/// Returns phases and their sections. Sections sum to their phase, and phases to the run.
#[utoipa::path(get, path = "/api/profiling/run/{id}/pipeline", tag = "run",
    params(RunPath, ScopeQuery),
    responses((status = 200, description = "The pipeline", body = Object), RunProblems))]
async fn read_pipeline(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<ScopeQuery>,
    headers: HeaderMap,
) -> std::result::Result<Response, Problem> {
    query
        .answer(&app, path, "pipeline", &headers, |recording, run, scope| {
            value(recording, &run, &scope)
        })
        .await
}

/// Returns the JSON of `energy pipeline`, with nested phases and the keys of other profilers.
fn value(recording: &Recording, run: &Run, scope: &ViewScope) -> Result<Value> {
    let mut value = views::pipeline(recording, run, scope)?.value();
    let rows = value["pipeline"].as_array().cloned().unwrap_or_default();
    let phases: Vec<&Value> = rows.iter().filter(|row| row["section"].is_null()).collect();
    let sum = |key: &str| -> f64 { phases.iter().filter_map(|row| row[key].as_f64()).sum() };
    let (total_ns, total_j) = (sum("busy_ns"), value["energy_j"].as_f64());
    let more = json!({
        "run_id": run.row.uuid,
        "total_duration_ms": total_ns / 1e6,
        "total_energy_mj": total_j.map(mj),
        "avg_power_mw": total_j.filter(|_| total_ns > 0.0).map(|joules| joules * 1e12 / total_ns),
        "phases": phases.iter().map(|phase| phase_object(phase, &rows, total_ns, total_j))
            .collect::<Vec<_>>(),
    });
    extend(&mut value, more);
    Ok(value)
}

/// Returns a phase with its sections.
fn phase_object(phase: &Value, rows: &[Value], total_ns: f64, total_j: Option<f64>) -> Value {
    let is_within = |row: &&Value| {
        !row["section"].is_null() && row["phase"] == phase["phase"] && row["root"] == phase["root"]
    };
    let (phase_ns, phase_j) = (phase["busy_ns"].as_f64(), phase["energy_j"].as_f64());
    let section = |row: &Value| {
        let mut object = with_percentages(row, phase_ns.unwrap_or(0.0), phase_j);
        extend(&mut object, json!({ "section_name": row["section"] }));
        object
    };
    let sections: Vec<Value> = rows.iter().filter(is_within).map(section).collect();
    let mut object = with_percentages(phase, total_ns, total_j);
    let name = match phase["phase"].is_null() {
        true => &phase["root"],
        false => &phase["phase"],
    };
    extend(&mut object, json!({ "phase": name, "sections": sections }));
    object
}

/// Returns a row with the keys of other profilers; percentages are those of a whole.
pub(super) fn with_percentages(row: &Value, whole_ns: f64, whole_j: Option<f64>) -> Value {
    let (ns, joules) = (row["busy_ns"].as_f64(), row["energy_j"].as_f64());
    let percent = |part: Option<f64>, whole: Option<f64>| {
        let (part, whole) = part.zip(whole.filter(|whole| *whole > 0.0))?;
        Some(100.0 * part / whole)
    };
    let mut object = row.clone();
    let more = json!({
        "total_duration_ms": ns.map(|ns| ns / 1e6),
        "total_energy_mj": joules.map(mj),
        "avg_power_mw": row["avg_w"].as_f64().map(mj),
        "duration_percentage": percent(ns, Some(whole_ns)),
        "energy_percentage": percent(joules, whole_j),
    });
    extend(&mut object, more);
    object
}
