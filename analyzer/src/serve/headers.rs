//! Headers of every response, which restrict what browsers do with it.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Policy of the dashboard: scripts, styles and data of this server only, nothing inline.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Policy of documents with scripts of their own (SVG flamegraphs, HTML reports). They have no
/// origin, so their scripts can neither load anything nor use the interface.
const DOCUMENT_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; \
                               style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                               form-action 'none'; frame-ancestors 'none'; \
                               sandbox allow-scripts allow-downloads allow-modals";

const RESTRICTIONS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Adds the headers. Those that a handler has set remain.
pub(super) async fn restrict(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in RESTRICTIONS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let defaults = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in defaults {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Isolates a document with scripts of its own: an SVG flamegraph, an HTML report.
pub(super) fn isolated(mut response: Response) -> Response {
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(DOCUMENT_POLICY),
    );
    response
}
