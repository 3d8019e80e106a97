//! Decides which requests are served.
//!
//! ```text
//! request --> host, origin --> token --> kind and size of the body --> handler
//!               403           401, 429          415, 413
//! ```
//!
//! A page of another site can send requests to this server from a visitor's browser. Checks of
//! `Host` refuse names that such a site makes refer to this address (DNS rebinding), checks of
//! `Origin` refuse requests of other pages, and the required kind of bodies makes browsers send an
//! `Origin`. Other users of the machine are refused by the token only.

pub(super) mod access;
mod attempts;
mod host;
mod page;
mod token;

pub(super) use access::Access;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::state::App;
use access::Admission;

/// Largest body of a request in bytes.
pub(super) const LARGEST_BODY: usize = 1 << 20;

/// Checks a request and passes it on.
pub(super) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    match admit(&app.access, &request) {
        Ok(Admission::Granted) => next.run(request).await,
        Ok(Admission::LoggedIn(response)) => response,
        Err(problem) if page::shows_pages(request.headers()) => refused(page::page(problem)),
        Err(problem) => refused(problem.into_response()),
    }
}

/// Ends the connection with the answer: clients that are refused must not hold the places of others.
fn refused(mut response: Response) -> Response {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

fn admit(access: &Access, request: &Request) -> Result<Admission, Problem> {
    let headers = request.headers();
    let named = only(headers, header::HOST)?;
    let authority = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    // HTTP/1.0 has no required Host; nobody sends it from a browser.
    let host = named.or(authority).unwrap_or_default();
    if named.is_some() && authority.is_some_and(|authority| Some(authority) != named) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "the Host header differs from the requested address",
        ));
    }
    if host.is_empty() && request.version() == Version::HTTP_11 {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "no Host header"));
    }
    access.check_host(host)?;
    if let Some(origin) = only(headers, header::ORIGIN)? {
        access.check_origin(origin, host)?;
    }
    let admission = access.check_token(client(request), request)?;
    check_body(request.method(), headers)?;
    Ok(admission)
}

/// Returns the value of a header that may occur once.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(&name).iter();
    let first = values.next();
    if values.next().is_some() {
        let text = format!("the header {name} occurs more than once");
        return Err(Problem::new(StatusCode::BAD_REQUEST, text));
    }
    let text = first.map(|value| value.to_str()).transpose();
    text.map_err(|_| {
        let text = format!("the header {name} is not text");
        Problem::new(StatusCode::BAD_REQUEST, text)
    })
}

/// Returns the address of the client.
fn client(request: &Request) -> IpAddr {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map_or(IpAddr::from(Ipv4Addr::UNSPECIFIED), |info| {
        info.0.ip().to_canonical()
    })
}

/// Refuses bodies that a form of another site can send, and large ones.
fn check_body(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let has_body =
        length.is_some_and(|bytes| bytes > 0) || headers.contains_key(header::TRANSFER_ENCODING);
    if !has_body || *method == Method::GET || *method == Method::HEAD {
        return Ok(());
    }
    if length.is_some_and(|bytes| bytes > LARGEST_BODY as u64) {
        let text = format!("the body is larger than {LARGEST_BODY} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body is not application/json",
        )
        .with_remedy("send JSON with the header Content-Type: application/json"));
    }
    Ok(())
}
