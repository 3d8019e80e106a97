//! Runs a meter on a thread of its own, because its calls block and it is unknown whether it
//! may move between threads.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::meter::{Meter, MeterReading};
use crate::cpu_time;
use crate::error::SourceError;

/// Longest time of a reading after its wait.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The result of a request for a reading.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum MeterReply {
    /// The reading and its instant, because the reply may be received much later.
    Counted(MeterReading, Instant),
    /// A temporary failure.
    Failed(String),
    /// The thread has ended.
    Gone(String),
}

pub(super) struct MeterThread {
    requests: Sender<Duration>,
    replies: Receiver<Result<(MeterReading, Instant), String>>,
    tid: i64,
    /// Whether a reply is pending.
    is_pending: std::cell::Cell<bool>,
}

impl MeterThread {
    pub(super) fn spawn<M: Meter>(
        make: impl FnOnce() -> Result<M, String> + Send + 'static,
    ) -> Result<Self, SourceError> {
        let (requests, received) = channel::<Duration>();
        let (reply, replies) = channel();
        let (tid_sender, tid) = channel();
        let thread = std::thread::Builder::new().name("energy-ioreport".into());
        let spawned = thread.spawn(move || {
            let _ = tid_sender.send(cpu_time::current_tid());
            let mut meter = make();
            for wait in received {
                let read = match &mut meter {
                    Ok(meter) => meter.read(wait),
                    Err(why) => Err(why.clone()),
                };
                let read = read.map(|counted| (counted, Instant::now()));
                if reply.send(read).is_err() {
                    return;
                }
            }
        });
        spawned.map_err(|error| SourceError::Retry {
            what: "IOReport".into(),
            why: error.to_string(),
        })?;
        Ok(Self {
            requests,
            replies,
            tid: tid.recv().unwrap_or_default(),
            is_pending: std::cell::Cell::new(false),
        })
    }

    /// Returns the system's id of the thread.
    pub(super) fn tid(&self) -> Option<i64> {
        Some(self.tid).filter(|&tid| tid != 0)
    }

    /// Requests a reading that waits for `wait`; [`Self::wait`] returns it. Does nothing if
    /// a reading is pending.
    pub(super) fn start_reading(&self, wait: Duration) {
        let is_sent = !self.is_pending.get() && self.requests.send(wait).is_ok();
        self.is_pending.set(is_sent || self.is_pending.get());
    }

    /// Waits up to `timeout` for the pending reading; `None` if there is none.
    pub(super) fn wait(&self, timeout: Duration) -> Option<MeterReply> {
        if !self.is_pending.get() {
            return None;
        }
        let reply = match self.replies.recv_timeout(timeout) {
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => MeterReply::Gone("its thread has ended".into()),
            Ok(Ok((counted, at))) => MeterReply::Counted(counted, at),
            Ok(Err(why)) => MeterReply::Failed(why),
        };
        self.is_pending.set(false);
        Some(reply)
    }

    /// Requests a reading and waits for it.
    pub(super) fn request(&self, wait: Duration) -> MeterReply {
        self.start_reading(wait);
        let late = || MeterReply::Failed("no reading within its time limit".into());
        self.wait(wait + TIMEOUT).unwrap_or_else(late)
    }
}
