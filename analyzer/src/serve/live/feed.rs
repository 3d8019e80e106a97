//! Numbers messages and keeps them for clients.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::filter::Filter;
use super::frame::{Frame, connection_message};
use super::message::{Detail, Message, MessageKind, Publish};
use super::page::{Page, PageLimits};
use super::ring::{Gap, Next, Ring, RingLimits};
use super::spool::{Spool, SpoolLimits};

/// Number of runs that are remembered as started, and as deleted.
const KNOWN_RUNS: usize = 1024;
/// Number of requests that read the spool at the same time.
const READERS: usize = 2;

/// Limits of a feed and the pace of its connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct FeedLimits {
    /// Limits of the ring.
    pub(super) ring: RingLimits,
    /// Limits of the spool.
    pub(super) spool: SpoolLimits,
    /// Number of connections.
    pub(super) clients: usize,
    /// Time without another message after which a heartbeat is sent.
    pub(super) heartbeat: Duration,
    /// Time between two pings of the WebSocket protocol.
    pub(super) ping: Duration,
    /// Time after which a connection is closed if nothing can be sent, or nothing was received.
    pub(super) silence: Duration,
}

impl Default for FeedLimits {
    fn default() -> Self {
        Self {
            ring: RingLimits::default(),
            spool: SpoolLimits::default(),
            clients: 512,
            heartbeat: Duration::from_secs(5),
            ping: Duration::from_secs(20),
            silence: Duration::from_secs(60),
        }
    }
}

/// The live messages of a server.
#[derive(Debug)]
pub(in crate::serve) struct Feed {
    epoch: String,
    numbering: Mutex<Numbering>,
    ring: Arc<Ring>,
    spool: Arc<Spool>,
    clients: Arc<Semaphore>,
    readers: Semaphore,
    ended: watch::Sender<bool>,
    limits: FeedLimits,
}

#[derive(Debug, Default)]
struct Numbering {
    last_seq: u64,
    /// The run that started last is at the end.
    started: VecDeque<Arc<str>>,
    /// Runs that were deleted, the newest at the end.
    deleted: VecDeque<Arc<str>>,
}

impl Feed {
    /// Creates a feed without messages.
    pub(in crate::serve) fn new() -> Arc<Self> {
        Self::with_limits(FeedLimits::default())
    }

    /// Creates a feed with these limits.
    pub(super) fn with_limits(limits: FeedLimits) -> Arc<Self> {
        let ring = Arc::new(Ring::new(limits.ring));
        let spool = Arc::new(Spool::new(limits.spool));
        let (followed, writer) = (Arc::clone(&ring), Arc::clone(&spool));
        let started = std::thread::Builder::new()
            .name("energy-spool".into())
            .spawn(move || writer.follow(&followed));
        if let Err(error) = started {
            spool.fail(&error);
        }
        Arc::new(Self {
            epoch: format!("{:016x}", rand::random::<u64>()),
            numbering: Mutex::default(),
            ring,
            spool,
            clients: Arc::new(Semaphore::new(limits.clients)),
            readers: Semaphore::new(READERS),
            ended: watch::Sender::new(false),
            limits,
        })
    }

    /// Returns a random text that differs between two starts of the server.
    pub(in crate::serve) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Returns the number of the newest message, 0 before the first.
    pub(in crate::serve) fn last_seq(&self) -> u64 {
        self.ring.last_seq()
    }

    /// Returns the number of the oldest message that can still be read, or of the next message if
    /// there is none.
    pub(super) fn oldest_seq(&self) -> u64 {
        let in_ring = self.ring.first_seq();
        match self.spool.seqs() {
            Some(seqs) if seqs.end >= in_ring => seqs.start.min(in_ring),
            _ => in_ring,
        }
    }

    /// Returns the number of the newest message in the spool, 0 without one.
    #[cfg(test)]
    pub(super) fn spooled_seq(&self) -> u64 {
        self.spool.seqs().map_or(0, |seqs| seqs.end - 1)
    }

    /// Ends all connections, so that the server can end.
    pub(in crate::serve) fn close(&self) {
        self.ended.send_replace(true);
    }

    /// Returns a receiver that changes once when connections must end.
    pub(super) fn ended(&self) -> watch::Receiver<bool> {
        self.ended.subscribe()
    }

    /// Returns a receiver of the number of the newest message.
    pub(super) fn newest(&self) -> watch::Receiver<u64> {
        self.ring.newest()
    }

    /// Returns the message after `seq`.
    pub(super) fn next(&self, seq: u64) -> Next {
        self.ring.next(seq)
    }

    /// Returns the limits.
    pub(super) fn limits(&self) -> &FeedLimits {
        &self.limits
    }

    /// Counts a connection, or returns `None` if there are too many. It ends when the permit is
    /// dropped.
    pub(super) fn admit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.clients).try_acquire_owned().ok()
    }

    /// Returns the message `hello` of a connection that continues after `seq`.
    pub(super) fn hello(&self, seq: u64) -> axum::extract::ws::Utf8Bytes {
        let data = json!({
            "epoch": self.epoch,
            "seq": self.last_seq(),
            "oldest_seq": self.oldest_seq(),
            "server_version": env!("CARGO_PKG_VERSION"),
        });
        connection_message(MessageKind::Hello, seq, &data)
    }

    /// Reads messages again that `filter` selects, from `seq` on. Returns `None` if the message `seq`
    /// is no longer kept. Of deleted runs only the deletion is returned.
    ///
    /// # Errors
    /// If a file of the spool cannot be read.
    pub(super) async fn read(
        self: &Arc<Self>,
        seq: u64,
        filter: &Filter,
        limits: PageLimits,
    ) -> io::Result<Option<Page>> {
        let deleted = self.numbering().deleted.iter().cloned().collect();
        let filter = &filter.without(deleted);
        let mut page = Page::new(seq, limits);
        let first = page.next;
        while !page.read_ring(&self.ring, filter) {
            let before = page.next;
            page = self.read_spool(page, filter).await?;
            if page.next == before && before == first && !page.is_full() {
                return Ok(None);
            }
            if page.next == before || page.is_full() {
                break;
            }
        }
        Ok(Some(page))
    }

    async fn read_spool(&self, mut page: Page, filter: &Filter) -> io::Result<Page> {
        let _permit = self.readers.acquire().await;
        let (spool, filter) = (Arc::clone(&self.spool), filter.clone());
        tokio::task::spawn_blocking(move || {
            page.read_spool(&spool, &filter)?;
            Ok(page)
        })
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    fn numbering(&self) -> MutexGuard<'_, Numbering> {
        self.numbering
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, message: Message) {
        let mut numbering = self.numbering();
        match (message.kind, &message.run) {
            (MessageKind::RunStarted, Some(run)) => add(&mut numbering.started, run),
            (MessageKind::RunDeleted, Some(run)) => {
                add(&mut numbering.deleted, run);
                self.ring.forget(run);
            }
            _ => {}
        }
        numbering.last_seq += 1;
        let newest_run = numbering.started.back().cloned();
        let frame = Frame::new(numbering.last_seq, message, newest_run);
        self.ring.push(frame, Instant::now());
    }
}

impl Publish for Arc<Feed> {
    fn publish(&self, message: Message) {
        self.send(message);
        if let Some(error) = self.spool.take_failure() {
            self.send(not_kept(&error));
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.ring.close();
    }
}

/// Adds a run unless it is known: a description that is sent again does not start the run again.
fn add(runs: &mut VecDeque<Arc<str>>, run: &Arc<str>) {
    if runs.contains(run) {
        return;
    }
    if runs.len() == KNOWN_RUNS {
        runs.pop_front();
    }
    runs.push_back(Arc::clone(run));
}

/// Returns the message `gap` of a connection.
pub(super) fn gap_message(gap: Gap) -> axum::extract::ws::Utf8Bytes {
    let data = json!({"from": gap.from, "to": gap.to, "count": gap.to + 1 - gap.from});
    connection_message(MessageKind::Gap, gap.to, &data)
}

/// Returns the message `heartbeat` of a connection that has reached `seq`.
pub(super) fn heartbeat(seq: u64) -> axum::extract::ws::Utf8Bytes {
    connection_message(
        MessageKind::Heartbeat,
        seq,
        &Value::Object(Default::default()),
    )
}

fn not_kept(error: &str) -> Message {
    Message {
        run: None,
        kind: MessageKind::Error,
        detail: Detail::Power,
        timestamp_unix_ns: energy_host::unix_ns(),
        data: json!({
            "message": format!("live messages older than 20 s are not kept: {error}"),
            "remedy": format!(
                "free space in {} or set TMPDIR to another folder, then start the server again",
                std::env::temp_dir().display()
            ),
        }),
    }
}
