//! Lays spans that overlap as they like on lanes on which they nest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::import::trace::Span;

/// Lanes while spans are laid on them, in the order of their starts.
#[derive(Debug, Default)]
struct Lanes {
    /// What is open on each lane, outermost first, which holds all others.
    open: Vec<Vec<u32>>,
    /// When the outermost span of a lane ends.
    busy: BinaryHeap<Reverse<(i64, u32)>>,
    free: BinaryHeap<Reverse<u32>>,
}

/// Gives each span in `order` a lane, which are threads from `first` on; answers how
/// many there are. A span lies on its parent's lane unless another part of that is
/// open there.
pub(super) fn place(spans: &mut [Span], mut order: Vec<u32>, first: u32) -> usize {
    order.sort_by_key(|&at| {
        let span = &spans[at as usize];
        (span.start_ns, Reverse(span.end_ns), at)
    });
    let mut lanes = Lanes::default();
    for at in order {
        let span = spans[at as usize];
        lanes.end_until(span.start_ns);
        let beside = span.parent.and_then(|parent| {
            let lane = spans[parent as usize].thread.wrapping_sub(first);
            lanes
                .is_innermost(parent, lane, spans, &span)
                .then_some(lane)
        });
        let lane = beside.unwrap_or_else(|| lanes.take(span.end_ns));
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

    /// Whether `span` can lie in `parent` on its lane.
    fn is_innermost(&mut self, parent: u32, lane: u32, spans: &[Span], span: &Span) -> bool {
        let Some(open) = self.open.get_mut(lane as usize) else {
            return false;
        };
        let ended = |at: &u32| spans[*at as usize].end_ns <= span.start_ns;
        while open.last().is_some_and(ended) {
            open.pop();
        }
        open.last() == Some(&parent) && spans[parent as usize].end_ns >= span.end_ns
    }

    /// The first free lane.
    fn take(&mut self, end_ns: i64) -> u32 {
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

    /// Parent, start and end of each; answers lanes.
    fn laid(drawn: &[(Option<u32>, i64, i64)]) -> Vec<u32> {
        let span = |&(parent, start_ns, end_ns): &(Option<u32>, i64, i64)| Span {
            parent,
            thread: 0,
            kind: 0,
            key: 0,
            detail: 0,
            start_ns,
            end_ns,
            line: 0,
        };
        let mut spans: Vec<Span> = drawn.iter().map(span).collect();
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
    fn spans_nest_on_their_lanes_and_lanes_are_used_again() {
        let lanes = laid(&[
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
