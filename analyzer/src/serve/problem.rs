//! Errors of the interface, as problem details (RFC 9457).

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use energy_store::Error as StoreError;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorClass};

/// An error of a request: `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub(super) struct Problem {
    /// Kind of the problem: `about:blank`, because the status is sufficient.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Status code of the response.
    status: u16,
    /// Name of the status.
    title: &'static str,
    /// What failed, on what, and why.
    detail: String,
    /// Next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// Further members. A box, because results of most functions contain a problem.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    members: Box<Map<String, Value>>,
    /// Headers of the response.
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether the file contains no such run.
    #[serde(skip)]
    is_no_run: bool,
}

/// Marks responses about a run that the file does not contain.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoRun;

impl Problem {
    /// Creates a problem.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("Error"),
            detail: detail.into(),
            remedy: None,
            members: Box::default(),
            headers: Vec::new(),
            is_no_run: false,
        }
    }

    /// Creates a problem for something that does not exist: 404.
    pub(super) fn absent(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Creates a problem for a request that cannot be understood: 422.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// Creates a problem for a request that failed by an error of this program: 500.
    pub(super) fn unexpected() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the request failed unexpectedly",
        )
    }

    /// Adds the next step.
    pub(super) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds a member: `oldest_seq`.
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.members.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a header: `Retry-After`.
    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Returns the status code.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// Returns the next step.
    pub(super) fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }

    /// Returns what failed.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if let Some(remedy) = remedy_of_file(&error) {
            // The same request succeeds once the file is a recording.
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
                .with_remedy(remedy);
        }
        let status = match (&error, error.class()) {
            (Error::BeingRecorded { .. }, _) => StatusCode::CONFLICT,
            (Error::Timeout(_), _) => StatusCode::SERVICE_UNAVAILABLE,
            (Error::Store(StoreError::UnreadableRun { .. }), _) => StatusCode::UNPROCESSABLE_ENTITY,
            (Error::Query(value), _) if energy_store::is_bad_value(value) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            (_, ErrorClass::Absent) => StatusCode::NOT_FOUND,
            (_, ErrorClass::Invalid) => StatusCode::UNPROCESSABLE_ENTITY,
            (Error::Compare(_), ErrorClass::Refused) => StatusCode::UNPROCESSABLE_ENTITY,
            (_, ErrorClass::Refused) => StatusCode::FORBIDDEN,
            (_, ErrorClass::Busy) => StatusCode::SERVICE_UNAVAILABLE,
            (_, ErrorClass::Broken) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let is_no_run = matches!(
            &error,
            Error::Store(StoreError::NoRun { .. }) | Error::NoRecording(_)
        );
        let problem = Self {
            is_no_run,
            ..Self::new(status, error.to_string())
        };
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                problem.with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
            }
            _ => problem,
        }
    }
}

/// Returns the next step if the file is no recording, or is damaged.
fn remedy_of_file(error: &Error) -> Option<&'static str> {
    matches!(error, Error::Store(StoreError::Unreadable { .. })).then_some(
        "put a recording at the path of the database: the next request reads it. Or start `energy \
         serve` with --db FILE",
    )
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let status = StatusCode::from_u16(self.status);
        let headers = std::mem::take(&mut self.headers);
        let is_no_run = self.is_no_run;
        let mut response = (
            status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            Json(self),
        )
            .into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response.headers_mut().extend(headers);
        if is_no_run {
            response.extensions_mut().insert(NoRun);
        }
        response
    }
}
