//! Views of a run that are sent as the commands of the same names write them.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{self, JSON, RunRequest};
use super::choice::{choice, given};
use super::responses::{RunPath, RunProblems};
use super::rows::{PageRange, keep_rows, page};
use super::run_object::{extend, mj};
use super::scope_query::{ScopeQuery, scope};
use super::summary::layer_index;
use crate::ops::{OperationList, OpsOptions};
use crate::query::Run;
use crate::serve::extract::{Path, Query};
use crate::serve::problem::Problem;
use crate::serve::state::App;
use crate::views::{self, BalanceOptions, HotOptions, SampleOptions};

/// Number of samples on a page, and the largest number.
const SAMPLES: (usize, usize) = (10_000, 100_000);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_layers))
        .routes(routes!(read_balance))
        .routes(routes!(list_hot_paths))
        .routes(routes!(list_operations))
        .routes(routes!(list_samples))
}

/// Lists the layers of a run in the order of the model, with the energies of their components.
#[utoipa::path(get, path = "/api/profiling/run/{id}/layers", tag = "run",
    params(RunPath, ScopeQuery),
    responses((status = 200, description = "The layers", body = Object), RunProblems))]
async fn list_layers(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<ScopeQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    query
        .answer(&app, path, "layers", &headers, |recording, run, scope| {
            let mut value = views::layers(recording, &run, &scope)?.into_value();
            let rows = value["layers"].as_array_mut();
            rows.into_iter().flatten().for_each(add_layer_keys);
            Ok(with_id(value, &run))
        })
        .await
}

/// Adds the keys of other profilers to a layer.
fn add_layer_keys(row: &mut Value) {
    let number = |key: &str| row[key].as_f64();
    let count = number("instances").filter(|count| *count > 0.0);
    let more = json!({
        "layer_index": row["layer"].as_str().and_then(layer_index),
        "avg_duration_ms": number("busy_ns").zip(count).map(|(ns, count)| ns / count / 1e6),
        "avg_energy_mj": number("j_per_instance").map(mj),
        "total_energy_mj": number("energy_j").map(mj),
        "avg_power_mw": number("avg_w").map(mj),
    });
    extend(row, more);
}

/// Parameters of the accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct BalanceQuery {
    /// Attribution to show [default: the newest]
    attribution: Option<i64>,
    /// Only this rail [default: all]
    rail: Option<String>,
}

/// Lists the accounts of each rail, and whether they sum to the measured energy.
#[utoipa::path(get, path = "/api/profiling/run/{id}/balance", tag = "run",
    params(RunPath, BalanceQuery),
    responses((status = 200, description = "The accounts", body = Object), RunProblems))]
async fn read_balance(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<BalanceQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let what = format!("balance {query:?}");
    let request = RunRequest::new(path.id, query.attribution, what, &headers);
    let options = BalanceOptions {
        rail: given(query.rail.as_ref()),
    };
    answer::json(&app, request, move |recording, run| {
        let value = views::balance(recording, &run, &options)?.into_value();
        Ok(with_id(value, &run))
    })
    .await
}

/// Parameters of the hottest call paths.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct HotQuery {
    /// Attribution to show [default: the newest]
    attribution: Option<i64>,
    /// Rail, or source and rail separated by `/` [default: the sum of root rails]
    rail: Option<String>,
    /// Phase [default: all]
    phase: Option<String>,
    /// Basis that a row has at least in part [default: all]
    basis: Option<String>,
    /// Number of call paths; 0 lists all
    #[param(default = 20)]
    limit: Option<usize>,
}

/// Lists the call paths with the highest self energy.
#[utoipa::path(get, path = "/api/profiling/run/{id}/hot", tag = "run",
    params(RunPath, HotQuery),
    responses((status = 200, description = "The call paths", body = Object), RunProblems))]
async fn list_hot_paths(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<HotQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let options = HotOptions {
        scope: scope(&query.rail, &query.phase, &query.basis)?,
        limit: query.limit.unwrap_or(HotOptions::default().limit),
    };
    let what = format!("hot {options:?}");
    let request = RunRequest::new(path.id, query.attribution, what, &headers);
    answer::json(&app, request, move |recording, run| {
        let value = views::hot(recording, &run, &options)?.into_value();
        Ok(with_id(value, &run))
    })
    .await
}

/// Parameters of the list of operations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct OpsQuery {
    /// Attribution to show [default: the newest]
    attribution: Option<i64>,
    /// Rail, or source and rail separated by `/` [default: the sum of root rails]
    rail: Option<String>,
    /// Phase [default: all]
    phase: Option<String>,
    /// Basis that a row has at least in part [default: all]
    basis: Option<String>,
    /// Level at which energies are summed: `kind`, `name` or `path` [default: kind]
    by: Option<String>,
    /// Show operations that cannot be distinguished as one
    groups: Option<bool>,
}

/// Lists the active energy of each operation.
#[utoipa::path(get, path = "/api/profiling/run/{id}/ops", tag = "run",
    params(RunPath, OpsQuery),
    responses((status = 200, description = "The operations", body = Object), RunProblems))]
async fn list_operations(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<OpsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let options = OpsOptions {
        scope: scope(&query.rail, &query.phase, &query.basis)?,
        by: choice(query.by.as_ref(), "level")?,
        groups: query.groups.unwrap_or(false),
        ..OpsOptions::default()
    };
    let what = format!("ops {options:?}");
    let request = RunRequest::new(path.id, query.attribution, what, &headers);
    answer::json(&app, request, move |recording, run| {
        let list = OperationList::read(recording, run.clone(), &options)?;
        Ok(with_id(list.value(), &run))
    })
    .await
}

/// Parameters of the list of power samples.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PowerQuery {
    /// Only this rail [default: the root rails]
    rail: Option<String>,
    /// Only samples of this phase [default: all]
    phase: Option<String>,
    /// Number of samples to skip
    #[param(default = 0)]
    offset: Option<usize>,
    /// Number of samples to return
    #[param(minimum = 1, maximum = 100_000, default = 10_000)]
    limit: Option<usize>,
}

/// Lists the power samples of a run by rail and time, and the mean and peak power of each rail.
#[utoipa::path(get, path = "/api/profiling/run/{id}/power", tag = "run",
    params(RunPath, PowerQuery),
    responses((status = 200, description = "A page of samples", body = Object), RunProblems))]
async fn list_samples(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<PowerQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let range = PageRange::new(query.offset, query.limit, SAMPLES)?;
    let options = SampleOptions {
        rail: given(query.rail.as_ref()),
        phase: given(query.phase.as_ref()),
    };
    let request = RunRequest::new(path.id, None, format!("power {options:?}"), &headers);
    let read = move |recording: &_, run: Run| {
        let mut value = views::power(recording, &run, &options)?.into_value();
        let samples = value["samples"].as_array_mut();
        samples.into_iter().flatten().for_each(add_sample_keys);
        keep_rows(with_id(value, &run), "samples")
    };
    let part = move |kept: &_| page(kept, "samples", range);
    answer::kept(&app, request, JSON, read, part).await
}

/// Adds the keys of other profilers to a sample.
pub(super) fn add_sample_keys(row: &mut Value) {
    let number = |key: &str| row[key].as_f64();
    let more = json!({
        "energy_mj": number("energy_j").map(mj),
        "power_mw": number("power_w").map(mj),
    });
    extend(row, more);
}

fn with_id(mut value: Value, run: &Run) -> Value {
    extend(&mut value, json!({ "run_id": run.row.uuid }));
    value
}
