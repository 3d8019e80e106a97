//! Messages from a publisher to clients, without a recording.

mod events_are_paged_and_streamed;
mod every_message_arrives_or_is_in_a_gap;
mod sockets_resume_and_report_gaps;

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use utoipa_axum::router::OpenApiRouter;

use super::feed::{Feed, FeedLimits};
use super::message::{Detail, Message, MessageKind, Publish};
use crate::serve::ServeOptions;
use crate::serve::guard::Access;
use crate::serve::state::AppState;

/// A message of a run, with `padding` bytes of text.
fn message(run: Option<&str>, padding: usize) -> Message {
    Message {
        run: run.map(Into::into),
        kind: MessageKind::PowerSample,
        detail: Detail::Power,
        timestamp_unix_ns: 1_796_000_000_000_000_000,
        data: json!({"padding": "x".repeat(padding)}),
    }
}

/// Publishes a message of `padding` bytes.
fn publish(feed: &Arc<Feed>, run: &str, padding: usize) {
    feed.publish(message(Some(run), padding));
}

/// Waits for a condition that must become true.
fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until all published messages are in the spool.
fn spooled(feed: &Feed) {
    let last = feed.last_seq();
    let begun = Instant::now();
    while feed.spooled_seq() != last {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
}

/// A file on a full disk.
fn full_disk() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/full")
}

/// A server that sends what the test publishes.
struct Server {
    _runtime: tokio::runtime::Runtime,
    feed: Arc<Feed>,
    address: std::net::SocketAddr,
}

impl Server {
    fn start(limits: FeedLimits) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let feed = Feed::with_limits(limits);
        let options = ServeOptions::default();
        let access = Access::new(&options).unwrap();
        let mut state = AppState::new("absent/energy.db".into(), options, access);
        Arc::get_mut(&mut state).unwrap().feed = Arc::clone(&feed);
        let (router, _) = OpenApiRouter::new()
            .merge(super::routes())
            .split_for_parts();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async { axum::serve(listener, router.with_state(state)).await });
        Self {
            _runtime: runtime,
            feed,
            address,
        }
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .proxy(None)
            .build()
            .into();
        let mut answer = agent.get(self.url("http", path)).call().unwrap();
        let body = answer.body_mut().with_config().limit(1 << 30);
        let body = body.read_json().unwrap();
        (answer.status().as_u16(), body)
    }

    /// Connects, and returns the connection after its `hello`.
    fn connect(&self, query: &str) -> (Socket, Value) {
        let url = self.url("ws", &format!("/ws/profiling{query}"));
        let (socket, _) = tungstenite::client::client(url.as_str(), self.stream()).unwrap();
        let mut socket = Socket(socket);
        let hello = socket.next();
        assert_eq!(hello["type"], "hello");
        (socket, hello)
    }

    fn stream(&self) -> MaybeTlsStream<std::net::TcpStream> {
        let stream = std::net::TcpStream::connect(self.address).unwrap();
        let limit = Some(Duration::from_secs(60));
        stream.set_read_timeout(limit).unwrap();
        MaybeTlsStream::Plain(stream)
    }
}

/// A client's side of a WebSocket.
struct Socket(tungstenite::WebSocket<MaybeTlsStream<std::net::TcpStream>>);

impl Socket {
    /// Returns the next message that is no heartbeat.
    fn next(&mut self) -> Value {
        loop {
            let text = self.0.read().unwrap();
            if !text.is_text() {
                continue;
            }
            let message: Value = serde_json::from_str(text.to_text().unwrap()).unwrap();
            if message["type"] != "heartbeat" {
                return message;
            }
        }
    }

    fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string());
    }

    fn send_text(&mut self, text: &str) {
        self.0.send(tungstenite::Message::text(text)).unwrap();
    }

    /// Waits until the server has handled everything that was sent before.
    fn ping(&mut self) {
        self.send(&json!({"type": "ping"}));
        assert_eq!(self.next()["type"], "pong");
    }
}

/// Returns the numbers of messages.
fn seqs<'a>(messages: impl IntoIterator<Item = &'a Value>) -> Vec<u64> {
    let numbers = messages.into_iter().map(|message| message["seq"].as_u64());
    numbers.collect::<Option<_>>().unwrap()
}

/// Reads the events of a stream.
struct Events {
    lines: io::Lines<io::BufReader<ureq::BodyReader<'static>>>,
}

impl Events {
    fn open(server: &Server, path: &str, last_event: Option<u64>) -> Self {
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
        let mut request = agent
            .get(server.url("http", path))
            .header("accept", "text/event-stream");
        if let Some(seq) = last_event {
            request = request.header("last-event-id", seq.to_string());
        }
        let answer = request.call().unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let reader = answer.into_body().into_reader();
        let lines = io::BufRead::lines(io::BufReader::new(reader));
        Self { lines }
    }

    /// Returns the next event that is no heartbeat, with its id, or `None` at the end.
    fn next(&mut self) -> Option<(u64, Value)> {
        loop {
            let mut lines = Vec::new();
            loop {
                let line = self.lines.next()?.unwrap();
                if line.is_empty() {
                    break;
                }
                lines.push(line);
            }
            let [id, data] = lines.try_into().unwrap();
            let id = id.strip_prefix("id: ").unwrap().parse().unwrap();
            let data = data.strip_prefix("data: ").unwrap();
            let data: Value = serde_json::from_str(data).unwrap();
            if data["type"] != "heartbeat" {
                return Some((id, data));
            }
        }
    }
}
