//! Messages that have left the ring, in temporary files.
//!
//! ```text
//! ring --> thread --> [segment] [segment] ... [segment]   16 files of 16 MB, the oldest deleted first
//! ```
//!
//! The thread is a reader of the ring like any client: slow storage never delays the publisher. If it
//! misses messages, the spool begins anew after them, so that its messages are always consecutive. If
//! a file cannot be written, the spool is discarded and the live messages go on.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::filter::Filter;
use super::frame::Frame;
use super::ring::{Batch, Ring};
use super::segment::{Place, Segment, write_at};

/// Bytes that are written at once.
const BATCH: usize = 1 << 20;

/// Limits of a spool.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpoolLimits {
    /// Number of files.
    pub(super) segments: usize,
    /// Bytes in a file after which the next one begins.
    pub(super) segment_bytes: u32,
    /// Creates a file that is removed when it is closed.
    pub(super) create: fn() -> io::Result<File>,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        Self {
            segments: 16,
            segment_bytes: 16 << 20,
            create: tempfile::tempfile,
        }
    }
}

/// Older messages.
#[derive(Debug)]
pub(super) struct Spool {
    kept: Mutex<Kept>,
    limits: SpoolLimits,
}

#[derive(Debug, Default)]
struct Kept {
    segments: VecDeque<Segment>,
    failure: Option<String>,
}

impl Spool {
    /// Creates a spool without files.
    pub(super) fn new(limits: SpoolLimits) -> Self {
        Self {
            kept: Mutex::default(),
            limits,
        }
    }

    /// Writes what is published to `ring` until it is closed or a file cannot be written.
    pub(super) fn follow(&self, ring: &Ring) {
        let mut last = 0;
        loop {
            match ring.wait(last, BATCH) {
                Batch::Closed => return,
                Batch::Gap(gap) => {
                    self.lock().segments.clear();
                    last = gap.to;
                }
                Batch::Frames(frames) => {
                    if let Err(error) = self.append(&frames) {
                        self.fail(&error);
                        return;
                    }
                    last = frames.last().map_or(last, |frame| frame.seq);
                }
            }
        }
    }

    /// Discards all messages: `error` prevents that more are kept.
    pub(super) fn fail(&self, error: &io::Error) {
        let mut kept = self.lock();
        kept.segments.clear();
        kept.failure = Some(error.to_string());
    }

    /// Returns why the spool has failed, the first time that it is called after that.
    pub(super) fn take_failure(&self) -> Option<String> {
        self.lock().failure.take()
    }

    /// Returns the numbers of the first message and after the last message, if there are any.
    pub(super) fn seqs(&self) -> Option<std::ops::Range<u64>> {
        let kept = self.lock();
        let first = kept.segments.front()?.seqs().start;
        let end = kept.segments.back()?.seqs().end;
        Some(first..end).filter(|seqs| !seqs.is_empty())
    }

    /// Visits messages from `seq` on while `visit` returns true, or none if the message `seq` is not in
    /// the spool. `visit` receives the number, and the place if the filter selects the message.
    pub(super) fn visit(
        &self,
        seq: u64,
        filter: &Filter,
        mut visit: impl FnMut(u64, Option<Place>) -> bool,
    ) {
        let kept = self.lock();
        let mut segments = kept.segments.iter();
        let from = segments.position(|segment| segment.seqs().contains(&seq));
        let Some(from) = from else { return };
        let segments = kept.segments.range(from..);
        let mut places = segments.flat_map(|segment| segment.places(seq, filter));
        while places.next().is_some_and(|(seq, place)| visit(seq, place)) {}
    }

    fn append(&self, frames: &[Arc<Frame>]) -> io::Result<()> {
        let mut frames = frames;
        while let Some(first) = frames.first() {
            let (file, offset) = self.last_segment(first.seq)?;
            let mut end = u64::from(offset);
            let fits = frames.iter().take_while(|frame| {
                let has_space = end < u64::from(self.limits.segment_bytes);
                end += frame.text.len() as u64;
                has_space
            });
            let count = fits.count().max(1);
            let (now, later) = frames.split_at(count);
            let mut text = Vec::with_capacity(BATCH);
            now.iter()
                .for_each(|frame| text.extend_from_slice(frame.text.as_bytes()));
            write_at(&file, &text, u64::from(offset))?;
            let mut kept = self.lock();
            let added = kept
                .segments
                .back_mut()
                .is_some_and(|segment| now.iter().all(|frame| segment.add(frame)));
            if !added {
                return Err(io::Error::other("too many runs or too long a message"));
            }
            frames = later;
        }
        Ok(())
    }

    /// Returns the file that the message `seq` is written to, and its length.
    fn last_segment(&self, seq: u64) -> io::Result<(Arc<File>, u32)> {
        let current = |kept: &Kept| {
            let last = kept.segments.back()?;
            (last.length() < self.limits.segment_bytes).then(|| (last.file(), last.length()))
        };
        if let Some(found) = current(&self.lock()) {
            return Ok(found);
        }
        let dropped = self.make_space();
        drop(dropped);
        let segment = Segment::new((self.limits.create)()?, seq);
        let file = segment.file();
        self.lock().segments.push_back(segment);
        Ok((file, 0))
    }

    /// Removes the oldest segment if there are too many. Its file is closed without the lock.
    fn make_space(&self) -> Option<Segment> {
        let mut kept = self.lock();
        let is_full = kept.segments.len() >= self.limits.segments;
        is_full.then(|| kept.segments.pop_front()).flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
