//! The description of the interface.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use utoipa::openapi::OpenApi;

use crate::serve::state::App;

/// Returns the route of the description.
pub(in crate::serve) fn description(document: &OpenApi) -> Router<App> {
    let text = document.to_json().unwrap_or_default();
    let respond = move || async move { ([(header::CONTENT_TYPE, "application/json")], text) };
    Router::new().route("/api/openapi.json", get(respond))
}
