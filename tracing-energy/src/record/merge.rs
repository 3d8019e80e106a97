//! Merges all threads' logs into one stream of records in time order.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::log::ThreadLog;
use super::shared::Shared;
use super::wire::{self, Latest, Record};

/// The collector's read position in one log.
pub(crate) struct Cursor {
    pub(crate) log: Arc<ThreadLog>,
    at: usize,
    time: u64,
    latest: Latest,
    /// Whether the next record was deferred with `NotYet` before.
    tried: bool,
}

impl Cursor {
    /// Returns the raw time of the next published record. A field has the time of the
    /// record before it.
    fn peek(&mut self, shared: &Shared) -> Option<u64> {
        loop {
            let head = self.log.head();
            let is_complete = head.next().is_some();
            let published = head.published();
            if let Some(&word) = published.get(self.at) {
                return Some(wire::time_of(word).unwrap_or(self.time));
            }
            if !is_complete || !self.log.pop_head(&shared.pool) {
                return None;
            }
            self.at = 0;
            shared.progress.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_done(&mut self, shared: &Shared) -> bool {
        self.log.has_ended() && self.peek(shared).is_none()
    }
}

/// The consumer's answer to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The record was processed.
    Taken,
    /// It refers to an unknown span: read newer records of other logs first.
    NotYet,
}

/// The logs of one recorder.
#[derive(Default)]
pub(crate) struct LogMerge {
    cursors: Vec<Cursor>,
    threads: Vec<usize>,
}

impl LogMerge {
    /// Adds newly registered logs; `begin` returns the thread number of each.
    pub(crate) fn adopt(
        &mut self,
        shared: &Shared,
        mut begin: impl FnMut(&Arc<ThreadLog>) -> usize,
    ) {
        while let Some(log) = shared.new_logs.pop() {
            self.threads.push(begin(&log));
            self.cursors.push(Cursor {
                log,
                at: 0,
                time: 0,
                latest: Latest::default(),
                tried: false,
            });
        }
    }

    /// Passes records up to raw time `limit` to `take(thread, time, record, last_try)`,
    /// merged by time. A record answered with `NotYet` is passed again, as the last try,
    /// after all logs were read again.
    pub(crate) fn drain(
        &mut self,
        shared: &Shared,
        limit: u64,
        mut take: impl FnMut(usize, u64, Record<'_>, bool) -> Verdict,
    ) {
        while let Some((index, until)) = self.pick(shared, limit) {
            self.run(shared, index, until, &mut take);
        }
    }

    /// Returns the log with the earliest record, and the time up to which it precedes all
    /// other logs.
    fn pick(&mut self, shared: &Shared, limit: u64) -> Option<(usize, u64)> {
        let mut best: Option<(usize, u64)> = None;
        let mut until = limit;
        for (index, cursor) in self.cursors.iter_mut().enumerate() {
            let Some(time) = cursor.peek(shared).filter(|&time| time <= limit) else {
                continue;
            };
            match best {
                Some((_, first)) if time >= first => until = until.min(time),
                _ => {
                    until = until.min(best.map_or(limit, |(_, first)| first));
                    best = Some((index, time));
                }
            }
        }
        best.map(|(index, _)| (index, until))
    }

    fn run(
        &mut self,
        shared: &Shared,
        index: usize,
        until: u64,
        take: &mut impl FnMut(usize, u64, Record<'_>, bool) -> Verdict,
    ) {
        let thread = self.threads[index];
        let cursor = &mut self.cursors[index];
        while let Some(time) = cursor.peek(shared).filter(|&time| time <= until) {
            let published = cursor.log.head().published();
            let words = wire::words_of(published[cursor.at]);
            let record = wire::decode(&published[cursor.at..cursor.at + words], cursor.latest);
            let mut latest = cursor.latest;
            latest.follow(&record);
            if take(thread, time, record, cursor.tried) == Verdict::NotYet && !cursor.tried {
                cursor.tried = true;
                return;
            }
            cursor.tried = false;
            cursor.time = time;
            cursor.latest = latest;
            cursor.at += words;
        }
    }

    /// Removes the fully read logs of ended threads; calls `end` with each thread number.
    pub(crate) fn retire(&mut self, shared: &Shared, mut end: impl FnMut(usize, &ThreadLog)) {
        for index in (0..self.cursors.len()).rev() {
            if self.cursors[index].is_done(shared) {
                let cursor = self.cursors.swap_remove(index);
                end(self.threads.swap_remove(index), &cursor.log);
            }
        }
    }

    /// Returns the logs of live threads with their thread numbers.
    pub(crate) fn live(&self) -> impl Iterator<Item = (usize, &ThreadLog)> {
        self.threads
            .iter()
            .copied()
            .zip(self.cursors.iter().map(|cursor| &*cursor.log))
    }
}
