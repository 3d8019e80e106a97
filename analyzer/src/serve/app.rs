//! All routes, and the layers around them.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::problem::Problem;
use super::state::App;
use super::{api, assets, bodies, generate, guard, headers, live, metrics};

/// Longest time until a response begins. It is above the sum of the limits of `readers`, which answer
/// with a problem. Generation that a client waits for has no limit.
const TIMEOUT: Duration = Duration::from_secs(180);

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
        .merge(api::routes().layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            TIMEOUT,
        )))
        .merge(generate::routes())
        .merge(live::routes())
        .layer(middleware::from_fn_with_state(
            App::clone(&state),
            generate::explain,
        ))
        .split_for_parts();
    let routes = routes
        .merge(api::description(&document))
        .merge(assets::routes())
        .merge(metrics::routes());
    guarded(routes, state)
}

/// Creates the router of a server for Prometheus only.
pub(super) fn metrics_app(state: App) -> Router {
    guarded(metrics::routes(), state)
}

/// Adds the layers around all routes.
fn guarded(routes: Router<App>, state: App) -> Router {
    routes
        .fallback(absent)
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn_with_state(
            bodies::BODY,
            bodies::receive,
        ))
        .layer(DefaultBodyLimit::max(guard::LARGEST_BODY))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(
            App::clone(&state),
            guard::check,
        ))
        .layer(middleware::from_fn(headers::restrict))
        .with_state(state)
}

async fn not_allowed(method: Method, uri: Uri) -> Problem {
    let text = format!("{} does not support {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, text)
        .with_remedy("see /api/openapi.json for the methods of each path")
}

/// Answers a request after its handler has panicked.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::unexpected().into_response()
}

async fn absent(uri: Uri) -> Problem {
    Problem::absent(format!("{} does not exist", uri.path()))
        .with_remedy("see /api/openapi.json for the paths of the interface")
}
