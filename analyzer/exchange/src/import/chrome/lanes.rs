//! Distributes overlapping spans over lanes on which they nest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::import::trace::TraceSpan;

/// Lanes during the distribution of spans in start order.
#[derive(Debug, Default)]
struct Lanes {
    /// Open spans of each lane; the outermost one contains the others.
    open: Vec<Vec<u32>>,
    /// End of each lane's outermost span.
    busy: BinaryHeap<Reverse<(i64, u32)>>,
    free: BinaryHeap<Reverse<u32>>,
}

/// Assigns each span in `order` to a lane; lanes are threads from `first`. Returns the number
/// of lanes. A span is placed on its parent's lane unless a sibling is open there.
pub(super) fn place(spans: &mut [TraceSpan], mut order: Vec<u32>, first: u32) -> usize {
    order.sort_by_key(|&at| {
        let span = &spans[at as usize];
        (span.start_ns, Reverse(span.end_ns), at)
    });
    let mut lanes = Lanes::default();
    for at in order {
        let span = spans[at as usize];
        lanes.end_until(span.start_ns);
        let parent_lane = span.parent.and_then(|parent| {
            let lane = spans[parent as usize].thread.wrapping_sub(first);
            lanes
                .is_innermost(parent, lane, spans, &span)
                .then_some(lane)
        });
        let lane = parent_lane.unwrap_or_else(|| lanes.acquire(span.end_ns));
        lanes.open[lane as usize].push(at);
        spans[at as usize].thread = first + lane;
    }
    lanes.open.len()
}

impl Lanes {
    /// Frees the lanes whose outermost span ended by `time_ns`.
    fn end_until(&mut self, time_ns: i64) {
        while let Some(&Reverse((end_ns, lane))) = self.busy.peek() {
            if end_ns > time_ns {
                break;
            }
            self.busy.pop();
            self.open[lane as usize].clear();
            self.free.push(Reverse(lane));
        }
    }

    /// Returns whether `span` can be nested in `parent` on its lane.
    fn is_innermost(
        &mut self,
        parent: u32,
        lane: u32,
        spans: &[TraceSpan],
        span: &TraceSpan,
    ) -> bool {
        let Some(open) = self.open.get_mut(lane as usize) else {
            return false;
        };
        let ended = |at: &u32| spans[*at as usize].end_ns <= span.start_ns;
        while open.last().is_some_and(ended) {
            open.pop();
        }
        open.last() == Some(&parent) && spans[parent as usize].end_ns >= span.end_ns
    }

    /// Returns the first free lane.
    fn acquire(&mut self, end_ns: i64) -> u32 {
        let free = self.free.pop().map(|Reverse(lane)| lane);
        let lane = free.unwrap_or_else(|| {
            self.open.push(Vec::new());
            self.open.len() as u32 - 1
        });
        self.busy.push(Reverse((end_ns, lane)));
        lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the lanes of spans with these parents, starts and ends.
    fn assigned_lanes(drawn: &[(Option<u32>, i64, i64)]) -> Vec<u32> {
        let span = |&(parent, start_ns, end_ns): &(Option<u32>, i64, i64)| TraceSpan {
            parent,
            thread: 0,
            kind: 0,
            key: 0,
            detail: 0,
            start_ns,
            end_ns,
            line: 0,
        };
        let mut spans: Vec<TraceSpan> = drawn.iter().map(span).collect();
        let order = (0..spans.len() as u32).collect();
        place(&mut spans, order, 5);
        spans.iter().map(|span| span.thread - 5).collect()
    }

    /// ```text
    /// 0  |============ root ============|  |== root ==|
    ///      |==== left ====|   |= after =|
    ///      |= in left =|
    /// 1        |===== right ====|              |== root ==|
    /// ```
    #[test]
    fn spans_nest_on_their_lanes_and_lanes_are_reused() {
        let lanes = assigned_lanes(&[
            (None, 0, 100),
            (Some(0), 10, 40),
            (Some(1), 10, 30),
            (Some(0), 20, 50),
            (Some(0), 60, 90),
            (None, 110, 120),
            (None, 115, 130),
        ]);
        assert_eq!(lanes, [0, 0, 0, 1, 0, 0, 1]);
    }
}
