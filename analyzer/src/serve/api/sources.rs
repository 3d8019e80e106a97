//! Power sources of this machine.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::doctor::SourceState;
use crate::serve::problem::Problem;
use crate::serve::sources::KeptSources;
use crate::serve::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_sources))
        .routes(routes!(read_powermetrics))
}

/// Lists the power sources of this machine, as `energy doctor` does. The answer is kept for a
/// minute.
#[utoipa::path(get, path = "/api/profiling/sources", tag = "machine",
    responses((status = 200, description = "The sources", body = Object)))]
async fn list_sources(State(app): State<App>) -> Result<Json<Value>, Problem> {
    Ok(Json(app.sources.get().await?.answer.clone()))
}

/// Returns whether power can be measured by the program `powermetrics`, or by another source.
#[utoipa::path(get, path = "/api/profiling/powermetrics/status", tag = "machine",
    responses((status = 200, description = "The status", body = Object)))]
async fn read_powermetrics(State(app): State<App>) -> Result<Json<Value>, Problem> {
    Ok(Json(status(&*app.sources.get().await?)))
}

fn status(kept: &KeptSources) -> Value {
    let found = kept.examined.sources.iter();
    let powermetrics = found.clone().find(|(name, _)| *name == "powermetrics");
    let (state, detail, remedy) = match powermetrics.map(|(_, state)| state) {
        Some(SourceState::Usable(..)) => ("usable", None, None),
        Some(SourceState::Locked { what, fix }) => ("locked", Some(what), Some(fix)),
        Some(SourceState::Absent(what)) => ("absent", Some(what), None),
        Some(SourceState::Failing(what)) => ("failing", Some(what), None),
        None => ("absent", None, None),
    };
    json!({
        "available": state == "usable",
        "state": state,
        "detail": detail,
        "remedy": remedy,
        "can_measure": kept.examined.has_measured(),
        "provenance": kept.provenance(),
        "chosen": kept.examined.chosen,
    })
}
