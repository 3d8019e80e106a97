//! Prompt, response and texts of tokens.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer;
use super::responses::{RunPath, RunProblems};
use super::scope_query::WholeQuery;
use crate::error::Result;
use crate::query::{self, Recording, Run};
use crate::serve::extract::{Path, Query};
use crate::serve::problem::Problem;
use crate::serve::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_text))
}

/// Returns the prompt, the response and the texts of the tokens; null if they were not stored.
#[utoipa::path(get, path = "/api/profiling/run/{id}/text", tag = "run",
    params(RunPath, WholeQuery),
    responses((status = 200, description = "The texts", body = Object), RunProblems))]
async fn read_text(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<WholeQuery>,
    headers: HeaderMap,
) -> std::result::Result<Response, Problem> {
    let request = query.request(path, "text", &headers);
    answer::json(&app, request, texts).await
}

fn texts(recording: &Recording, run: Run) -> Result<Value> {
    let texts = query::token_texts(recording, &run)?;
    let token = |(at, token): (usize, &query::TokenText)| {
        json!({
            "index": at,
            "token": token.token,
            "text": token.text,
            "start_ns": token.start_ns,
        })
    };
    Ok(json!({
        "run_id": run.row.uuid,
        "prompt": run.row.metadata.prompt,
        "response": run.row.metadata.response,
        "tokens": texts.iter().enumerate().map(token).collect::<Vec<_>>(),
    }))
}
