//! State of the server.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Result;
use crate::query::{self, Recording, RunFilter, RunOrder};
use crate::serve::problem::Problem;
use crate::serve::state::App;

/// Largest number of runs that are listed as being recorded.
const RECORDING: usize = 100;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_status))
}

/// Returns the state of the server: its version, its file, the runs that are being recorded, and
/// those that it generates.
#[utoipa::path(get, path = "/api/profiling/status", tag = "machine",
    responses((status = 200, description = "The state", body = Object)))]
async fn read_status(State(app): State<App>) -> std::result::Result<Json<Value>, Problem> {
    let path = app.readers.path().to_owned();
    let (count, recording) = match app.readers.read(runs).await {
        // Nothing was recorded yet: there is no file.
        Err(problem) if problem.status() == 404 => (0, Vec::new()),
        other => other?,
    };
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "epoch": app.feed.epoch(),
        "database": name,
        "runs": count,
        "recording": recording,
        "generating": app.generator.running(),
        "queued": app.generator.queued(),
        "provenance": app.sources.last().and_then(|kept| kept.provenance()),
        "may_delete": app.options.may_delete(),
    })))
}

/// Returns the number of runs, and the ids of those that are being recorded.
fn runs(recording: &Recording) -> Result<(usize, Vec<String>)> {
    let filter = RunFilter {
        status: Some("running".to_owned()),
        ..RunFilter::default()
    };
    let cut = (0, Some(RECORDING));
    let page = query::run_page(recording, &filter, RunOrder::default(), cut)?;
    let ids = page.runs.into_iter().map(|run| run.id);
    Ok((page.all, ids.collect()))
}
