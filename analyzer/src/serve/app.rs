//! All routes, and the layers around them.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::problem::Problem;
use super::state::App;
use super::{api, assets, guard};

/// Largest body of a request in bytes.
const LARGEST_BODY: usize = 1 << 20;
/// Longest time until a response begins. Generation that a client waits for has no limit.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Head of the description of the interface.
#[derive(OpenApi)]
#[openapi(info(
    title = "energy",
    description = "Energies of recorded runs, and runs that are being recorded. Keys contain \
                   units; unknown values are null."
))]
struct ApiDocument;

/// Creates the router of a server.
pub(super) fn app(state: App) -> Router {
    let (routes, document) = OpenApiRouter::with_openapi(ApiDocument::openapi())
        .merge(api::routes())
        .split_for_parts();
    routes
        .merge(api::description(&document))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            TIMEOUT,
        ))
        .merge(assets::routes())
        .fallback(absent)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(
            App::clone(&state),
            guard::check,
        ))
        .with_state(state)
}

async fn not_allowed(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    let text = format!("{} does not accept {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, text)
        .with_remedy("see the header Allow for the methods of this path")
}

async fn absent(uri: axum::http::Uri) -> Problem {
    Problem::absent(format!("{} does not exist", uri.path()))
        .with_remedy("see /api/openapi.json for the paths of the interface")
}
