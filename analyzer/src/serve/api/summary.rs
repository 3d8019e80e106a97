//! The summary of a run.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::responses::{RunPath, RunProblems};
use super::run_object::{extend, mj, ms};
use super::scope_query::ScopeQuery;
use crate::error::Result;
use crate::query::{
    ActivationStatistics, NodeGroup, Phase, Recording, Run, average_w, component_statistics,
};
use crate::serve::extract::{Path, Query};
use crate::serve::problem::Problem;
use crate::serve::state::App;
use crate::summary::{Summary, SummaryOptions};
use crate::views::{self, ViewScope};

/// Number of components that are listed as the hottest.
const HOTTEST: usize = 10;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(summarize_run))
}

/// Returns the summary of a run: totals, phases, layers, components and hottest call paths.
#[utoipa::path(get, path = "/api/profiling/run/{id}/summary", tag = "run",
    params(RunPath, ScopeQuery),
    responses((status = 200, description = "The summary", body = Object), RunProblems))]
async fn summarize_run(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<ScopeQuery>,
    headers: HeaderMap,
) -> std::result::Result<Response, Problem> {
    query.answer(&app, path, "summary", &headers, value).await
}

/// Returns the JSON of `energy summary`, with the keys of other profilers.
fn value(recording: &Recording, run: Run, scope: ViewScope) -> Result<Value> {
    let options = SummaryOptions {
        scope: scope.clone(),
        ..SummaryOptions::default()
    };
    let sections = match run.attribution {
        Some(_) => views::pipeline(recording, &run, &scope)?.into_value(),
        None => Value::Null,
    };
    let summary = Summary::read(recording, run, &options)?;
    let statistics = component_statistics(recording, &summary.run)?;
    let totals = &summary.totals;
    let components: Vec<Value> = summary
        .components
        .iter()
        .map(|group| component(group, statistics.get(&group.name)))
        .collect();
    let phase = |phase: &Phase| phase_keys(phase, &sections);
    let mut value = summary.value();
    extend(
        &mut value,
        json!({
            "run_id": summary.run.row.uuid,
            "total_duration_ms": totals.duration_ns.map(ms),
            "total_energy_mj": totals.energy_j.map(mj),
            "avg_power_mw": average_w(totals.energy_j, totals.duration_ns).map(mj),
            "tokens_per_second": totals.tokens_per_s,
            "phase_breakdown": summary.phases.iter().map(phase).collect::<Vec<_>>(),
            "layer_averages": summary.layers.iter().map(layer).collect::<Vec<_>>(),
            "hottest_components": components.iter().take(HOTTEST).collect::<Vec<_>>(),
            "component_averages": components,
        }),
    );
    Ok(value)
}

fn phase_keys(phase: &Phase, pipeline: &Value) -> Value {
    let rows = pipeline["pipeline"].as_array();
    let is_section = |row: &&Value| {
        let named = row["section"].as_str().is_some_and(|name| name != "(own)");
        named && row["phase"].as_str() == Some(&phase.phase)
    };
    json!({
        "phase": phase.phase,
        "energy_j": phase.energy_j,
        "lo_j": phase.lo_j,
        "hi_j": phase.hi_j,
        "total_duration_ms": phase.duration_ns.map(ms),
        "total_energy_mj": phase.energy_j.map(mj),
        "avg_power_mw": phase.avg_w.map(mj),
        "section_count": rows.map(|rows| rows.iter().filter(is_section).count()),
    })
}

fn layer(group: &NodeGroup) -> Value {
    json!({
        "layer": group.name,
        "layer_index": layer_index(&group.name),
        "avg_energy_j": group.j_per_instance,
        "avg_duration_ms": avg_ms(group),
        "avg_energy_mj": group.j_per_instance.map(mj),
        "avg_power_mw": group.avg_w.map(mj),
        "token_count": group.instances,
    })
}

fn component(group: &NodeGroup, statistics: Option<&ActivationStatistics>) -> Value {
    json!({
        "component_name": group.name,
        "avg_energy_j": group.j_per_instance,
        "avg_duration_ms": avg_ms(group),
        "avg_energy_mj": group.j_per_instance.map(mj),
        "avg_power_mw": group.avg_w.map(mj),
        "avg_activation_mean": statistics.and_then(|of| of.mean_abs),
        "avg_activation_std": statistics.and_then(|of| of.std),
        "avg_activation_max": statistics.and_then(|of| of.max_abs),
        "avg_activation_sparsity": statistics.and_then(|of| of.sparsity),
        "occurrence_count": group.instances,
    })
}

fn avg_ms(group: &NodeGroup) -> Option<f64> {
    let count = group.instances.filter(|count| *count > 0)?;
    Some(group.busy_ns as f64 / 1e6 / count as f64)
}

/// Returns the number in a label such as `layer 3`.
pub(in crate::serve) fn layer_index(label: &str) -> Option<i64> {
    label.rsplit(' ').next()?.parse().ok()
}
