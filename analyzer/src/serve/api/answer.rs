//! Answers about one run: from the cache, or computed on a connection.
//!
//! ```text
//! id -> run -> state -> ETag sent by the client?  304
//!                    -> kept?                     its bytes
//!                    -> compute, keep if the run has ended
//! ```

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::query::{self, Recording, Run};
use crate::serve::cache::KeptAnswer;
use crate::serve::etag::{entity_tag, is_known};
use crate::serve::memory;
use crate::serve::problem::Problem;
use crate::serve::state::App;

/// Size of answers after which memory is returned to the system, in bytes.
const LARGE: usize = 256 << 10;
/// Media type of JSON.
pub(super) const JSON: &str = "application/json";

/// A request for an answer about one run.
#[derive(Debug, Clone)]
pub(super) struct RunRequest {
    /// Selector of the run.
    pub(super) id: String,
    /// The attribution, if not the newest.
    pub(super) attribution: Option<i64>,
    /// What is requested, with all other parameters.
    pub(super) what: String,
    /// Values of `If-None-Match`.
    known: Vec<HeaderValue>,
}

impl RunRequest {
    /// Creates a request.
    pub(super) fn new(
        id: String,
        attribution: Option<i64>,
        what: impl Into<String>,
        headers: &HeaderMap,
    ) -> Self {
        Self {
            id,
            attribution,
            what: what.into(),
            known: headers
                .get_all(header::IF_NONE_MATCH)
                .iter()
                .cloned()
                .collect(),
        }
    }

    /// Finds the run.
    ///
    /// # Errors
    /// If there is no such run or attribution, or the selector matches several.
    pub(super) fn run(&self, recording: &Recording) -> Result<Run> {
        find_run(recording, &self.id, self.attribution)
    }
}

/// Finds a run by a selector, with this attribution or the newest.
///
/// # Errors
/// If there is no such run or attribution, or the selector matches several.
pub(super) fn find_run(
    recording: &Recording,
    selector: &str,
    attribution: Option<i64>,
) -> Result<Run> {
    let run = recording.run(selector)?;
    match attribution {
        Some(id) => recording.shown_by(run, id),
        None => Ok(run),
    }
}

/// What a request found.
enum FoundAnswer {
    Unchanged { tag: String },
    Answer { tag: Option<String>, bytes: Bytes },
}

/// Answers with JSON that `compute` returns.
pub(super) async fn json(
    app: &App,
    request: RunRequest,
    compute: impl FnOnce(&Recording, Run) -> Result<Value> + Send + 'static,
) -> std::result::Result<Response, Problem> {
    bytes(app, request, JSON, |recording, run| {
        to_bytes(&compute(recording, run)?)
    })
    .await
}

/// Answers with the bytes that `compute` returns.
pub(super) async fn bytes(
    app: &App,
    request: RunRequest,
    media: &'static str,
    compute: impl FnOnce(&Recording, Run) -> Result<Vec<u8>> + Send + 'static,
) -> std::result::Result<Response, Problem> {
    let make = |recording: &Recording, run| Ok(KeptAnswer::body(compute(recording, run)?));
    kept(app, request, media, make, |answer| answer.bytes.clone()).await
}

/// Answers with a part of what `compute` returns and the cache keeps.
pub(super) async fn kept(
    app: &App,
    request: RunRequest,
    media: &'static str,
    compute: impl FnOnce(&Recording, Run) -> Result<KeptAnswer> + Send + 'static,
    part: impl FnOnce(&KeptAnswer) -> Bytes + Send + 'static,
) -> std::result::Result<Response, Problem> {
    let shared = App::clone(app);
    let read = move |recording: &Recording| -> Result<FoundAnswer> {
        let run = request.run(recording)?;
        let Some(state) = query::run_state(recording, &run)? else {
            let bytes = part(&compute(recording, run)?);
            return Ok(FoundAnswer::Answer { tag: None, bytes });
        };
        let key = format!("{state} {}", request.what);
        let tag = entity_tag(key.as_bytes());
        if is_known(&request.known, tag.as_bytes()) {
            return Ok(FoundAnswer::Unchanged { tag });
        }
        let answer = shared.cache.get_or_compute(key, || {
            let answer = compute(recording, run)?;
            if answer.size() > LARGE {
                memory::release();
            }
            Ok::<_, Error>(answer)
        })?;
        Ok(FoundAnswer::Answer {
            tag: Some(tag),
            bytes: part(&answer),
        })
    };
    Ok(respond(app.readers.read(read).await?, media))
}

fn respond(found: FoundAnswer, media: &'static str) -> Response {
    let (mut response, tag) = match found {
        FoundAnswer::Unchanged { tag } => (StatusCode::NOT_MODIFIED.into_response(), Some(tag)),
        FoundAnswer::Answer { tag, bytes } => {
            let media = HeaderValue::from_static(media);
            let mut response = Response::new(Body::from(bytes));
            response.headers_mut().insert(header::CONTENT_TYPE, media);
            (response, tag)
        }
    };
    let headers = response.headers_mut();
    let revalidate = HeaderValue::from_static("private, no-cache");
    headers.insert(header::CACHE_CONTROL, revalidate);
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Serializes a value; numbers that JSON cannot express become null.
///
/// # Errors
/// If it cannot be serialized.
pub(super) fn to_bytes(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::Io(error.into()))
}
