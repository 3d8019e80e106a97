//! One request and its streamed answer.
//!
//! ```text
//! thread `energy-http`   post --> head --> bytes --> ... --> end
//!                                  |         |                |        channel
//! this thread                    status   SSE, tokens       checks     signals, timeout, death
//! ```
//!
//! This thread gives tokens their times, so that it does nothing slow until the end.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::answer::{self, ServerAnswer, StreamItem};
use super::client::HttpClient;
use super::endpoint::{Endpoint, EndpointApi};
use super::server_process::ServerProcess;
use super::spans::TokenSink;
use super::stream_body::Body;
use crate::error::{Error, Result};
use crate::options::duration_text;
use crate::program::Interrupt;

/// Longest wait for bytes before signals and the server are checked.
const TICK: Duration = Duration::from_millis(50);
/// Size of the buffer for received bytes.
const BUFFER: usize = 16 << 10;

/// What a request needs.
pub(super) struct Exchange<'e> {
    pub(super) client: &'e HttpClient,
    pub(super) endpoint: &'e Endpoint,
    pub(super) api: EndpointApi,
    pub(super) max_tokens: usize,
    /// Time limit of the request; zero for none.
    pub(super) timeout: Duration,
    pub(super) interrupt: &'e Interrupt,
}

/// What the other thread has received.
enum StreamPiece {
    /// Status code and media type.
    Head(u16, String),
    Bytes(Vec<u8>),
    End,
    Failed(String),
}

impl Exchange<'_> {
    /// Sends a request and receives its answer: adds its parts to `answer`, and passes tokens to
    /// `sink` and text to `on_text`. What was received before an error stays in `answer`.
    ///
    /// # Errors
    /// If the server ends, is silent, reports an error or breaks the format, or a signal is received.
    pub(super) fn run(
        &self,
        body: &Value,
        mut server: Option<&mut ServerProcess>,
        (answer, sink): (&mut ServerAnswer, &mut dyn TokenSink),
        on_text: &mut dyn FnMut(&str),
    ) -> Result<()> {
        let begin = Instant::now();
        let received = self.post(body.clone());
        let mut body = Body::default();
        loop {
            if self.interrupt.is_received() {
                return Err(self.interrupt.error());
            }
            if !self.timeout.is_zero() && begin.elapsed() > self.timeout {
                return Err(self.fault(&format!(
                    "the answer did not end within {} ({} tokens received); increase --timeout{}",
                    duration_text(self.timeout),
                    answer.streamed,
                    last_lines(server.as_deref())
                )));
            }
            match received.recv_timeout(TICK) {
                Ok(StreamPiece::Head(status, media_type)) => body.begin(status, media_type),
                Ok(StreamPiece::Bytes(bytes)) => {
                    let parts = body.push(&bytes).map_err(|error| self.fault(&error))?;
                    self.add(parts, (answer, sink), on_text)?;
                }
                Ok(StreamPiece::End) => {
                    let parts = body.finish().map_err(|error| self.fault(&error))?;
                    self.add(parts, (answer, sink), on_text)?;
                    return self.check_end(answer, server.as_deref_mut());
                }
                Ok(StreamPiece::Failed(error)) => {
                    return Err(self.broken(&error, answer, server.as_deref_mut()));
                }
                Err(RecvTimeoutError::Timeout) => {
                    // Its descendants may still hold the connection.
                    if let Some(server) = server.as_deref_mut()
                        && server.status().is_some()
                    {
                        return Err(self.broken("", answer, Some(server)));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let error = "the connection was lost";
                    return Err(self.broken(error, answer, server.as_deref_mut()));
                }
            }
        }
    }

    /// Sends the request on a thread of its own, which blocks until bytes arrive.
    fn post(&self, body: Value) -> Receiver<StreamPiece> {
        let (sender, receiver) = channel();
        let (client, path) = (self.client.clone(), self.api.path());
        let thread = std::thread::Builder::new().name("energy-http".to_owned());
        // Without a thread the channel is closed, which is reported.
        let _ = thread.spawn(move || receive(&client, path, &body, &sender));
        receiver
    }

    fn add(
        &self,
        events: Vec<String>,
        (answer, sink): (&mut ServerAnswer, &mut dyn TokenSink),
        on_text: &mut dyn FnMut(&str),
    ) -> Result<()> {
        for event in events {
            let part = match answer::parse(&event).map_err(|error| self.fault(&error))? {
                StreamItem::Done => {
                    answer.is_done = true;
                    continue;
                }
                StreamItem::Part(part) => part,
            };
            let (text, was_finished) = (part.text.clone(), answer.finish.is_some());
            let count = answer.add(part, self.max_tokens);
            let is_last = !was_finished && answer.finish.is_some();
            if count > 0 {
                sink.tokens(&text, count, is_last);
            }
            if is_last {
                sink.finished();
            }
            if !text.is_empty() {
                on_text(&text);
            }
        }
        Ok(())
    }

    /// Checks that the answer was complete when the stream ended.
    fn check_end(&self, answer: &ServerAnswer, server: Option<&mut ServerProcess>) -> Result<()> {
        if answer.finish.is_some() || answer.is_done && answer.streamed > 0 {
            return Ok(());
        }
        Err(self.broken(
            "the answer ended without a reason for its end",
            answer,
            server,
        ))
    }

    /// Returns the error of a connection that ended too early: the end of the server, if it has
    /// ended.
    fn broken(
        &self,
        what: &str,
        answer: &ServerAnswer,
        server: Option<&mut ServerProcess>,
    ) -> Error {
        let received = format!("after {} tokens", answer.streamed);
        let Some(server) = server else {
            return self.fault(&format!("{what} {received}; see the output of the server"));
        };
        let lines = |server: &ServerProcess| last_lines(Some(server));
        match server.status_soon() {
            Some(status) => self.fault(&format!(
                "the server ended ({status}) {received}{}",
                lines(server)
            )),
            None => self.fault(&format!("{what} {received}{}", lines(server))),
        }
    }

    fn fault(&self, what: &str) -> Error {
        Error::Program {
            program: format!("{}{}", self.endpoint, self.shown_path()),
            what: what.to_owned(),
        }
    }

    /// Returns the path of the interface, unless the endpoint's text contains it.
    fn shown_path(&self) -> &'static str {
        match self.endpoint.api() {
            Some(_) => "",
            None => self.api.path(),
        }
    }
}

fn last_lines(server: Option<&ServerProcess>) -> String {
    server.map(ServerProcess::last_lines).unwrap_or_default()
}

/// Sends the request and passes on what arrives, until the end or until nobody receives it.
fn receive(client: &HttpClient, path: &str, body: &Value, to: &Sender<StreamPiece>) {
    let mut answer = match client.post(path, body) {
        Ok(answer) => answer,
        Err(error) => {
            let _ = to.send(StreamPiece::Failed(error));
            return;
        }
    };
    let head = StreamPiece::Head(answer.status, std::mem::take(&mut answer.content_type));
    let mut buffer = [0; BUFFER];
    let mut next = head;
    while to.send(next).is_ok() {
        next = match answer.body.read(&mut buffer) {
            Ok(0) => {
                let _ = to.send(StreamPiece::End);
                return;
            }
            Ok(count) => StreamPiece::Bytes(buffer[..count].to_vec()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue_reading(),
            Err(error) => {
                let _ = to.send(StreamPiece::Failed(format!(
                    "the connection failed: {error}"
                )));
                return;
            }
        };
    }
}

/// Returns a message without content.
fn continue_reading() -> StreamPiece {
    StreamPiece::Bytes(Vec::new())
}
