//! What is open on one thread.

use super::price::Priced;
use super::{Activation, Cost};

/// Open activations of one thread, outer ones first, and the time up to which they are
/// priced.
#[derive(Debug, Default)]
pub(super) struct Lane {
    stack: Vec<Frame>,
    now_ns: i64,
}

/// One that is open.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) activation: Activation,
    pub(super) is_told: bool,
    /// Whether it ended after the one around it.
    pub(super) is_cut: bool,
    /// When it really ends.
    end_ns: i64,
    own: Priced,
    inner: Priced,
}

/// The next thing that happens to the innermost one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    /// Thread, node and time to be priced.
    pub(super) own: Option<(u32, u32, (i64, i64))>,
    /// Whether it ends then.
    pub(super) ends: bool,
}

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }

    /// Opens one within those that are open. Its end is cut to theirs.
    pub(super) fn push(&mut self, mut activation: Activation, is_told: bool) -> &Frame {
        let end_ns = activation.end_ns;
        if let Some(outer) = self.stack.last() {
            activation.end_ns = end_ns.min(outer.activation.end_ns);
        }
        activation.depth = self.stack.iter().filter(|frame| frame.is_told).count();
        self.now_ns = activation.start_ns;
        self.stack.push(Frame {
            is_cut: activation.end_ns < end_ns,
            activation,
            is_told,
            end_ns,
            own: Priced::default(),
            inner: Priced::default(),
        });
        &self.stack[self.stack.len() - 1]
    }

    /// What is left of the innermost one until `until_ns`; `parent` goes on if it ends
    /// at that very time, for something within it begins then.
    pub(super) fn next(&self, until_ns: i64, parent: Option<u64>) -> Option<Stretch> {
        let top = self.stack.last()?;
        let goes_on = top.end_ns == until_ns && parent == Some(top.activation.row.seq);
        let ends = top.end_ns <= until_ns && !goes_on;
        let (start_ns, end_ns) = (self.now_ns, top.end_ns.min(until_ns));
        let begins_and_ends = ends && top.activation.start_ns == top.end_ns;
        let row = &top.activation.row;
        let own = end_ns > start_ns || begins_and_ends;
        Some(Stretch {
            own: own.then_some((row.thread, row.node, (start_ns.min(end_ns), end_ns))),
            ends,
        })
    }

    /// Takes what the innermost one cost until then.
    pub(super) fn add(&mut self, priced: &Priced, until_ns: i64) {
        self.now_ns = self.now_ns.max(until_ns);
        if let Some(top) = self.stack.last_mut() {
            top.own.add(priced);
        }
    }

    /// Ends the innermost one. What is not told becomes part of the one around it.
    pub(super) fn pop(&mut self) -> Option<(Frame, Cost)> {
        let frame = self.stack.pop()?;
        let mut inclusive = frame.own;
        inclusive.add(&frame.inner);
        if let Some(outer) = self.stack.last_mut() {
            if frame.is_told {
                outer.inner.add(&inclusive);
            } else {
                outer.own.add(&frame.own);
                outer.inner.add(&frame.inner);
            }
        }
        let inclusive_j = inclusive.known_j();
        // What had no time of its own has no energy of its own.
        let nothing = inclusive_j
            .filter(|_| frame.own.length_ns == 0)
            .map(|_| 0.0);
        let cost = Cost {
            inclusive_j,
            self_j: frame.own.known_j().or(nothing),
            self_ns: frame.own.length_ns,
        };
        Some((frame, cost))
    }
}
