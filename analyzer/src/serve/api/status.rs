//! State of the server.

use axum::Json;
use axum::extract::State;
use energy_data::{Provenance, ProvenanceSet};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Result;
use crate::query::{self, Recording, RunFilter, RunOrder};
use crate::serve::problem::Problem;
use crate::serve::state::App;

/// Largest number of runs that are listed as being recorded.
const RECORDING: usize = 100;
/// Number of newest runs in which a provenance is searched.
const NEWEST: usize = 5;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_status))
}

/// Returns the state of the server: its version, its file, the runs that are being recorded, and
/// those that it generates.
#[utoipa::path(get, path = "/api/profiling/status", tag = "machine",
    responses((status = 200, description = "The state", body = Object)))]
async fn read_status(State(app): State<App>) -> std::result::Result<Json<Value>, Problem> {
    let path = app.readers.path().to_owned();
    let (count, recording, of_last) = match app.readers.read(runs).await {
        // Nothing was recorded yet: there is no file.
        Err(problem) if problem.status() == 404 => (0, Vec::new(), None),
        other => other?,
    };
    let examined = app.sources.last().map(|kept| kept.provenance());
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
        "provenance": examined.unwrap_or(of_last),
        "may_delete": app.options.may_delete(),
    })))
}

/// Returns the number of runs, the ids of those that are being recorded, and the provenance of the
/// newest run that was not imported or replayed.
fn runs(recording: &Recording) -> Result<(usize, Vec<String>, Option<&'static str>)> {
    let filter = RunFilter {
        status: Some("running".to_owned()),
        ..RunFilter::default()
    };
    let cut = (0, Some(RECORDING));
    let page = query::run_page(recording, &filter, RunOrder::default(), cut)?;
    let ids = page.runs.into_iter().map(|run| run.id).collect();
    let newest = query::run_page(
        recording,
        &RunFilter::default(),
        RunOrder::default(),
        (0, Some(NEWEST)),
    )?;
    let provenance = newest.runs.iter().find_map(|run| {
        let all = run.provenance?;
        let is_only = |one: Provenance| all == ProvenanceSet::from(one);
        [Provenance::Measured, Provenance::Modelled]
            .into_iter()
            .find(|one| is_only(*one))
            .map(Provenance::name)
    });
    Ok((page.all, ids, provenance))
}
