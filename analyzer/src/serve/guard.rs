//! Decides which requests are served.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::state::App;

/// Checks a request and passes it on.
pub(super) async fn check(State(_app): State<App>, request: Request, next: Next) -> Response {
    next.run(request).await
}
