//! The list of runs.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::responses::InvalidProblems;
use super::run_object::run_objects;
use super::runs_query::RunsQuery;
use crate::query;
use crate::serve::extract::Query;
use crate::serve::problem::Problem;
use crate::serve::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_runs))
}

/// Lists runs, newest first unless sorted otherwise. `total` is the number of matching runs on all
/// pages.
#[utoipa::path(get, path = "/api/profiling/runs", tag = "runs", params(RunsQuery),
    responses((status = 200, description = "A page of runs", body = Object), InvalidProblems))]
async fn list_runs(
    State(app): State<App>,
    Query(parameters): Query<RunsQuery>,
) -> Result<Json<Value>, Problem> {
    let list = parameters.parse()?;
    let (offset, limit) = (list.page.offset, list.page.limit);
    let page = app.readers.read(move |recording| {
        let page = query::run_page(recording, &list.filter, list.order, (offset, Some(limit)))?;
        Ok((run_objects(recording, &page.runs)?, page.matching))
    });
    let (runs, total) = match page.await {
        // Nothing was recorded yet: there is no file.
        Err(problem) if problem.status() == 404 => (Vec::new(), 0),
        other => other?,
    };
    Ok(Json(json!({
        "runs": runs, "total": total, "limit": limit, "offset": offset,
    })))
}
