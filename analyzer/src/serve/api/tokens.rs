//! Tokens of a run, and the operations of one token.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{self, JSON, RunRequest};
use super::responses::{RunPath, RunProblems};
use super::rows::{PageRange, keep_rows, page};
use super::run_object::{extend, mj};
use super::scope_query::scope;
use crate::charts::token_operations;
use crate::error::Result;
use crate::query::{Recording, Run};
use crate::serve::extract::{Path, Query};
use crate::serve::problem::Problem;
use crate::serve::state::App;
use crate::views::{self, TokensOptions};

/// Number of tokens on a page, and the largest number.
const LIMITS: (usize, usize) = (1000, 10_000);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_tokens))
        .routes(routes!(list_token_operations))
}

/// Parameters of the list of tokens.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct TokensQuery {
    /// Attribution to show [default: the newest]
    attribution: Option<i64>,
    /// Rail, or source and rail separated by `/` [default: the sum of root rails]
    rail: Option<String>,
    /// Phase [default: all]
    phase: Option<String>,
    /// Basis that a row has at least in part [default: all]
    basis: Option<String>,
    /// Only list outliers
    outliers: Option<bool>,
    /// Number of tokens to skip
    #[param(default = 0)]
    offset: Option<usize>,
    /// Number of tokens to return
    #[param(minimum = 1, maximum = 10_000, default = 1000)]
    limit: Option<usize>,
}

/// Lists the tokens of a run in the order of time, with statistics of all of them.
#[utoipa::path(get, path = "/api/profiling/run/{id}/tokens", tag = "run",
    params(RunPath, TokensQuery),
    responses((status = 200, description = "A page of tokens", body = Object), RunProblems))]
async fn list_tokens(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<TokensQuery>,
    headers: HeaderMap,
) -> std::result::Result<Response, Problem> {
    let range = PageRange::new(query.offset, query.limit, LIMITS)?;
    let options = TokensOptions {
        scope: scope(&query.rail, &query.phase, &query.basis)?,
        outliers: query.outliers.unwrap_or(false),
        limit: 0,
    };
    let what = format!("tokens {options:?}");
    let request = RunRequest::new(path.id, query.attribution, what, &headers);
    let read = move |recording: &Recording, run: Run| {
        let mut value = views::tokens(recording, &run, &options)?.into_value();
        extend(&mut value, json!({ "run_id": run.row.uuid }));
        let rows = value["tokens"].as_array_mut();
        rows.into_iter()
            .flatten()
            .enumerate()
            .for_each(add_token_keys);
        keep_rows(value, "tokens")
    };
    let part = move |kept: &_| page(kept, "tokens", range);
    answer::kept(&app, request, JSON, read, part).await
}

/// Adds the keys of other profilers to a token.
pub(super) fn add_token_keys((at, row): (usize, &mut Value)) {
    let number = |key: &str| row[key].as_f64();
    let more = json!({
        "index": at,
        "token_index": row["token"],
        "token_text": row["text"],
        "duration_ms": number("duration_ns").map(|ns| ns / 1e6),
        "energy_mj": number("energy_j").map(mj),
        "avg_power_mw": number("avg_w").map(mj),
    });
    extend(row, more);
}

/// A token of a run.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct TokenPath {
    /// Id, unique prefix of an id, or name of a run, or `last`
    id: String,
    /// Index of the token in the order of time, from 0
    token: usize,
}

/// Parameters of the operations of a token.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct OperationsQuery {
    /// Attribution to show [default: the newest]
    attribution: Option<i64>,
    /// Only operations of this layer, such as `layer 3`
    layer: Option<String>,
    /// Only operations of this component, such as `attention`
    component: Option<String>,
}

/// Lists the operations of one token by layer and component, highest energy first.
#[utoipa::path(get, path = "/api/profiling/run/{id}/token/{token}/operations", tag = "run",
    params(TokenPath, OperationsQuery),
    responses((status = 200, description = "The operations", body = Object), RunProblems))]
async fn list_token_operations(
    State(app): State<App>,
    Path(path): Path<TokenPath>,
    Query(query): Query<OperationsQuery>,
    headers: HeaderMap,
) -> std::result::Result<Response, Problem> {
    let at = path.token;
    let what = format!("operations {at} {query:?}");
    let request = RunRequest::new(path.id, query.attribution, what, &headers);
    answer::json(&app, request, move |recording, run| {
        operations(recording, &run, at, &query)
    })
    .await
}

fn operations(
    recording: &Recording,
    run: &Run,
    at: usize,
    query: &OperationsQuery,
) -> Result<Value> {
    let mut operations = token_operations(recording, run, at)?;
    let is_wanted = |wanted: &Option<String>, name: &str| {
        let wanted = wanted.as_deref().filter(|wanted| !wanted.is_empty());
        wanted.is_none_or(|wanted| wanted == name)
    };
    operations.retain(|one| {
        is_wanted(&query.layer, &one.layer) && is_wanted(&query.component, &one.component)
    });
    let known: Option<f64> = operations.iter().map(|one| one.energy_j).sum();
    let object = |one: &crate::charts::TokenOperation| {
        let mut value = json!(one);
        let share = one.energy_j.zip(known.filter(|all| *all > 0.0));
        let more = json!({
            "share": share.map(|(own, all)| own / all),
            "duration_ms": one.duration_ns as f64 / 1e6,
            "energy_mj": one.energy_j.map(mj),
        });
        extend(&mut value, more);
        value
    };
    Ok(json!({
        "run_id": run.row.uuid,
        "token": at,
        "energy_j": known,
        "operations": operations.iter().map(object).collect::<Vec<_>>(),
    }))
}
