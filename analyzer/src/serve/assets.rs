//! Page, scripts and styles of the dashboard, embedded in the program.

use axum::Router;
use axum::response::Html;
use axum::routing::get;

use super::state::App;

/// Returns the routes of the page and its files.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/", get(page))
}

async fn page() -> Html<&'static str> {
    Html(include_str!("assets/index.html"))
}
