//! Metrics for Prometheus.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use energy_telemetry::prometheus::{CONTENT_TYPE, encode};

use super::problem::Problem;
use super::state::App;

/// Returns the route of the metrics.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/metrics", get(scrape))
}

/// Returns the metrics of the newest runs. Without a file there are none.
async fn scrape(State(app): State<App>) -> Result<Response, Problem> {
    let totals = app.totals.clone();
    let read = app.readers.read(move |recording| totals.read(recording));
    let totals = match read.await {
        Err(problem) if problem.status() == 404 => Vec::new(),
        other => other?,
    };
    let text = encode(totals).map_err(|_| Problem::unexpected())?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}
