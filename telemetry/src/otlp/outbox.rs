//! Requests that wait for a thread of their own, so that a slow collector delays nobody.
//!
//! ```text
//! push --> queue (bounded, in bytes) --> thread --> collector
//!    \-> full: lost, counted
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::client::Client;
use super::options::{OtlpError, OtlpOptions};
use super::outcome::DeliveryCounts;
use super::request::EncodedRequest;

/// Longest single wait: not all systems can wait for an unlimited time.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// The queue, and the handle to its thread.
#[derive(Debug)]
pub struct Outbox {
    shared: Arc<OutboxState>,
    options: OtlpOptions,
}

#[derive(Debug, Default)]
struct OutboxState {
    queue: Mutex<OutboxQueue>,
    /// Signals a new request, or the end.
    changed: Condvar,
    /// Signals that nothing is queued or being sent.
    idle: Condvar,
}

#[derive(Debug, Default)]
struct OutboxQueue {
    requests: VecDeque<EncodedRequest>,
    bytes: usize,
    /// Items of the request that is being sent.
    in_flight: u64,
    is_closed: bool,
    /// Whether requests are not repeated any more.
    is_ending: bool,
    /// Whether what is still being sent has been counted as lost.
    is_abandoned: bool,
    counts: DeliveryCounts,
}

impl Outbox {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system refuses another thread.
    pub fn start(options: &OtlpOptions) -> Result<Self, OtlpError> {
        let shared = Arc::new(OutboxState::default());
        let (state, client) = (Arc::clone(&shared), Client::new(options));
        std::thread::Builder::new()
            .name("energy-otlp".to_owned())
            .spawn(move || state.send_all(client))
            .map_err(|error| OtlpError::Thread(error.to_string()))?;
        Ok(Self {
            shared,
            options: options.clone(),
        })
    }

    /// Adds a request, without waiting. It is lost and counted if there is no place.
    pub fn push(&self, request: EncodedRequest) {
        let mut queue = self.shared.lock();
        let bytes = queue.bytes + request.body.len();
        if bytes > self.options.queue_bytes {
            let message = match queue.counts.message.take() {
                Some(message) if message.starts_with("the queue is full") => message,
                Some(message) => format!("the queue is full, because {message}"),
                None => "the queue is full, because the collector is too slow".to_owned(),
            };
            queue
                .counts
                .add(&DeliveryCounts::of_lost(request.items, message));
            return;
        }
        queue.bytes = bytes;
        queue.requests.push_back(request);
        self.shared.changed.notify_one();
    }

    /// Returns the numbers up to now.
    pub fn counts(&self) -> DeliveryCounts {
        self.shared.lock().counts.clone()
    }

    /// Returns whether more than half of the queue is used. A caller that can wait loses nothing.
    pub fn is_half_full(&self) -> bool {
        self.shared.lock().bytes > self.options.queue_bytes / 2
    }

    /// Returns the address of the collector.
    pub fn endpoint(&self) -> &str {
        &self.options.endpoint
    }

    /// Waits for the last requests, as long as [`OtlpOptions::linger`] permits. Then what is not sent
    /// is lost. A request is not repeated any more.
    pub fn finish(&self) -> DeliveryCounts {
        let begin = Instant::now();
        let mut queue = self.shared.lock();
        (queue.is_closed, queue.is_ending) = (true, true);
        self.shared.changed.notify_all();
        while queue.is_busy() {
            let remaining = self.options.linger.saturating_sub(begin.elapsed());
            if remaining.is_zero() {
                queue.abandon();
                break;
            }
            let waited = self
                .shared
                .idle
                .wait_timeout(queue, remaining.min(LONGEST_WAIT));
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        queue.counts.clone()
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        (queue.is_closed, queue.is_ending) = (true, true);
        queue.abandon();
        self.shared.changed.notify_all();
    }
}

impl OutboxQueue {
    fn is_busy(&self) -> bool {
        !self.requests.is_empty() || self.in_flight > 0
    }

    /// Counts everything that is not sent as lost.
    fn abandon(&mut self) {
        if self.is_abandoned {
            return;
        }
        let queued: u64 = self.requests.drain(..).map(|request| request.items).sum();
        self.bytes = 0;
        let lost = queued + self.in_flight;
        if lost > 0 {
            let reason = self.counts.message.clone();
            let reason =
                reason.unwrap_or_else(|| "the collector did not answer in time".to_owned());
            self.counts.add(&DeliveryCounts::of_lost(lost, reason));
        }
        self.is_abandoned = true;
    }
}

impl OutboxState {
    fn lock(&self) -> MutexGuard<'_, OutboxQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send_all(&self, mut client: Client) {
        while let Some(request) = self.next() {
            let counts = client.deliver(&request, &|| self.lock().is_ending);
            let mut queue = self.lock();
            queue.in_flight = 0;
            if !queue.is_abandoned {
                queue.counts.add(&counts);
            }
            if !queue.is_busy() {
                self.idle.notify_all();
            }
        }
    }

    /// Waits for the next request; `None` at the end.
    fn next(&self) -> Option<EncodedRequest> {
        let mut queue = self.lock();
        loop {
            if let Some(request) = queue.requests.pop_front() {
                queue.bytes -= request.body.len();
                queue.in_flight = request.items;
                return Some(request);
            }
            if queue.is_closed {
                return None;
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
