//! The newest messages, shared by all clients.
//!
//! ```text
//! publisher --push-->  [ 41 42 43 44 45 46 ]  <--next(43)-- client A: 44, 45, 46, end
//!                        oldest        newest  <--next(12)-- client B: gap 13-40, then 41, ...
//! ```
//!
//! A client is one number: the last message that it has handled. A slow client therefore costs no
//! memory, and never delays the publisher or other clients. Messages that leave the ring before a
//! client has taken them are a gap.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::frame::Frame;

/// Limits of a ring. The newest message is always kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct RingLimits {
    /// Bytes of all messages.
    pub(super) bytes: usize,
    /// Age of a message when a newer one arrives.
    pub(super) age: Duration,
}

impl Default for RingLimits {
    fn default() -> Self {
        Self {
            bytes: 8 << 20,
            age: Duration::from_secs(20),
        }
    }
}

/// Consecutive messages that a client does not receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// First missing number.
    pub(super) from: u64,
    /// Last missing number.
    pub(super) to: u64,
}

/// What follows a number.
#[derive(Debug)]
pub(super) enum Next {
    /// The next message.
    Frame(Arc<Frame>),
    /// The next messages have left the ring.
    Gap(Gap),
    /// Nothing yet.
    End,
}

/// Messages that follow a number, for a reader that takes several at once.
#[derive(Debug)]
pub(super) enum Batch {
    /// At least one message.
    Frames(Vec<Arc<Frame>>),
    /// The next messages have left the ring.
    Gap(Gap),
    /// The ring is closed, and all messages were taken.
    Closed,
}

/// The newest messages.
#[derive(Debug)]
pub(super) struct Ring {
    held: Mutex<Held>,
    pushed: Condvar,
    newest: watch::Sender<u64>,
    limits: RingLimits,
}

#[derive(Debug, Default)]
struct Held {
    frames: VecDeque<(Instant, Arc<Frame>)>,
    bytes: usize,
    last_seq: u64,
    closed: bool,
}

impl Ring {
    /// Creates an empty ring.
    pub(super) fn new(limits: RingLimits) -> Self {
        Self {
            held: Mutex::default(),
            pushed: Condvar::new(),
            newest: watch::Sender::new(0),
            limits,
        }
    }

    /// Adds a message, whose number follows that of the message before it, and wakes all readers.
    pub(super) fn push(&self, frame: Frame, now: Instant) {
        let seq = frame.seq;
        let mut held = self.lock();
        held.bytes += frame.text.len();
        held.last_seq = seq;
        held.frames.push_back((now, Arc::new(frame)));
        held.evict(self.limits, now);
        drop(held);
        self.pushed.notify_all();
        self.newest.send_replace(seq);
    }

    /// Marks all messages of a run, because it was deleted.
    pub(super) fn forget(&self, run: &Arc<str>) {
        for (_, frame) in &self.lock().frames {
            if frame.label.run.as_ref() == Some(run) {
                frame.is_forgotten.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Returns what follows `seq`.
    pub(super) fn next(&self, seq: u64) -> Next {
        let held = self.lock();
        match held.position(seq) {
            Err(gap) => Next::Gap(gap),
            Ok(at) => match held.frames.get(at) {
                Some((_, frame)) => Next::Frame(Arc::clone(frame)),
                None => Next::End,
            },
        }
    }

    /// Waits until something follows `seq`, and returns at most `bytes` of it, or one message.
    pub(super) fn wait(&self, seq: u64, bytes: usize) -> Batch {
        let mut held = self.lock();
        while held.last_seq <= seq && !held.closed {
            held = self
                .pushed
                .wait(held)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let at = match held.position(seq) {
            Err(gap) => return Batch::Gap(gap),
            Ok(at) => at,
        };
        let mut taken = 0;
        let frames: Vec<_> = held
            .frames
            .range(at..)
            .take_while(|(_, frame)| {
                let is_first = taken == 0;
                taken += frame.text.len();
                is_first || taken <= bytes
            })
            .map(|(_, frame)| Arc::clone(frame))
            .collect();
        match frames.is_empty() {
            true => Batch::Closed,
            false => Batch::Frames(frames),
        }
    }

    /// Returns a receiver of the newest number.
    pub(super) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Returns the number of the newest message, 0 before the first.
    pub(super) fn last_seq(&self) -> u64 {
        self.lock().last_seq
    }

    /// Returns the number of the oldest message in the ring, or of the next one if it is empty.
    pub(super) fn first_seq(&self) -> u64 {
        self.lock().first_seq()
    }

    /// Wakes readers that wait; they end once they have taken all messages.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.pushed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn evict(&mut self, limits: RingLimits, now: Instant) {
        while self.frames.len() > 1 {
            let Some((at, oldest)) = self.frames.front() else {
                return;
            };
            let is_old = now.saturating_duration_since(*at) > limits.age;
            if self.bytes <= limits.bytes && !is_old {
                return;
            }
            self.bytes -= oldest.text.len();
            self.frames.pop_front();
        }
    }

    fn first_seq(&self) -> u64 {
        let oldest = self.frames.front();
        oldest.map_or(self.last_seq + 1, |(_, frame)| frame.seq)
    }

    /// Returns the position of the message after `seq`, or what is missing before the oldest one.
    fn position(&self, seq: u64) -> Result<usize, Gap> {
        let first = self.first_seq();
        match (seq + 1).checked_sub(first) {
            Some(at) => Ok(usize::try_from(at)
                .unwrap_or(usize::MAX)
                .min(self.frames.len())),
            None => Err(Gap {
                from: seq + 1,
                to: first - 1,
            }),
        }
    }
}
