//! WebSocket connections.
//!
//! One task for each connection: it waits for messages of the feed, of the client, and for the time of
//! the next heartbeat. Its only state is the number of the last message that it has handled.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message as Packet, Utf8Bytes, WebSocket, close_code};
use axum::extract::{State, WebSocketUpgrade};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::SinkExt;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::feed::{Feed, gap_message, heartbeat};
use super::filter::{ClientMessage, Filter};
use super::frame::connection_message;
use super::message::MessageKind;
use super::ring::Next;
use super::selected_run::run_id;
use crate::serve::extract::Query;
use crate::serve::problem::Problem;
use crate::serve::state::App;

/// Largest message of a client in bytes.
const LARGEST_MESSAGE: usize = 16 << 10;
/// Size of the buffers of a connection in bytes.
const BUFFER: usize = 8 << 10;
/// Number of messages that are sent before the client is heard again.
const BURST: usize = 256;
/// Shortest time between two bursts: messages that arrive together are sent together.
const PAUSE: Duration = Duration::from_millis(5);

/// Returns the route of WebSocket connections.
pub(in crate::serve) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(connect))
}

/// Where a connection continues.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Resume {
    /// Number of the last message that the client has; without it only new messages are sent
    seq: Option<u64>,
    /// Epoch of that number, from the message `hello`
    epoch: Option<String>,
}

/// Sends live messages over a WebSocket.
#[utoipa::path(get, path = "/ws/profiling", params(Resume), responses(
    (status = 101, description = "Messages as JSON texts, see docs/live.md"),
    (status = 400, description = "No WebSocket request", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Malformed parameters", body = Problem, content_type = "application/problem+json"),
    (status = 426, description = "The connection cannot become a WebSocket", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Too many connections", body = Problem, content_type = "application/problem+json")))]
async fn connect(
    State(app): State<App>,
    Query(resume): Query<Resume>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|rejection| {
        Problem::new(rejection.status(), rejection.body_text())
            .with_remedy("connect with a WebSocket client, or use the events of a run over HTTP")
    })?;
    let permit = app.feed.admit().ok_or_else(too_many)?;
    Ok(upgrade
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE)
        .on_upgrade(move |socket| Connection::new(app, socket, &resume).serve(permit)))
}

/// Returns the problem of a client that is one too many.
pub(super) fn too_many() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many clients receive live messages",
    )
    .with_remedy("close other connections, or try again later")
    .with_header(header::RETRY_AFTER, HeaderValue::from_static("10"))
}

/// The connection has ended or must end.
#[derive(Debug)]
struct Ended;

struct Connection {
    app: App,
    feed: Arc<Feed>,
    socket: WebSocket,
    /// Number of the last message that was sent, excluded or reported as missing.
    reached: u64,
    /// `None` after `unsubscribe`.
    filter: Option<Filter>,
    sent: Instant,
    pinged: Instant,
    received: Instant,
}

impl Connection {
    fn new(app: App, socket: WebSocket, resume: &Resume) -> Self {
        let now = Instant::now();
        let feed = Arc::clone(&app.feed);
        Self {
            reached: resume.after(&feed),
            app,
            feed,
            socket,
            filter: Some(Filter::default()),
            sent: now,
            pinged: now,
            received: now,
        }
    }

    async fn serve(mut self, permit: OwnedSemaphorePermit) {
        let _permit = permit;
        let ended = self.feed.ended();
        let newest = self.feed.newest();
        if self.exchange(newest, ended).await.is_ok() {
            let reason = CloseFrame {
                code: close_code::AWAY,
                reason: Utf8Bytes::from_static("the server ends"),
            };
            let close = self.socket.send(Packet::Close(Some(reason)));
            let _ = timeout(Duration::from_secs(1), close).await;
        }
    }

    /// Returns once the server ends; an error if the connection has ended.
    async fn exchange(
        &mut self,
        mut newest: watch::Receiver<u64>,
        mut ended: watch::Receiver<bool>,
    ) -> Result<(), Ended> {
        let hello = self.feed.hello(self.reached);
        self.put(Packet::Text(hello)).await?;
        let mut is_behind = true;
        let mut next_burst = Instant::now();
        while !*ended.borrow_and_update() {
            let due = self.due();
            tokio::select! {
                received = self.socket.recv() => self.answer(received).await?,
                () = sleep_until(next_burst), if is_behind => {
                    // Before the burst: a message that arrives during it is noticed.
                    newest.borrow_and_update();
                    is_behind = self.burst().await?;
                    next_burst = Instant::now() + PAUSE;
                }
                changed = newest.changed(), if !is_behind => {
                    changed.map_err(|_| Ended)?;
                    is_behind = true;
                }
                () = sleep_until(due) => self.keep_alive().await?,
                changed = ended.changed() => changed.map_err(|_| Ended)?,
            }
        }
        Ok(())
    }

    /// Sends messages that follow. Returns whether there are more.
    async fn burst(&mut self) -> Result<bool, Ended> {
        for _ in 0..BURST {
            let Some(filter) = &self.filter else {
                self.reached = self.feed.last_seq();
                break;
            };
            match self.feed.next(self.reached) {
                Next::End => break,
                Next::Gap(gap) => {
                    self.reached = gap.to;
                    self.put(Packet::Text(gap_message(gap))).await?;
                }
                Next::Frame(frame) => {
                    self.reached = frame.seq;
                    if filter.accepts(&frame) {
                        self.put(Packet::Text(frame.text.clone())).await?;
                    }
                }
            }
        }
        self.flush().await?;
        Ok(matches!(
            self.feed.next(self.reached),
            Next::Frame(_) | Next::Gap(_)
        ))
    }

    async fn answer(&mut self, received: Option<Result<Packet, axum::Error>>) -> Result<(), Ended> {
        let Some(Ok(packet)) = received else {
            return Err(Ended);
        };
        self.received = Instant::now();
        let parsed = match packet {
            Packet::Text(text) => ClientMessage::parse(&text),
            Packet::Binary(_) => Err("binary messages are not supported".to_owned()),
            Packet::Ping(_) | Packet::Pong(_) => return Ok(()),
            Packet::Close(_) => return Err(Ended),
        };
        match parsed {
            Ok(ClientMessage::Ping) => self.reply(MessageKind::Pong, json!({})).await,
            Ok(ClientMessage::Unsubscribe) => {
                self.filter = None;
                Ok(())
            }
            Ok(ClientMessage::Subscribe(filter)) => self.subscribe(filter).await,
            Err(reason) => {
                let data = json!({
                    "message": format!("the message was not understood: {reason}"),
                    "remedy": "send subscribe, unsubscribe or ping as described in docs/live.md",
                });
                self.reply(MessageKind::Error, data).await
            }
        }
    }

    /// Replaces the subscription, unless it names a run that does not exist.
    async fn subscribe(&mut self, mut filter: Filter) -> Result<(), Ended> {
        for selector in filter.selectors() {
            match run_id(&self.app, selector.clone()).await {
                Ok(uuid) => *selector = uuid,
                // A program may record a run with this uuid later.
                Err(_) if is_uuid(selector) => {}
                Err(problem) => {
                    let data = json!({
                        "message": format!("not subscribed: {}", problem.detail()),
                        "remedy": problem.remedy().unwrap_or(
                            "send the uuid, a unique prefix of it or the name of a run, `last`, \
                             `latest` or `*`; GET /api/profiling/runs lists the runs",
                        ),
                    });
                    return self.reply(MessageKind::Error, data).await;
                }
            }
        }
        if self.filter.is_none() {
            self.reached = self.feed.last_seq();
        }
        self.filter = Some(filter);
        Ok(())
    }

    /// Sends a message of the connection.
    async fn reply(&mut self, kind: MessageKind, data: serde_json::Value) -> Result<(), Ended> {
        let text = connection_message(kind, self.reached, &data);
        self.put(Packet::Text(text)).await?;
        self.flush().await
    }

    /// Returns when [`keep_alive`](Self::keep_alive) must be called.
    fn due(&self) -> Instant {
        let limits = self.feed.limits();
        let heartbeat = self.sent + limits.heartbeat;
        let ping = self.pinged + limits.ping;
        heartbeat.min(ping).min(self.received + limits.silence)
    }

    async fn keep_alive(&mut self) -> Result<(), Ended> {
        let limits = *self.feed.limits();
        let now = Instant::now();
        if now >= self.received + limits.silence {
            return Err(Ended);
        }
        if now >= self.pinged + limits.ping {
            self.pinged = now;
            self.put(Packet::Ping(Bytes::new())).await?;
        }
        if now >= self.sent + limits.heartbeat {
            self.put(Packet::Text(heartbeat(self.reached))).await?;
        }
        self.flush().await
    }

    /// Puts a packet into the buffer, and waits while the client does not read.
    async fn put(&mut self, packet: Packet) -> Result<(), Ended> {
        if matches!(packet, Packet::Text(_)) {
            self.sent = Instant::now();
        }
        within(self.feed.limits().silence, self.socket.feed(packet)).await
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        within(self.feed.limits().silence, self.socket.flush()).await
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::parse_str(text).is_ok()
}

async fn within(
    limit: Duration,
    sent: impl Future<Output = Result<(), axum::Error>>,
) -> Result<(), Ended> {
    match timeout(limit, sent).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Ended),
    }
}

impl Resume {
    /// Returns the number after which a connection continues. Numbers of another epoch, or that have
    /// not been reached, mean nothing here.
    fn after(&self, feed: &Feed) -> u64 {
        let newest = feed.last_seq();
        let is_ours = self
            .epoch
            .as_deref()
            .is_none_or(|epoch| epoch == feed.epoch());
        self.seq
            .filter(|seq| is_ours && *seq <= newest)
            .unwrap_or(newest)
    }
}
