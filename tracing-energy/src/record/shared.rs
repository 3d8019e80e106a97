//! State shared by the traced threads and the collector of one recorder.

use std::sync::Arc;
use std::sync::OnceLock;
#[cfg(unix)]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::thread::Thread;

use crossbeam_queue::SegQueue;

use super::chunk::ChunkPool;
use super::edge_clock::{self, EdgeClock};
use super::log::ThreadLog;
use super::raw_clock::RawClock;

/// Behaviour of a traced thread when the recorder's memory is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnFull {
    /// Waits for the collector. After a second without progress of the collector, it drops
    /// whole records and counts them.
    #[default]
    Wait,
    /// Drops whole records immediately and counts them.
    Drop,
}

/// Which fields of spans and events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Capture {
    /// Key fields and data fields.
    #[default]
    All,
    /// Key fields and `token` only; no events.
    KeyFields,
}

/// Which fields are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldCapture {
    /// Which fields.
    pub(crate) capture: Capture,
    /// Whether texts of fields other than key fields are recorded.
    pub(crate) texts: bool,
}

/// Whether a recorder accepts records.
#[derive(Debug)]
pub(crate) struct RecorderGate {
    state: AtomicU8,
    next: AtomicPtr<RecorderGate>,
}

const OPEN: u8 = 0;
const CLOSED: u8 = 1;
const FORKED: u8 = 2;

static GATES: AtomicPtr<RecorderGate> = AtomicPtr::new(std::ptr::null_mut());

impl RecorderGate {
    /// Creates an open gate that a fork closes in the child. Leaked (16 bytes): the fork
    /// handler walks the list of gates and must not lock.
    fn register() -> &'static Self {
        install_fork_handler();
        let gate = Box::leak(Box::new(Self {
            state: AtomicU8::new(OPEN),
            next: AtomicPtr::new(std::ptr::null_mut()),
        }));
        let mut head = GATES.load(Ordering::Acquire);
        loop {
            gate.next.store(head, Ordering::Relaxed);
            match GATES.compare_exchange(head, gate, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return gate,
                Err(now) => head = now,
            }
        }
    }

    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.state.load(Ordering::Relaxed) == OPEN
    }

    pub(crate) fn close(&self) {
        let _ = self
            .state
            .compare_exchange(OPEN, CLOSED, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Returns whether this process is a fork of the recording one, in which the recorder's
    /// threads do not exist.
    pub(crate) fn is_forked(&self) -> bool {
        self.state.load(Ordering::Relaxed) == FORKED
    }
}

extern "C" fn close_gates_in_child() {
    let mut gate = GATES.load(Ordering::Acquire);
    // SAFETY: gates are leaked, never freed.
    while let Some(open) = unsafe { gate.as_ref() } {
        open.state.store(FORKED, Ordering::Release);
        gate = open.next.load(Ordering::Acquire);
    }
    edge_clock::close_in_child();
}

fn install_fork_handler() {
    #[cfg(unix)]
    {
        static INSTALLED: AtomicBool = AtomicBool::new(false);
        if !INSTALLED.swap(true, Ordering::AcqRel) {
            // SAFETY: the handler only stores to atomics, which is allowed after fork.
            unsafe { libc::pthread_atfork(None, None, Some(close_gates_in_child)) };
        }
    }
    #[cfg(not(unix))]
    let _ = close_gates_in_child;
}

/// Counts of records lost or delayed on traced threads.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// Records dropped because memory was full.
    pub(crate) dropped: AtomicU64,
    /// Time traced threads waited for memory.
    pub(crate) stalled_ns: AtomicU64,
    /// Records of threads that were already being torn down.
    pub(crate) late: AtomicU64,
    /// Records from inside a field's own formatting.
    pub(crate) nested: AtomicU64,
}

/// Recording options of traced threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecorderOptions {
    /// Behaviour when memory is full.
    pub(crate) on_full: OnFull,
    /// Recorded fields.
    pub(crate) kept: FieldCapture,
    /// CPU clock at the edges of spans.
    pub(crate) edge_clock: EdgeClock,
}

/// Shared by the layer, the traced threads' writers and the collector.
pub(crate) struct Shared {
    pub(crate) id: u64,
    pub(crate) gate: &'static RecorderGate,
    pub(crate) clock: RawClock,
    pub(crate) pool: ChunkPool,
    pub(crate) on_full: OnFull,
    pub(crate) kept: FieldCapture,
    pub(crate) edge_clock: EdgeClock,
    /// Mean time between readings of a thread's CPU time, in raw counts.
    pub(crate) edge_interval: u64,
    pub(crate) new_logs: SegQueue<Arc<ThreadLog>>,
    pub(crate) losses: Losses,
    /// Grows whenever the collector frees memory.
    pub(crate) progress: AtomicUsize,
    pub(crate) collector: OnceLock<Thread>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Shared {
    pub(crate) fn new(buffer_bytes: usize, recorded: RecorderOptions) -> Arc<Self> {
        let clock = RawClock::new();
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            gate: RecorderGate::register(),
            edge_interval: clock.counts_in(edge_clock::INTERVAL),
            clock,
            pool: ChunkPool::with_limit(buffer_bytes),
            on_full: recorded.on_full,
            kept: recorded.kept,
            edge_clock: recorded.edge_clock,
            new_logs: SegQueue::new(),
            losses: Losses::default(),
            progress: AtomicUsize::new(0),
            collector: OnceLock::new(),
        })
    }

    /// Returns the raw count since the recorder began.
    #[inline(always)]
    pub(crate) fn raw_now(&self) -> u64 {
        self.clock.now()
    }

    pub(crate) fn wake_collector(&self) {
        if let Some(thread) = self.collector.get() {
            thread.unpark();
        }
    }
}
