//! Messages of one run over HTTP: a page of JSON, or an event stream.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::client::too_many;
use super::event_stream::EventStream;
use super::feed::Feed;
use super::filter::Filter;
use super::page::{Page, PageLimits};
use super::selected_run::run_id;
use crate::serve::extract::{Path, Query};
use crate::serve::problem::Problem;
use crate::serve::state::App;

/// Number of messages in a page unless the request states it.
const PAGE: usize = 1000;
/// Largest number of messages in a page.
const LARGEST_PAGE: usize = 10_000;
/// Bytes of messages after which a page ends.
const PAGE_BYTES: usize = 8 << 20;

/// Returns the route of events.
pub(in crate::serve) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Parameters of the events of a run.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct EventParameters {
    /// Number of the first message [default: the oldest one; for a stream: the next one]
    from: Option<u64>,
    /// Number of messages to return, 1 to 10000 [default: 1000]; not for a stream
    #[param(minimum = 1, maximum = 10000)]
    limit: Option<usize>,
    /// Epoch of `from`, from the message `hello`
    epoch: Option<String>,
    /// Level of detail [default: components]
    #[param(pattern = "^(power|sections|tokens|layers|components|operations)$")]
    detail: Option<String>,
    /// Types of messages, separated by commas [default: all of the level of detail]
    types: Option<String>,
}

/// Returns live messages of a run, or of all runs if the id is `*`.
#[utoipa::path(get, path = "/api/profiling/run/{id}/events",
    params(("id" = String, Path, description = "Uuid, prefix, name, `last`, or `*` for all runs"),
        EventParameters),
    responses(
        (status = 200, description = "Messages", content((EventPage = "application/json"),
            (String = "text/event-stream"))),
        (status = 404, description = "No such run", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The messages are no longer kept: oldest_seq", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Malformed parameters", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many connections", body = Problem, content_type = "application/problem+json")))]
async fn events(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(parameters): Query<EventParameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let run = match id.as_str() {
        "*" => None,
        _ => Some(run_id(&app, id).await?),
    };
    let filter = parameters.filter(run)?;
    if wants_stream(&headers) {
        return stream(&app.feed, &parameters, &headers, filter);
    }
    let (from, limits) = parameters.page(&app.feed)?;
    let read = app.feed.read(from, &filter, limits).await;
    let page = read.map_err(|error| {
        let detail = format!("kept messages cannot be read: {error}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })?;
    let page = page.ok_or_else(|| no_longer_kept(&app.feed, from))?;
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, body(&app.feed, &page)).into_response())
}

fn stream(
    feed: &Arc<Feed>,
    parameters: &EventParameters,
    headers: &HeaderMap,
    filter: Filter,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last = last.filter(|id| !id.is_empty()).map(str::parse::<u64>);
    let from = match last.transpose() {
        Ok(Some(last)) => Some(last.saturating_add(1)),
        Ok(None) => parameters.from,
        Err(_) => return Err(Problem::invalid("Last-Event-ID is not a number")),
    };
    let reached = match from {
        Some(from) => parameters.checked(feed, from)? - 1,
        None => feed.last_seq(),
    };
    let permit = feed.admit().ok_or_else(too_many)?;
    Ok(EventStream::open(Arc::clone(feed), filter, reached, permit))
}

impl EventParameters {
    fn filter(&self, run: Option<String>) -> Result<Filter, Problem> {
        let types: Option<Vec<String>> = self.types.as_ref().map(|types| {
            types
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect()
        });
        Filter::new(run, self.detail.as_deref(), types.as_deref()).map_err(Problem::invalid)
    }

    fn page(&self, feed: &Feed) -> Result<(u64, PageLimits), Problem> {
        let messages = self.limit.unwrap_or(PAGE);
        if !(1..=LARGEST_PAGE).contains(&messages) {
            let detail = format!("limit is {messages}, expected 1 to {LARGEST_PAGE}");
            return Err(Problem::invalid(detail));
        }
        let from = match self.from {
            Some(from) => self.checked(feed, from)?,
            None => feed.oldest_seq(),
        };
        let bytes = PAGE_BYTES;
        Ok((from, PageLimits { messages, bytes }))
    }

    /// Returns `from` if messages from it on are kept. It may be the number that comes next.
    fn checked(&self, feed: &Feed, from: u64) -> Result<u64, Problem> {
        let from = from.max(1);
        let is_ours = self
            .epoch
            .as_deref()
            .is_none_or(|epoch| epoch == feed.epoch());
        if !is_ours {
            let detail = "epoch: numbers of another start of the server mean nothing to this one";
            return Err(gone(feed, detail.to_owned()));
        }
        if from < feed.oldest_seq() {
            return Err(no_longer_kept(feed, from));
        }
        let newest = feed.last_seq();
        match from <= newest + 1 {
            true => Ok(from),
            false => Err(not_reached(feed, from, newest)),
        }
    }
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("text/event-stream"))
}

fn no_longer_kept(feed: &Feed, from: u64) -> Problem {
    let oldest = feed.oldest_seq();
    gone(
        feed,
        format!("message {from} is not kept: the oldest one is {oldest}"),
    )
}

fn gone(feed: &Feed, detail: String) -> Problem {
    let oldest = feed.oldest_seq();
    Problem::new(StatusCode::GONE, detail)
        .with_remedy(format!(
            "read the recorded run, then continue with from={oldest}"
        ))
        .with("epoch", feed.epoch())
        .with("oldest_seq", oldest)
}

fn not_reached(feed: &Feed, from: u64, newest: u64) -> Problem {
    Problem::invalid(format!(
        "from: message {from} was not sent yet: the newest one is {newest}"
    ))
    .with_remedy(format!(
        "continue with from={}; if the number is of an earlier start of the server, read the \
         recorded run first",
        newest + 1
    ))
    .with("epoch", feed.epoch())
    .with("oldest_seq", feed.oldest_seq())
    .with("newest_seq", newest)
}

/// A page as clients receive it, for the description of the interface.
#[derive(utoipa::ToSchema)]
#[allow(dead_code)] // Its messages are JSON texts already, so that `body` writes it.
struct EventPage {
    /// Random text that differs between two starts of the server.
    epoch: String,
    /// Messages, each with `type`, `timestamp`, `seq`, `run` and `data`.
    #[schema(value_type = Vec<Object>)]
    events: Vec<serde_json::Value>,
    /// Number with which the next page begins.
    next: u64,
    /// Number of the oldest message that is kept.
    oldest_seq: u64,
    /// Number of the newest message.
    newest_seq: u64,
}

/// Writes the page.
fn body(feed: &Feed, page: &Page) -> String {
    let texts: Vec<&str> = page.texts.iter().map(|(_, text)| text.as_str()).collect();
    format!(
        r#"{{"epoch":"{}","events":[{}],"next":{},"oldest_seq":{},"newest_seq":{}}}"#,
        feed.epoch(),
        texts.join(","),
        page.next,
        feed.oldest_seq(),
        feed.last_seq(),
    )
}
