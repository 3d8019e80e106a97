//! Segments of the innermost activation on one thread, kept until their power windows have
//! closed.
//!
//! ```text
//! time     |---- 1 ms slot ----|---- 1 ms slot ----|------
//! segments [a ][b ][ a    ][ c ................. ][a][b]..
//!          `-- ended in their slot --'  `-- spans two: never folded
//! ```
//!
//! A window may cut anywhere, so segments are kept as they are. Only if more than
//! [`FOLD_FROM`] of them begin and end within one slot, that slot becomes a [`TrackBlock`] of sums
//! by key, taken to be spread evenly over its time. Which slots fold depends on the trace
//! only, not on when rows are fetched: live and offline attribution use the same blocks.

use std::collections::VecDeque;

/// Length of a slot.
pub(crate) const SLOT_NS: i64 = 1_000_000;
/// Number of segments from which on a slot is folded, if that at least halves their number.
pub(crate) const FOLD_FROM: usize = 64;

/// Returns the start of the slot that contains `time`: a slot that may still fold would be cut
/// before and after it does.
pub(crate) fn whole_slots(time: i64) -> i64 {
    time.div_euclid(SLOT_NS) * SLOT_NS
}

/// A time with one key. 24 bytes, because many may be retained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TrackSegment {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) key: u32,
}

/// Sums by key over `[start, end)`, taken to be spread evenly over it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrackBlock {
    pub(crate) start: i64,
    pub(crate) end: i64,
    parts: Vec<(u32, i64)>,
}

impl TrackBlock {
    /// The sums by key inside `[start, end)`, which lies within the block. Adjacent
    /// cuts add up to the whole, to the nanosecond.
    pub(crate) fn cut(&self, start: i64, end: i64) -> impl Iterator<Item = (u32, i64)> + '_ {
        self.parts.iter().map(move |&(key, ns)| {
            let upto = |time| self.upto(ns, time);
            (key, upto(end) - upto(start))
        })
    }

    /// Returns the part of `ns` before `time`.
    fn upto(&self, ns: i64, time: i64) -> i64 {
        let length = i128::from(self.end - self.start).max(1);
        (i128::from(ns) * i128::from(time - self.start) / length) as i64
    }
}

/// Retained segments of one thread (or of anything else with one state at a time).
#[derive(Debug, Default)]
pub(crate) struct ThreadTrack {
    segments: VecDeque<TrackSegment>,
    blocks: VecDeque<TrackBlock>,
    slot: i64,
    in_slot: usize,
    in_blocks: usize,
}

impl ThreadTrack {
    /// Appends `[start, end)`, which begins at or after the end of the last.
    pub(crate) fn push(&mut self, start: i64, end: i64, key: u32) {
        if end <= start {
            return;
        }
        let slot = end.div_euclid(SLOT_NS);
        if slot != self.slot {
            self.fold_slot();
            self.slot = slot;
        }
        self.in_slot += usize::from(start >= slot * SLOT_NS);
        self.segments.push_back(TrackSegment { start, end, key });
    }

    /// Adds an amount that is only known as a sum over `[start, end)`.
    pub(crate) fn push_sum(&mut self, start: i64, end: i64, key: u32, ns: i64) {
        if end <= start || ns <= 0 {
            return;
        }
        self.in_blocks += 1;
        match self.blocks.back_mut() {
            Some(block) if (block.start, block.end) == (start, end) => block.parts.push((key, ns)),
            _ => self.blocks.push_back(TrackBlock {
                start,
                end,
                parts: vec![(key, ns)],
            }),
        }
    }

    /// Folds slots that ended by `until`. All segments that ended before must have been pushed.
    pub(crate) fn seal(&mut self, until: i64) {
        if self.in_slot > 0 && (self.slot + 1).saturating_mul(SLOT_NS) <= until {
            self.fold_slot();
        }
    }

    /// Segments inside `[start, end)`, cut to it.
    pub(crate) fn segments(&self, start: i64, end: i64) -> impl Iterator<Item = TrackSegment> + '_ {
        let first = self.segments.partition_point(|s| s.end <= start);
        self.segments
            .range(first..)
            .take_while(move |s| s.start < end)
            .map(move |s| TrackSegment {
                start: s.start.max(start),
                end: s.end.min(end),
                key: s.key,
            })
    }

    /// Blocks that overlap `[start, end)`, each with its part inside.
    pub(crate) fn blocks(
        &self,
        start: i64,
        end: i64,
    ) -> impl Iterator<Item = (i64, i64, &TrackBlock)> {
        let first = self.blocks.partition_point(|b| b.end <= start);
        self.blocks
            .range(first..)
            .take_while(move |b| b.start < end)
            .map(move |b| (b.start.max(start), b.end.min(end), b))
    }

    /// Drops segments and blocks that ended by `before`.
    pub(crate) fn prune(&mut self, before: i64) {
        // Segments of a slot that may still fold are kept for their count.
        while self.segments.len() > self.in_slot
            && self.segments.front().is_some_and(|s| s.end <= before)
        {
            self.segments.pop_front();
        }
        while self.blocks.front().is_some_and(|b| b.end <= before) {
            if let Some(block) = self.blocks.pop_front() {
                self.in_blocks -= block.parts.len();
            }
        }
    }

    /// Folds everything that ended by `before` into one block to limit memory. Returns the
    /// number of folded segments.
    pub(crate) fn coarsen(&mut self, before: i64) -> usize {
        let raw = self.segments.partition_point(|s| s.end <= before);
        let raw = raw.min(self.segments.len() - self.in_slot);
        let blocks = self.blocks.partition_point(|b| b.end <= before);
        if raw + blocks < 2 {
            return 0;
        }
        let segments: Vec<TrackSegment> = self.segments.drain(..raw).collect();
        let blocks: Vec<TrackBlock> = self.blocks.drain(..blocks).collect();
        let edges = segments.iter().map(|s| (s.start, s.end));
        let edges = edges.chain(blocks.iter().map(|b| (b.start, b.end)));
        let (start, end) = edges.fold((i64::MAX, i64::MIN), |(first, last), (start, end)| {
            (first.min(start), last.max(end))
        });
        let sums = segments.iter().map(|s| (s.key, s.end - s.start));
        let sums = sums.chain(blocks.iter().flat_map(|b| b.parts.iter().copied()));
        let parts = sum_by_key(sums.collect());
        self.in_blocks += parts.len();
        self.in_blocks -= blocks.iter().map(|b| b.parts.len()).sum::<usize>();
        self.blocks.push_front(TrackBlock { start, end, parts });
        raw
    }

    /// Number of segments and block entries kept.
    pub(crate) fn retained(&self) -> usize {
        self.segments.len() + self.in_blocks
    }

    /// Start of the oldest segment or block.
    pub(crate) fn oldest(&self) -> Option<i64> {
        let segment = self.segments.front().map(|s| s.start);
        let block = self.blocks.front().map(|b| b.start);
        segment.into_iter().chain(block).min()
    }

    fn fold_slot(&mut self) {
        let count = std::mem::take(&mut self.in_slot);
        if count < FOLD_FROM {
            return;
        }
        let first = self.segments.len() - count;
        let start = self.segments[first].start;
        let end = self.segments[self.segments.len() - 1].end;
        let parts = sum_by_key(
            self.segments
                .range(first..)
                .map(|s| (s.key, s.end - s.start))
                .collect(),
        );
        if parts.len() * 2 <= count {
            self.segments.truncate(first);
            self.in_blocks += parts.len();
            self.blocks.push_back(TrackBlock { start, end, parts });
        }
    }
}

/// Sums times by key, in the order of keys.
fn sum_by_key(mut sums: Vec<(u32, i64)>) -> Vec<(u32, i64)> {
    sums.sort_unstable_by_key(|&(key, _)| key);
    sums.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    sums.shrink_to_fit();
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(track: &ThreadTrack, start: i64, end: i64) -> i64 {
        let raw: i64 = track.segments(start, end).map(|s| s.end - s.start).sum();
        let merged: i64 = track
            .blocks(start, end)
            .flat_map(|(a, b, block)| block.cut(a, b).map(|(_, ns)| ns).collect::<Vec<_>>())
            .sum();
        raw + merged
    }

    /// ```text
    /// 0       1 ms     2 ms
    /// |abababab|aa......|
    /// ```
    #[test]
    fn a_crowded_slot_folds_and_no_nanosecond_is_lost() {
        let mut track = ThreadTrack::default();
        for i in 0..100 {
            track.push(i * 10_000, i * 10_000 + 7_001, (i % 2) as u32);
        }
        track.push(1_000_000, 1_300_000, 5);
        assert_eq!(track.retained(), 3, "two keys of the block, one segment");
        let cuts = [0, 123_456, 654_321, 999_999, 2_000_000];
        let sum: i64 = cuts.windows(2).map(|w| total(&track, w[0], w[1])).sum();
        assert_eq!(sum, 100 * 7_001 + 300_000);
    }

    #[test]
    fn sealing_early_or_late_gives_the_same_blocks() {
        let push = |track: &mut ThreadTrack, range: std::ops::Range<i64>| {
            range.for_each(|i| track.push(i * 10_000, i * 10_000 + 9_000, 1));
        };
        let mut late = ThreadTrack::default();
        push(&mut late, 0..300);
        let mut early = ThreadTrack::default();
        push(&mut early, 0..50);
        early.seal(500_000);
        push(&mut early, 50..100);
        early.seal(1_000_000);
        push(&mut early, 100..300);
        assert_eq!(early.blocks, late.blocks);
        assert_eq!(early.segments, late.segments);
    }

    #[test]
    fn coarsening_keeps_sums_and_pruning_keeps_the_open_slot() {
        let mut track = ThreadTrack::default();
        (0..10).for_each(|i| track.push(i * 2_000_000, i * 2_000_000 + 1_000_000, i as u32 % 3));
        assert_eq!(track.coarsen(10_000_000), 5);
        assert_eq!(total(&track, 0, 20_000_000), 10_000_000);
        track.prune(12_000_000);
        assert_eq!(total(&track, 0, 20_000_000), 4_000_000);
    }
}
