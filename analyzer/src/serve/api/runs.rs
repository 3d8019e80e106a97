//! The list of runs.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Query;
use crate::query::{self, RunFilter, RunOrder};
use crate::serve::problem::Problem;
use crate::serve::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListParameters {
    /// Number of runs to return, 1 to 1000
    limit: Option<usize>,
    /// Number of runs to skip
    offset: Option<usize>,
}

/// Lists runs, newest first.
#[utoipa::path(get, path = "/api/profiling/runs", params(ListParameters),
    responses((status = 200, description = "A page of runs")))]
async fn list(
    State(app): State<App>,
    Query(parameters): Query<ListParameters>,
) -> Result<Json<Value>, Problem> {
    let (limit, offset) = (
        parameters.limit.unwrap_or(100),
        parameters.offset.unwrap_or(0),
    );
    let page = app
        .readers
        .read(move |recording| {
            let cut = (offset, Some(limit));
            query::run_page(recording, &RunFilter::default(), RunOrder::default(), cut)
        })
        .await?;
    Ok(Json(json!({
        "total": page.matching, "limit": limit, "offset": offset,
        "runs": page.runs.len(),
    })))
}
