//! A page for browsers that have no token.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::serve::problem::Problem;

/// Policy of the page: it consists of text only.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Returns whether the client is a browser that shows a page.
pub(super) fn shows_pages(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    accepted.any(|value| value.to_str().is_ok_and(|text| text.contains("text/html")))
}

/// Returns the problem as a page if a token would solve it.
pub(super) fn page(problem: Problem) -> Response {
    let statuses = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
    if !statuses.iter().any(|one| one.as_u16() == problem.status()) {
        return problem.into_response();
    }
    let body = text(problem.detail());
    let mut response = problem.into_response();
    *response.body_mut() = Body::from(body);
    let headers = response.headers_mut();
    let values = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    for (name, value) in values {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.remove(header::CONTENT_LENGTH);
    response
}

fn text(detail: &str) -> String {
    let detail = detail
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        "<!doctype html>\n\
         <html lang=\"en\"><meta charset=\"utf-8\"><title>energy: token required</title>\n\
         <h1>A token is required</h1>\n\
         <p>Not shown: {detail}.</p>\n\
         <p>Add <code>?token=TOKEN</code> to the address of the dashboard, with the token in place \
         of <code>TOKEN</code>. The browser keeps it in a cookie, and the address loses it.</p>\n\
         <p>The token is the text in the file of <code>--token-file</code>, the value of \
         <code>--token</code>, or that of the variable <code>ENERGY_TOKEN</code> with which \
         <code>energy serve</code> was started.</p>\n\
         </html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_token_is_a_page() {
        let of = |status: StatusCode| page(Problem::new(status, "a <b>"));
        let shown = of(StatusCode::UNAUTHORIZED);
        assert_eq!(shown.status(), StatusCode::UNAUTHORIZED);
        let headers = shown.headers();
        assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(text("a <b>").contains("a &lt;b&gt;"));
        let other = of(StatusCode::FORBIDDEN);
        let kind = &other.headers()[header::CONTENT_TYPE];
        assert_eq!(kind, "application/problem+json");
    }

    #[test]
    fn scripts_receive_problems() {
        let accepting = |value: &'static str| {
            HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(value))])
        };
        assert!(shows_pages(&accepting("text/html,application/xml;q=0.9")));
        for value in ["*/*", "application/json", "text/event-stream"] {
            assert!(!shows_pages(&accepting(value)), "{value}");
        }
        assert!(!shows_pages(&HeaderMap::new()));
    }
}
