//! An event stream: the messages of a WebSocket for clients that only read (`curl -N`).

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;

use super::feed::{Feed, gap_message, heartbeat};
use super::filter::Filter;
use super::page::PageLimits;
use super::ring::{Gap, Next};

/// Part of the spool that is read at once.
const PAGE: PageLimits = PageLimits {
    messages: 1000,
    bytes: 1 << 20,
};

/// The client has disconnected or does not read.
#[derive(Debug)]
struct Disconnected;

/// The writing side of an event stream.
pub(super) struct EventStream {
    feed: Arc<Feed>,
    filter: Filter,
    /// Number of the last message that was sent, excluded or reported as missing.
    reached: u64,
    parts: mpsc::Sender<Result<Bytes, Infallible>>,
    sent: Instant,
}

impl EventStream {
    /// Starts a stream that continues after `reached`.
    pub(super) fn open(
        feed: Arc<Feed>,
        filter: Filter,
        reached: u64,
        permit: OwnedSemaphorePermit,
    ) -> Response {
        let (parts, receiver) = mpsc::channel(1);
        let stream = Self {
            feed,
            filter,
            reached,
            parts,
            sent: Instant::now(),
        };
        tokio::spawn(async move {
            let _permit = permit;
            let newest = stream.feed.newest();
            let ended = stream.feed.ended();
            let _ = stream.serve(newest, ended).await;
        });
        let headers = [
            (header::CONTENT_TYPE, "text/event-stream"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (headers, Body::from_stream(ReceiverStream::new(receiver))).into_response()
    }

    async fn serve(
        mut self,
        mut newest: watch::Receiver<u64>,
        mut ended: watch::Receiver<bool>,
    ) -> Result<(), Disconnected> {
        let hello = self.feed.hello(self.reached);
        self.send(self.reached, &hello).await?;
        let parts = self.parts.clone();
        while !*ended.borrow_and_update() {
            newest.borrow_and_update();
            self.catch_up(&ended).await?;
            let due = self.sent + self.feed.limits().heartbeat;
            tokio::select! {
                changed = newest.changed() => changed.map_err(|_| Disconnected)?,
                () = sleep_until(due) => {
                    self.send(self.reached, &heartbeat(self.reached)).await?;
                }
                () = parts.closed() => return Err(Disconnected),
                changed = ended.changed() => changed.map_err(|_| Disconnected)?,
            }
        }
        Ok(())
    }

    async fn catch_up(&mut self, ended: &watch::Receiver<bool>) -> Result<(), Disconnected> {
        while !*ended.borrow() {
            match self.feed.next(self.reached) {
                Next::End => return Ok(()),
                Next::Gap(gap) => self.refill(gap).await?,
                Next::Frame(frame) => {
                    self.reached = frame.seq;
                    if self.filter.accepts(&frame) {
                        self.send(frame.seq, &frame.text).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends what the spool still holds of a gap, or else reports the gap.
    async fn refill(&mut self, gap: Gap) -> Result<(), Disconnected> {
        let kept = self.feed.read(gap.from, &self.filter, PAGE).await;
        let Ok(Some(page)) = kept else {
            self.reached = gap.to;
            return self.send(gap.to, &gap_message(gap)).await;
        };
        for (seq, text) in &page.texts {
            self.send(*seq, text).await?;
        }
        self.reached = page.next - 1;
        Ok(())
    }

    async fn send(&mut self, seq: u64, text: &str) -> Result<(), Disconnected> {
        let mut event = String::with_capacity(text.len() + 32);
        // A `String` accepts everything.
        let _ = write!(event, "id: {seq}\ndata: {text}\n\n");
        self.sent = Instant::now();
        let sent = self.parts.send(Ok(event.into()));
        match timeout(self.feed.limits().silence, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Disconnected),
        }
    }
}
