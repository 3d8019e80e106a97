//! Chunks of words that one traced thread fills and the collector empties.
//!
//! A thread's log is a chain of chunks. Only its thread writes words, and publishes them
//! with a release store of the length. Only the collector reads up to that length, at any
//! time, without help from the thread. An emptied chunk returns to the recorder's pool.

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use crossbeam_queue::ArrayQueue;

/// Words in a chunk: 16 KiB.
pub(crate) const CHUNK_WORDS: usize = 2048;

/// Distance in words from the write position to the prefetched cache line.
const AHEAD: usize = 32;

/// A piece of one thread's log.
pub(crate) struct Chunk {
    published: AtomicU32,
    next: AtomicPtr<Chunk>,
    words: UnsafeCell<[u64; CHUNK_WORDS]>,
}

// SAFETY: words at and past `published` belong to the one writing thread, words
// before it are never written again until the chunk is recycled, which the
// reader does only after the writer has moved on to `next`.
unsafe impl Send for Chunk {}
// SAFETY: as above.
unsafe impl Sync for Chunk {}

impl Chunk {
    /// Allocates a chunk from zeroed memory, without copying 16 KiB.
    fn leaked() -> NonNull<Self> {
        let layout = Layout::new::<Self>();
        // SAFETY: the size of a chunk is not zero.
        let memory = unsafe { std::alloc::alloc_zeroed(layout) };
        // All fields are valid when zero: counters and a null pointer.
        NonNull::new(memory.cast()).unwrap_or_else(|| std::alloc::handle_alloc_error(layout))
    }

    /// Writes words from `at` on.
    ///
    /// # Safety
    /// Only the thread that owns the log, `at + N <= CHUNK_WORDS`, not yet published.
    #[inline(always)]
    pub(crate) unsafe fn write<const N: usize>(&self, at: usize, words: [u64; N]) {
        debug_assert!(at + N <= CHUNK_WORDS);
        // SAFETY: by the contract no one else touches these words.
        unsafe {
            self.words
                .get()
                .cast::<u64>()
                .add(at)
                .cast::<[u64; N]>()
                .write(words)
        }
    }

    /// Prefetches the cache line `AHEAD` words after `at` for writing. The reader accessed
    /// it last, so that a write would stall.
    #[inline(always)]
    pub(crate) fn prefetch(&self, at: usize) {
        let ahead = self.words.get().cast::<u64>().wrapping_add(at + AHEAD);
        // SAFETY: a prefetch reads and writes nothing and never faults.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            std::arch::asm!("prefetchw [{}]", in(reg) ahead, options(nostack, preserves_flags, readonly));
        }
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        unsafe {
            std::arch::asm!("prfm pstl1keep, [{}]", in(reg) ahead, options(nostack, preserves_flags, readonly));
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let _ = ahead;
    }

    /// Publishes all words before `len` to the reader.
    #[inline(always)]
    pub(crate) fn publish(&self, len: usize) {
        self.published.store(len as u32, Ordering::Release);
    }

    /// Returns the words published so far.
    pub(crate) fn published(&self) -> &[u64] {
        let len = self.published.load(Ordering::Acquire) as usize;
        // SAFETY: published words are initialised and no longer written.
        unsafe { std::slice::from_raw_parts(self.words.get().cast::<u64>(), len) }
    }

    /// Returns the next chunk; once there is one, this chunk is complete.
    pub(crate) fn next(&self) -> Option<NonNull<Chunk>> {
        NonNull::new(self.next.load(Ordering::Acquire))
    }

    /// Completes this chunk and links the next one.
    pub(crate) fn link(&self, next: NonNull<Chunk>) {
        self.next.store(next.as_ptr(), Ordering::Release);
    }
}

/// The chunks of one recorder: bounded, reused.
pub(crate) struct ChunkPool {
    free: ArrayQueue<NonNull<Chunk>>,
    allocated: AtomicUsize,
    limit: usize,
}

// SAFETY: a pointer in `free` is the only one to its chunk.
unsafe impl Send for ChunkPool {}
// SAFETY: as above; the queue is thread-safe.
unsafe impl Sync for ChunkPool {}

impl ChunkPool {
    /// Creates a pool of at most `bytes` of chunks.
    pub(crate) fn with_limit(bytes: usize) -> Self {
        let limit = (bytes / size_of::<Chunk>()).max(4);
        Self {
            free: ArrayQueue::new(limit),
            allocated: AtomicUsize::new(0),
            limit,
        }
    }

    /// Takes an empty, unlinked chunk; `None` at the limit.
    pub(crate) fn take(&self) -> Option<NonNull<Chunk>> {
        self.free.pop().or_else(|| self.allocate())
    }

    /// Takes a thread's first chunk, even above the limit: a log needs at least one.
    pub(crate) fn take_first(&self) -> NonNull<Chunk> {
        self.free.pop().unwrap_or_else(|| {
            self.allocated.fetch_add(1, Ordering::Relaxed);
            Chunk::leaked()
        })
    }

    fn allocate(&self) -> Option<NonNull<Chunk>> {
        let claim = |count| (count < self.limit).then_some(count + 1);
        self.allocated
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim)
            .ok()?;
        Some(Chunk::leaked())
    }

    /// Returns whether more than half of the limit is in use.
    pub(crate) fn is_filling(&self) -> bool {
        let used = self
            .allocated
            .load(Ordering::Relaxed)
            .saturating_sub(self.free.len());
        used * 2 > self.limit
    }

    /// Returns an emptied chunk to the pool.
    ///
    /// # Safety
    /// No one else may hold `chunk`.
    pub(crate) unsafe fn give_back(&self, chunk: NonNull<Chunk>) {
        // SAFETY: by the contract we own it.
        let used = unsafe { chunk.as_ref() };
        used.published.store(0, Ordering::Relaxed);
        used.next.store(std::ptr::null_mut(), Ordering::Relaxed);
        if self.free.push(chunk).is_err() {
            self.allocated.fetch_sub(1, Ordering::Relaxed);
            // SAFETY: made by `leaked`, owned by us.
            drop(unsafe { Box::from_raw(chunk.as_ptr()) });
        }
    }
}

impl Drop for ChunkPool {
    fn drop(&mut self) {
        while let Some(chunk) = self.free.pop() {
            // SAFETY: made by `leaked`, and the pool held the only pointer.
            drop(unsafe { Box::from_raw(chunk.as_ptr()) });
        }
    }
}

/// Frees a chain of chunks.
///
/// # Safety
/// No one else may hold `first` or any chunk after it.
pub(crate) unsafe fn free_chain(first: NonNull<Chunk>) {
    let mut next = Some(first);
    while let Some(chunk) = next {
        // SAFETY: made by `leaked`; by the contract we own the chain.
        let owned = unsafe { Box::from_raw(chunk.as_ptr()) };
        next = owned.next();
    }
}
