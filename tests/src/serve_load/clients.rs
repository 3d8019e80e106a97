//! WebSocket clients of a server, some of which do not read.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use tungstenite::{Message, WebSocket};

/// Clients measure the latency of one message in that many.
const MEASURED: u64 = 10;
/// Stack of a client's thread in bytes.
const STACK: usize = 256 << 10;

/// Connected clients.
pub(crate) struct Clients {
    reading: Vec<JoinHandle<Received>>,
    idle: Vec<WebSocket<TcpStream>>,
    ended: Arc<AtomicBool>,
}

/// What clients have received.
#[derive(Debug, Default, Clone)]
pub(crate) struct Received {
    /// Messages of runs.
    pub(crate) messages: u64,
    /// Messages that gaps report.
    pub(crate) missed: u64,
    /// Messages that were neither received nor reported.
    pub(crate) lost: u64,
    /// Bytes of all messages.
    pub(crate) bytes: u64,
    /// Connections that the server closed.
    pub(crate) closed: u64,
    /// Milliseconds from the end of what a message reports to its arrival.
    pub(crate) latency_ms: Vec<f64>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    seq: u64,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    count: Option<serde_json::Value>,
    from: Option<u64>,
}

impl Clients {
    /// Connects `count` clients to the server at `address`, of which `idle` never read. They receive
    /// messages of all runs at all levels of detail, so that every missing number is a loss.
    pub(crate) fn connect(address: &str, count: usize, idle: usize) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let mut sockets: Vec<_> = (0..count).map(|_| connect(address)).collect();
        let idle = sockets.split_off(count - idle.min(count));
        let reading = sockets.into_iter().map(|socket| {
            let ended = Arc::clone(&ended);
            let thread = std::thread::Builder::new().stack_size(STACK);
            thread
                .spawn(move || receive(socket, &ended))
                .expect("a thread")
        });
        Self {
            reading: reading.collect(),
            idle,
            ended,
        }
    }

    /// Disconnects the clients, and returns what each client that reads has received.
    pub(crate) fn finish(self) -> Vec<Received> {
        self.ended.store(true, Relaxed);
        let received = self.reading.into_iter().map(|client| client.join());
        let received = received.map(|result| result.expect("a client"));
        let received = received.collect();
        drop(self.idle);
        received
    }
}

fn connect(address: &str) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).expect("a connection");
    let limit = Some(Duration::from_millis(200));
    stream.set_read_timeout(limit).expect("a socket");
    let url = format!("ws://{address}/ws/profiling");
    let (mut socket, _) = tungstenite::client::client(url, stream).expect("a WebSocket");
    let subscription = r#"{"type":"subscribe","runs":["*"],"detail":"operations"}"#;
    let sent = socket.send(Message::text(subscription));
    sent.expect("a subscription");
    socket
}

fn receive(mut socket: WebSocket<TcpStream>, ended: &AtomicBool) -> Received {
    let mut received = Received::default();
    let mut reached = None;
    while !ended.load(Relaxed) {
        let text = match socket.read() {
            Ok(Message::Text(text)) => text,
            Ok(_) => continue,
            Err(tungstenite::Error::Io(error))
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                continue;
            }
            Err(_) => {
                received.closed += 1;
                break;
            }
        };
        received.bytes += text.len() as u64;
        received.count(&text, &mut reached);
    }
    received
}

impl Received {
    fn count(&mut self, text: &str, reached: &mut Option<u64>) {
        let message: Envelope<'_> = serde_json::from_str(text).expect("a message");
        let expected = reached.map_or(message.seq, |reached| reached + 1);
        match message.kind {
            "hello" | "heartbeat" | "pong" | "error" if message.seq + 1 == expected => return,
            "hello" => {}
            "gap" => {
                let missed = message.data.count.and_then(|count| count.as_u64());
                self.missed += missed.unwrap_or(0);
                self.lost += message.data.from.unwrap_or(expected) - expected;
            }
            _ => {
                self.messages += 1;
                self.lost += message.seq - expected;
                if message.seq.is_multiple_of(MEASURED) {
                    self.latency_ms.extend(since_end(text));
                }
            }
        }
        *reached = Some(message.seq);
    }
}

/// Returns the time since the end of what a message reports in milliseconds.
fn since_end(text: &str) -> Option<f64> {
    let begin = text.find(r#""timestamp":""#)? + 13;
    let (date, time) = text.get(begin..begin + 26)?.split_once('T')?;
    let mut parts = date.split('-').map(|part| part.parse::<i64>().ok());
    let days = energy_analyzer::format::from_civil(parts.next()??, parts.next()??, parts.next()??)?;
    let mut parts = time.split(':').map(|part| part.parse::<f64>().ok());
    let seconds = parts.next()?? * 3600.0 + parts.next()?? * 60.0 + parts.next()??;
    let then_s = days as f64 * 86_400.0 + seconds;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some((now.as_secs_f64() - then_s) * 1e3)
}
