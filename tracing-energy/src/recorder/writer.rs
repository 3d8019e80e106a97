//! The writer thread: passes batches to sinks without blocking the collector.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use energy_data::sink::{Batch, Sink, SinkError};
use energy_power::cpu_time;

/// Maximum number of batches in the queue.
const QUEUE: usize = 3;
/// Time the collector waits for a place in the queue before it drops rows.
const PATIENCE: Duration = Duration::from_millis(500);

/// A failure of a sink and the number of lost rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SinkFailure {
    pub(crate) message: String,
    pub(crate) rows: u64,
}

/// The collector's handle to the writer thread.
pub(crate) struct SinkWriter {
    batches: Option<SyncSender<Batch>>,
    failures: Arc<Mutex<Vec<SinkFailure>>>,
    /// Number of batches sent and number of batches processed by the sinks.
    sent: AtomicU64,
    done: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
    tid: i64,
}

impl SinkWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(crate) fn spawn(sinks: Vec<Box<dyn Sink>>) -> std::io::Result<Self> {
        let (batches, queue) = sync_channel(QUEUE);
        let (tid_sender, tid) = sync_channel(1);
        let failures = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&failures);
        let done = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&done);
        let thread = std::thread::Builder::new()
            .name("energy-write".to_owned())
            .spawn(move || {
                let _ = tid_sender.send(cpu_time::current_tid());
                write_all(sinks, &queue, &shared, &counted);
            })?;
        let tid = tid.recv().unwrap_or_default();
        Ok(Self {
            batches: Some(batches),
            failures,
            sent: AtomicU64::new(0),
            done,
            thread: Some(thread),
            tid,
        })
    }

    /// Returns the thread's system id.
    pub(crate) fn tid(&self) -> i64 {
        self.tid
    }

    /// Sends a batch. Returns it if the queue stays full.
    pub(crate) fn send(&self, mut batch: Batch) -> Result<(), Box<Batch>> {
        let Some(batches) = &self.batches else {
            return Err(Box::new(batch));
        };
        let begin = Instant::now();
        loop {
            match batches.try_send(batch) {
                Ok(()) => {
                    self.sent.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(TrySendError::Full(back)) if begin.elapsed() < PATIENCE => batch = back,
                Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) => {
                    return Err(Box::new(back));
                }
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Sends the last batch; waits as long as needed.
    pub(crate) fn send_last(&self, batch: Batch) {
        if let Some(batches) = &self.batches
            && batches.send(batch).is_ok()
        {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends an optional batch if the queue has a place.
    pub(crate) fn offer(&self, batch: Batch) {
        if let Some(batches) = &self.batches
            && batches.try_send(batch).is_ok()
        {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until the sinks have processed all batches, so that all their failures are
    /// known.
    pub(crate) fn drain(&self) {
        let is_alive = || {
            self.thread
                .as_ref()
                .is_some_and(|thread| !thread.is_finished())
        };
        while self.done.load(Ordering::Acquire) < self.sent.load(Ordering::Relaxed) && is_alive() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Takes the failures since the last call.
    pub(crate) fn failures(&self) -> Vec<SinkFailure> {
        self.failures
            .lock()
            .map(|mut failures| std::mem::take(&mut *failures))
            .unwrap_or_default()
    }

    /// Waits until everything is written and the sinks have finished; returns the failures.
    pub(crate) fn finish(&mut self) -> Vec<SinkFailure> {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.failures()
    }
}

fn write_all(
    mut sinks: Vec<Box<dyn Sink>>,
    queue: &Receiver<Batch>,
    failures: &Mutex<Vec<SinkFailure>>,
    done: &AtomicU64,
) {
    let fail = |sink: &dyn Sink, error: SinkError, rows: u64| {
        if let Ok(mut failures) = failures.lock() {
            failures.push(SinkFailure {
                message: format!("{}: {error}", sink.name()),
                rows,
            });
        }
    };
    for batch in queue {
        for sink in &mut sinks {
            if let Err(error) = sink.write(&batch) {
                let rows = sink.lost_rows(&batch);
                fail(&**sink, error, rows);
            }
        }
        done.fetch_add(1, Ordering::Release);
    }
    for sink in &mut sinks {
        if let Err(error) = sink.finish() {
            fail(&**sink, error, 0);
        }
    }
}
