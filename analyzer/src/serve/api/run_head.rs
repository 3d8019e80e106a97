//! The row of one run, without anything that has to be computed from its spans.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer;
use super::responses::{RunPath, RunProblems};
use super::run_object::run_object;
use super::scope_query::WholeQuery;
use crate::serve::extract::{Path, Query};
use crate::serve::problem::Problem;
use crate::serve::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_run_head))
}

/// Returns a run as the list of runs shows it, with its complete texts. It is fast for a run of
/// any size, so that a page can show its key figures at once.
#[utoipa::path(get, path = "/api/profiling/run/{id}/head", tag = "run",
    params(RunPath, WholeQuery),
    responses((status = 200, description = "The run", body = Object), RunProblems))]
async fn read_run_head(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<WholeQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let request = query.request(path, "head", &headers);
    answer::json(&app, request, |recording, run| {
        let object = run_object(recording, &run)?;
        Ok(json!({ "run_id": run.row.uuid, "run": object }))
    })
    .await
}
