//! Open activations of one thread.

use super::activation::{EntryCost, PricedActivation};
use super::price::PricedInterval;

/// Open activations of one thread, outermost first, and the time up to which they are priced.
#[derive(Debug, Default)]
pub(super) struct Lane {
    stack: Vec<LaneFrame>,
    now_ns: i64,
}

/// An open activation.
#[derive(Debug)]
pub(super) struct LaneFrame {
    pub(super) activation: PricedActivation,
    pub(super) is_emitted: bool,
    /// Whether it ended after its enclosing activation.
    pub(super) is_clipped: bool,
    /// Its recorded end.
    end_ns: i64,
    self_cost: PricedInterval,
    nested_cost: PricedInterval,
}

/// The next step of the innermost activation.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneStep {
    /// Thread, node and interval to be priced.
    pub(super) interval: Option<(u32, u32, (i64, i64))>,
    /// Whether the activation ends with it.
    pub(super) ends: bool,
}

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }

    /// Opens an activation within the innermost one. Its end is clipped to that of the
    /// enclosing one.
    pub(super) fn push(
        &mut self,
        mut activation: PricedActivation,
        is_emitted: bool,
    ) -> &LaneFrame {
        let end_ns = activation.end_ns;
        if let Some(outer) = self.stack.last() {
            activation.end_ns = end_ns.min(outer.activation.end_ns);
        }
        activation.depth = self.stack.iter().filter(|frame| frame.is_emitted).count();
        self.now_ns = activation.start_ns;
        self.stack.push(LaneFrame {
            is_clipped: activation.end_ns < end_ns,
            activation,
            is_emitted,
            end_ns,
            self_cost: PricedInterval::default(),
            nested_cost: PricedInterval::default(),
        });
        &self.stack[self.stack.len() - 1]
    }

    /// Returns the remaining step of the innermost activation until `until_ns`. An activation
    /// that ends at exactly that time does not end if it is `parent`: a nested activation
    /// starts then.
    pub(super) fn next(&self, until_ns: i64, parent: Option<u64>) -> Option<LaneStep> {
        let top = self.stack.last()?;
        let continues = top.end_ns == until_ns && parent == Some(top.activation.row.seq);
        let ends = top.end_ns <= until_ns && !continues;
        let (start_ns, end_ns) = (self.now_ns, top.end_ns.min(until_ns));
        let begins_and_ends = ends && top.activation.start_ns == top.end_ns;
        let row = &top.activation.row;
        let has_interval = end_ns > start_ns || begins_and_ends;
        Some(LaneStep {
            interval: has_interval.then_some((
                row.thread,
                row.node,
                (start_ns.min(end_ns), end_ns),
            )),
            ends,
        })
    }

    /// Adds the cost of the innermost activation until `until_ns`.
    pub(super) fn add(&mut self, priced: &PricedInterval, until_ns: i64) {
        self.now_ns = self.now_ns.max(until_ns);
        if let Some(top) = self.stack.last_mut() {
            top.self_cost.add(priced);
        }
    }

    /// Ends the innermost activation. One that is not emitted is merged into the enclosing one.
    pub(super) fn pop(&mut self) -> Option<(LaneFrame, EntryCost)> {
        let frame = self.stack.pop()?;
        let mut inclusive = frame.self_cost;
        inclusive.add(&frame.nested_cost);
        if let Some(outer) = self.stack.last_mut() {
            if frame.is_emitted {
                outer.nested_cost.add(&inclusive);
            } else {
                outer.self_cost.add(&frame.self_cost);
                outer.nested_cost.add(&frame.nested_cost);
            }
        }
        let inclusive_j = inclusive.known_j();
        // Without self time there is no self energy.
        let nothing = inclusive_j
            .filter(|_| frame.self_cost.length_ns == 0)
            .map(|_| 0.0);
        let cost = EntryCost {
            inclusive_j,
            self_j: frame.self_cost.known_j().or(nothing),
            self_ns: frame.self_cost.length_ns,
        };
        Some((frame, cost))
    }
}
