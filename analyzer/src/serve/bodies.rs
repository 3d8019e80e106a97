//! Receives the bodies of requests before their handlers begin.
//!
//! A handler that waited for a slow client would hold whatever it has acquired, and generation has no
//! limit of time.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Time in which the body of a request must arrive.
pub(super) const BODY: Duration = Duration::from_secs(30);

/// Receives the body within `limit` and passes the request on.
pub(super) async fn receive(
    State(limit): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    // A request that becomes a WebSocket has no body, but an upgrade that must stay with it.
    if [Method::GET, Method::HEAD].contains(request.method()) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let mut waiting = Request::new(body);
    // They contain the limit of size.
    *waiting.extensions_mut() = parts.extensions.clone();
    match tokio::time::timeout(limit, Bytes::from_request(waiting, &())).await {
        Ok(Ok(bytes)) => {
            parts.headers.remove(header::TRANSFER_ENCODING);
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Ok(Err(rejection)) => Problem::from(rejection).into_response(),
        Err(_) => too_slow(limit).into_response(),
    }
}

fn too_slow(limit: Duration) -> Problem {
    let text = format!("the body did not arrive within {} s", limit.as_secs_f64());
    Problem::new(StatusCode::REQUEST_TIMEOUT, text)
        .with_remedy("send the complete body with the request")
        .with_header(header::CONNECTION, HeaderValue::from_static("close"))
}
