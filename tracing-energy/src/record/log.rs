//! One thread's log, as writer and collector share it.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, Ordering};

use super::chunk::{Chunk, ChunkPool, free_chain};
use energy_data::units::Nanos;
use energy_power::cpu_time;

/// One thread's log, shared by writer and collector.
pub(crate) struct ThreadLog {
    pub(crate) tid: i64,
    pub(crate) name: Option<String>,
    /// Raw time at which the log began, and the thread's CPU time then.
    pub(crate) began: (u64, Option<Nanos>),
    /// Oldest chunk not yet emptied; advanced by the collector only.
    head: AtomicPtr<Chunk>,
    ended: AtomicBool,
    /// CPU time of the thread when it ended; negative if not known.
    final_cpu_ns: AtomicI64,
}

impl ThreadLog {
    pub(super) fn new(first: NonNull<Chunk>, raw_time: u64) -> Arc<Self> {
        Arc::new(Self {
            tid: cpu_time::current_tid(),
            name: std::thread::current().name().map(str::to_owned),
            began: (raw_time, cpu_time::current_thread()),
            head: AtomicPtr::new(first.as_ptr()),
            ended: AtomicBool::new(false),
            final_cpu_ns: AtomicI64::new(-1),
        })
    }

    pub(super) fn end(&self, used: Option<Nanos>) {
        if let Some(used) = used {
            self.final_cpu_ns.store(used.nanos(), Ordering::Relaxed);
        }
        self.ended.store(true, Ordering::Release);
    }

    /// Returns whether the thread has ended; all its records are then published.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Returns the thread's CPU time at its end.
    pub(crate) fn final_cpu(&self) -> Option<Nanos> {
        let nanos = self.final_cpu_ns.load(Ordering::Relaxed);
        (self.has_ended() && nanos >= 0).then(|| Nanos::from_nanos(nanos))
    }

    /// Returns the oldest chunk. For the collector only.
    pub(crate) fn head(&self) -> &Chunk {
        // SAFETY: the chain is never empty and only the collector frees its head.
        unsafe { &*self.head.load(Ordering::Acquire) }
    }

    /// Returns the emptied head to `pool`; false if it is the last chunk. For the collector
    /// only, which must hold no reference into the head.
    pub(crate) fn pop_head(&self, pool: &ChunkPool) -> bool {
        let head = self.head.load(Ordering::Acquire);
        let Some(next) = self.head().next() else {
            return false;
        };
        self.head.store(next.as_ptr(), Ordering::Release);
        if let Some(head) = NonNull::new(head) {
            // SAFETY: the writer went on to `next` before it linked it, and the
            // collector holds no reference, by the contract.
            unsafe { pool.give_back(head) };
        }
        true
    }
}

impl Drop for ThreadLog {
    fn drop(&mut self) {
        if let Some(head) = NonNull::new(self.head.load(Ordering::Acquire)) {
            // SAFETY: writer and collector each hold the log's Arc; both are gone.
            unsafe { free_chain(head) };
        }
    }
}
