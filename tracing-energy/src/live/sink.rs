//! The sink that passes rows to subscribers in this process.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use energy_data::live::Update;
use energy_data::sink::{Batch, Sink, SinkError};

use super::ring::{Next, Ring};

/// Passes what a recording writes to [subscribers](Self::subscribe) in this process. Clones are
/// handles to the same subscribers.
///
/// A batch is copied once, however many subscribers there are, and not at all without one. The
/// writer thread never waits for a subscriber: one that is more than `capacity` updates behind
/// loses the oldest, and receives their number.
///
/// It belongs to one recording; give it to
/// [`EnergyLayerBuilder::sink`](crate::EnergyLayerBuilder::sink).
#[derive(Debug, Clone)]
pub struct LiveSink(Arc<Channel>);

#[derive(Debug)]
struct Channel {
    ring: Mutex<Ring>,
    arrived: Condvar,
    subscribers: AtomicUsize,
}

impl Channel {
    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveSink {
    /// Creates a sink that keeps `capacity` updates for slow subscribers. There are about four
    /// updates per second, more if many spans end.
    pub fn new(capacity: usize) -> Self {
        Self(Arc::new(Channel {
            ring: Mutex::new(Ring::new(capacity)),
            arrived: Condvar::new(),
            subscribers: AtomicUsize::new(0),
        }))
    }

    /// Subscribes to all later updates. If the recording has begun, its run, rails, threads,
    /// callsites and nodes so far come first.
    pub fn subscribe(&self) -> Subscription {
        let ring = self.0.lock();
        self.0.subscribers.fetch_add(1, Ordering::Relaxed);
        Subscription {
            channel: Arc::clone(&self.0),
            state: Mutex::new(Received {
                next: ring.end(),
                first: ring.context().into_iter().collect(),
            }),
        }
    }
}

impl Sink for LiveSink {
    fn name(&self) -> &'static str {
        "live"
    }

    fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        let copy = || {
            let has_subscribers = self.0.subscribers.load(Ordering::Relaxed) > 0;
            has_subscribers.then(|| Arc::new(batch.clone()))
        };
        // Copied before the lock, for which subscribers wait, unless the first one comes now.
        let shared = copy();
        let mut ring = self.0.lock();
        let run = ring.remember(batch);
        let (Some(run), Some(batch)) = (run, shared.or_else(copy)) else {
            ring.clear();
            return Ok(());
        };
        ring.push(Update::Rows { run, batch });
        drop(ring);
        self.0.arrived.notify_all();
        Ok(())
    }

    fn lost_rows(&self, _: &Batch) -> u64 {
        0
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.0.lock().close();
        self.0.arrived.notify_all();
        Ok(())
    }
}

/// Why nothing was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiveError {
    /// No update has arrived yet.
    Empty,
    /// The recording has ended, and all its updates were received.
    Closed,
}

impl std::fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "no update has arrived yet",
            Self::Closed => "the recording has ended: no update will arrive",
        })
    }
}

impl std::error::Error for ReceiveError {}

/// Receives the updates of a [`LiveSink`]. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Subscription {
    channel: Arc<Channel>,
    state: Mutex<Received>,
}

#[derive(Debug)]
struct Received {
    /// Number of the next update.
    next: u64,
    /// Updates that come before it.
    first: VecDeque<Update>,
}

impl Subscription {
    /// Returns the next update if it has arrived.
    ///
    /// # Errors
    /// [`ReceiveError::Empty`] if it has not, [`ReceiveError::Closed`] after the last one.
    pub fn try_recv(&self) -> Result<Update, ReceiveError> {
        self.recv_timeout(Duration::ZERO)
    }

    /// Waits at most `timeout` for the next update.
    ///
    /// # Errors
    /// [`ReceiveError::Empty`] if none has arrived by then, [`ReceiveError::Closed`] after the last
    /// one.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Update, ReceiveError> {
        let begin = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(update) = state.first.pop_front() {
            return Ok(update);
        }
        let mut ring = self.channel.lock();
        loop {
            match ring.next(&mut state.next) {
                Next::Update(update) => return Ok(update),
                Next::Lost(updates) => {
                    // Rows that the next ones refer to may be among the lost ones.
                    state.first.extend(ring.context());
                    return Ok(Update::Lost { updates });
                }
                Next::Closed => return Err(ReceiveError::Closed),
                Next::Nothing => {}
            }
            let left = timeout.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Err(ReceiveError::Empty);
            }
            let waited = self.channel.arrived.wait_timeout(ring, left);
            ring = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.channel.subscribers.fetch_sub(1, Ordering::Relaxed);
    }
}
