//! The writing end of a thread's log, and the lookup of a thread's own one.
//!
//! Guarantees: no lock and no I/O on a traced thread; no allocation once the recorder's
//! memory is warm; waits only for memory and for a limited time. Not guaranteed: records
//! written while a thread's locals are torn down and records made inside the `Debug` of a
//! recorded field; both are counted. Once the registry's own locals are gone,
//! `tracing-subscriber` itself panics on a new span.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::chunk::{CHUNK_WORDS, Chunk};
use super::edge_clock::{EdgeClock, EdgeMeter};
use super::log::ThreadLog;
use super::shared::{OnFull, Shared};
use super::wire::{self, RecordKind};
use energy_power::cpu_time;

/// The writing end of a log. Lives in the thread's locals; only that thread uses it.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    log: Arc<ThreadLog>,
    chunk: Cell<NonNull<Chunk>>,
    at: Cell<usize>,
    busy: Cell<bool>,
    /// The collector's progress when this writer began to drop records, while it does.
    dropping_since: Cell<Option<usize>>,
    pub(crate) implied: Implied,
    edges: EdgeMeter,
}

/// The ids implied by the log (see `wire`), and the times of the latest exit and of the
/// latest enter or exit.
#[derive(Debug, Default)]
pub(crate) struct Implied {
    pub(crate) new: Cell<u64>,
    pub(crate) entered: Cell<u64>,
    pub(crate) exited: Cell<(u64, u64)>,
    pub(crate) time: Cell<u64>,
}

impl Writer {
    fn register(shared: &Arc<Shared>) -> Box<Self> {
        let first = shared.pool.take_first();
        let log = ThreadLog::new(first, shared.raw_now());
        shared.new_logs.push(Arc::clone(&log));
        Box::new(Self {
            shared: Arc::clone(shared),
            log,
            chunk: Cell::new(first),
            at: Cell::new(0),
            busy: Cell::new(false),
            dropping_since: Cell::new(None),
            implied: Implied::default(),
            edges: EdgeMeter::new(shared.edge_clock, shared.edge_interval),
        })
    }

    /// Appends a record, or its part of fixed length; false if it was dropped.
    #[inline(always)]
    pub(crate) fn append<const N: usize>(&self, words: [u64; N]) -> bool {
        let fits = self.reserve(N);
        if fits {
            let at = self.at.get();
            // SAFETY: `reserve` made room in our own chunk, past what is published.
            unsafe { self.chunk.get().as_ref().write(at, words) };
            self.at.set(at + N);
        }
        fits
    }

    /// Records the thread's CPU time at the entry of a span, if a reading is due.
    #[inline(always)]
    pub(crate) fn cpu_time_at_enter(&self, time: u64) {
        if let Some(used_ns) = self.edges.enter(time) {
            self.cpu_time(time, used_ns);
        }
    }

    /// Records the thread's CPU time at the exit of a span, if a reading is due.
    #[inline(always)]
    pub(crate) fn cpu_time_at_exit(&self, time: u64) {
        if let Some(used_ns) = self.edges.exit(time) {
            self.cpu_time(time, used_ns);
        }
    }

    #[cold]
    fn cpu_time(&self, time: u64, used_ns: u64) {
        self.append([wire::timed(RecordKind::CpuTime, time), used_ns]);
    }

    /// Reserves room for a record of `words` words; false if it has to be dropped.
    #[inline(always)]
    pub(crate) fn reserve(&self, words: usize) -> bool {
        self.at.get() + words <= CHUNK_WORDS || self.next_chunk()
    }

    /// Prefetches the memory of the next writes.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        // SAFETY: our current chunk stays in the chain until we link the next.
        unsafe { self.chunk.get().as_ref() }.prefetch(self.at.get());
    }

    /// Runs `visit`, which may run the program's own code. Records made by that code are
    /// refused, since they would interrupt the current record.
    #[inline(always)]
    pub(crate) fn while_busy(&self, visit: impl FnOnce()) {
        self.busy.set(true);
        let _free_again = Busy(&self.busy);
        visit();
    }

    /// Publishes everything appended so far to the collector.
    #[inline]
    pub(crate) fn publish(&self) {
        // SAFETY: our current chunk stays in the chain until we link the next.
        unsafe { self.chunk.get().as_ref() }.publish(self.at.get());
    }

    #[cold]
    fn next_chunk(&self) -> bool {
        self.publish();
        let Some(next) = self.shared.pool.take().or_else(|| self.wait_for_chunk()) else {
            self.shared.losses.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        self.dropping_since.set(None);
        // SAFETY: our current chunk stays in the chain until we link the next.
        unsafe { self.chunk.get().as_ref() }.link(next);
        self.chunk.set(next);
        self.at.set(0);
        if self.shared.pool.is_filling() {
            self.shared.wake_collector();
        }
        true
    }

    fn wait_for_chunk(&self) -> Option<NonNull<Chunk>> {
        self.shared.wake_collector();
        let progress = self.shared.progress.load(Ordering::Relaxed);
        if self.shared.on_full == OnFull::Drop || self.dropping_since.get() == Some(progress) {
            return None;
        }
        let begin = Instant::now();
        let chunk = self.poll_for_chunk(begin);
        let waited = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.shared
            .losses
            .stalled_ns
            .fetch_add(waited, Ordering::Relaxed);
        chunk
    }

    /// Polls for a free chunk until the collector has made no progress for a second.
    fn poll_for_chunk(&self, begin: Instant) -> Option<NonNull<Chunk>> {
        let mut progress = self.shared.progress.load(Ordering::Relaxed);
        let mut since = begin;
        while self.shared.gate.is_open() {
            std::thread::sleep(Duration::from_micros(200));
            if let Some(chunk) = self.shared.pool.take() {
                return Some(chunk);
            }
            let now = self.shared.progress.load(Ordering::Relaxed);
            if now != progress {
                (progress, since) = (now, Instant::now());
            } else if since.elapsed() > Duration::from_secs(1) {
                self.dropping_since.set(Some(now));
                return None;
            }
            self.shared.wake_collector();
        }
        None
    }
}

impl Drop for Writer {
    /// Ends the thread's open activations.
    fn drop(&mut self) {
        let used = cpu_time::current_thread();
        if self.shared.gate.is_open() {
            let time = self.shared.raw_now();
            if let Some(used_ns) = used.filter(|_| self.shared.edge_clock != EdgeClock::Off) {
                self.cpu_time(time, used_ns.nanos() as u64);
            }
            self.append([wire::timed(RecordKind::ThreadEnd, time)]);
        }
        self.publish();
        self.log.end(used);
        self.shared.wake_collector();
    }
}

/// The most recently used recorder on this thread, and its writer.
#[derive(Clone, Copy)]
struct LatestWriter {
    recorder: u64,
    writer: *const Writer,
}

const NONE: LatestWriter = LatestWriter {
    recorder: 0,
    writer: std::ptr::null(),
};

thread_local! {
    static LATEST: Cell<LatestWriter> = const { Cell::new(NONE) };
    static WRITERS: RefCell<Writers> = const { RefCell::new(Writers(Vec::new())) };
}

/// Boxed: `LATEST` points at a writer while the list may grow.
#[allow(clippy::vec_box)]
struct Writers(Vec<Box<Writer>>);

impl Drop for Writers {
    fn drop(&mut self) {
        let _ = LATEST.try_with(|latest| latest.set(NONE));
    }
}

/// Runs `write` with this thread's writer for `shared`. While the thread is torn down or
/// formats a field of a record, it does nothing but count the lost record.
#[inline(always)]
pub(crate) fn with_writer(shared: &Arc<Shared>, write: impl FnOnce(&Writer)) {
    let latest = LATEST.try_with(Cell::get).unwrap_or(NONE);
    let writer = if latest.recorder == shared.id {
        latest.writer
    } else {
        find_writer(shared)
    };
    // SAFETY: a pointer in `LATEST` is to a boxed writer in `WRITERS`, which
    // clears `LATEST` before it drops and removes writers only in `find_writer`.
    match unsafe { writer.as_ref() } {
        Some(writer) if !writer.busy.get() => write(writer),
        Some(_) => count(&shared.losses.nested),
        None => count(&shared.losses.late),
    }
}

#[cold]
fn count(losses: &AtomicU64) {
    losses.fetch_add(1, Ordering::Relaxed);
}

/// Marks a writer as busy until dropped, also if formatting a field panics.
struct Busy<'a>(&'a Cell<bool>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

#[cold]
fn find_writer(shared: &Arc<Shared>) -> *const Writer {
    let find = |writers: &RefCell<Writers>| {
        let mut writers = writers.try_borrow_mut().ok()?;
        let known = writers
            .0
            .iter()
            .find(|writer| writer.shared.id == shared.id);
        let writer = match known {
            Some(writer) => std::ptr::from_ref(&**writer),
            None => {
                writers
                    .0
                    .retain(|writer| writer.shared.gate.is_open() || writer.busy.get());
                writers.0.push(Writer::register(shared));
                std::ptr::from_ref(&**writers.0.last()?)
            }
        };
        let _ = LATEST.try_with(|latest| {
            latest.set(LatestWriter {
                recorder: shared.id,
                writer,
            })
        });
        Some(writer)
    };
    WRITERS
        .try_with(find)
        .ok()
        .flatten()
        .unwrap_or(std::ptr::null())
}
