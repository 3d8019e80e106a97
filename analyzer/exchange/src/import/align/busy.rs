//! Busy time of each kind of span.
//!
//! Time is stored as cumulative sums from the first start, in slots much shorter than a sample.
//! Within a slot it is assumed to be evenly distributed:
//!
//! ```text
//! spans   |--- a ---|  |- b -|--- a ---|
//! sum a   _/‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾_/‾‾‾‾‾‾‾‾   time of a in [s, e) = sum(e) - sum(s)
//! ```

use std::cmp::Reverse;

use crate::import::trace::ImportedTrace;

/// Kinds with a column of their own; the others share one.
const MAX_KINDS: usize = 6;
/// Slots per sample, and the maximum number of slots.
const SLOTS_PER_SAMPLE: i64 = 20;
const MAX_SLOTS: i64 = 1 << 20;
const MIN_SLOT_NS: i64 = 100_000;

/// Busy time of a few kinds, all threads added.
#[derive(Debug)]
pub(super) struct KindBusyTime {
    start_ns: i64,
    slot_ns: i64,
    /// Seconds up to each slot's start, by kind.
    sums: Vec<Vec<f64>>,
}

impl KindBusyTime {
    /// Sums the innermost spans of each thread; `interval_ns` is the length of a sample.
    pub(super) fn from_trace(trace: &ImportedTrace, interval_ns: i64) -> Self {
        let (start_ns, end_ns) = trace.extent();
        let length_ns = (end_ns - start_ns).max(1);
        let slot_ns = (interval_ns / SLOTS_PER_SAMPLE).max(MIN_SLOT_NS);
        let slot_ns = slot_ns.max(length_ns / MAX_SLOTS + 1);
        let columns = columns(trace);
        let count = columns.iter().max().map_or(1, |last| last + 1);
        let slots = (length_ns / slot_ns) as usize + 2;
        let mut tally = Tally {
            slot_ns,
            parts: vec![vec![0.0; slots]; count],
            edges: vec![vec![0; slots]; count],
        };
        innermost(trace, |start, end, kind| {
            tally.add(start - start_ns, end - start_ns, columns[kind as usize]);
        });
        Self {
            start_ns,
            slot_ns,
            sums: tally.sums(),
        }
    }

    /// Returns the first start and the last end of spans.
    pub(super) fn extent_ns(&self) -> (f64, f64) {
        let slots = self.sums.first().map_or(0, |sums| sums.len() - 1);
        let length_ns = slots as i64 * self.slot_ns;
        (self.start_ns as f64, (self.start_ns + length_ns) as f64)
    }

    /// Returns the number of distinguished kinds.
    pub(super) fn kinds(&self) -> usize {
        self.sums.len()
    }

    /// Writes the seconds of each kind up to `time_ns` to `into`.
    pub(super) fn upto(&self, time_ns: f64, into: &mut [f64]) {
        let place = (time_ns - self.start_ns as f64) / self.slot_ns as f64;
        for (into, sums) in into.iter_mut().zip(&self.sums) {
            let last = sums.len() - 1;
            let place = place.clamp(0.0, last as f64);
            let slot = (place as usize).min(last.saturating_sub(1));
            let (from, to) = (sums[slot], sums[(slot + 1).min(last)]);
            *into = from + (to - from) * (place - slot as f64);
        }
    }
}

/// Returns the column of each kind: those with the most time have their own.
fn columns(trace: &ImportedTrace) -> Vec<usize> {
    let mut time_ns = vec![0_i64; trace.kinds.len()];
    innermost(trace, |start, end, kind| {
        time_ns[kind as usize] += end - start;
    });
    let mut order: Vec<usize> = (0..time_ns.len())
        .filter(|&kind| time_ns[kind] > 0)
        .collect();
    order.sort_by_key(|&kind| Reverse(time_ns[kind]));
    let mut columns = vec![0; time_ns.len()];
    for (rank, kind) in order.into_iter().enumerate() {
        columns[kind] = rank.min(MAX_KINDS);
    }
    columns
}

/// Open spans of a thread, outermost first.
#[derive(Debug, Default)]
struct Stack {
    open: Vec<(i64, u32)>,
    until_ns: i64,
}

impl Stack {
    /// Passes intervals up to `time_ns`, each with its innermost kind, to `emit`.
    fn advance(&mut self, time_ns: i64, emit: &mut impl FnMut(i64, i64, u32)) {
        while let Some(&(end_ns, kind)) = self.open.last() {
            let until_ns = end_ns.min(time_ns);
            if until_ns > self.until_ns {
                emit(self.until_ns, until_ns, kind);
                self.until_ns = until_ns;
            }
            if end_ns > time_ns {
                break;
            }
            self.open.pop();
        }
        self.until_ns = self.until_ns.max(time_ns);
    }
}

/// Passes each interval in which a span was the innermost one of its thread to `emit`; spans
/// are ordered by start.
fn innermost(trace: &ImportedTrace, mut emit: impl FnMut(i64, i64, u32)) {
    let mut stacks: Vec<Stack> = trace.threads.iter().map(|_| Stack::default()).collect();
    for span in &trace.spans {
        let stack = &mut stacks[span.thread as usize];
        stack.advance(span.start_ns, &mut emit);
        stack.open.push((span.end_ns, span.kind));
    }
    for stack in &mut stacks {
        stack.advance(i64::MAX, &mut emit);
    }
}

/// Accumulates time by slot: partial slots, and where runs of full slots start and end.
struct Tally {
    slot_ns: i64,
    parts: Vec<Vec<f64>>,
    edges: Vec<Vec<i32>>,
}

impl Tally {
    fn add(&mut self, start_ns: i64, end_ns: i64, column: usize) {
        let (parts, edges) = (&mut self.parts[column], &mut self.edges[column]);
        let slot = |time_ns: i64| (time_ns / self.slot_ns) as usize;
        let (first, last) = (slot(start_ns), slot(end_ns));
        if first == last {
            parts[first] += (end_ns - start_ns) as f64;
            return;
        }
        parts[first] += ((first as i64 + 1) * self.slot_ns - start_ns) as f64;
        parts[last] += (end_ns - last as i64 * self.slot_ns) as f64;
        edges[first + 1] += 1;
        edges[last] -= 1;
    }

    fn sums(self) -> Vec<Vec<f64>> {
        let slot_ns = self.slot_ns as f64;
        let sum = |(parts, edges): (Vec<f64>, Vec<i32>)| {
            let (mut sum, mut full) = (0.0, 0_i64);
            let mut sums = vec![0.0];
            for (part, edge) in parts.into_iter().zip(edges) {
                full += i64::from(edge);
                sum += (part + full as f64 * slot_ns) * 1e-9;
                sums.push(sum);
            }
            sums
        };
        self.parts.into_iter().zip(self.edges).map(sum).collect()
    }
}
