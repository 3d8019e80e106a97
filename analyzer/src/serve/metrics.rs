//! Metrics for Prometheus.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use energy_telemetry::prometheus::{CONTENT_TYPE, encode};
use energy_telemetry::rows::KnownTotals;
use energy_telemetry::totals::{MAX_KINDS, RunTotals};

use super::problem::Problem;
use super::state::App;
use crate::error::Result;
use crate::query::Recording;

/// Number of runs with metrics.
const RUNS: usize = 16;

/// Totals of ended runs, which later scrapes use again.
pub(super) type KeptTotals = Arc<Mutex<KnownTotals>>;

/// Returns the route of the metrics.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/metrics", get(scrape))
}

/// Returns the metrics of the newest runs. Without a file there are none.
async fn scrape(State(app): State<App>) -> std::result::Result<Response, Problem> {
    let kept = Arc::clone(&app.totals);
    let read = move |recording: &Recording| totals(recording, &kept);
    let totals = match app.readers.read(read).await {
        Err(problem) if problem.status() == 404 => Vec::new(),
        other => other?,
    };
    let text = encode(totals).map_err(|_| Problem::unexpected())?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

fn totals(recording: &Recording, kept: &KeptTotals) -> Result<Vec<RunTotals>> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.read(recording, RUNS, MAX_KINDS)
}
