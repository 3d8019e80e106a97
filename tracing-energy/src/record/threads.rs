//! Stacks of open activations per thread, maintained by the collector.

use super::hash::IdMap;
use super::tree::NodeId;
use energy_data::rows::NodeWindowRow;

/// An activation that has not ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenActivation {
    pub(crate) slot: usize,
    pub(crate) seq: u64,
    pub(crate) node: NodeId,
    pub(crate) parent: Option<u64>,
    pub(crate) start_ns: i64,
    /// Whether it is written as a row.
    pub(crate) kept: bool,
    /// Whether an open row was written.
    pub(crate) written: bool,
    /// Enters of the same span inside it on the same thread.
    reentered: u32,
}

impl OpenActivation {
    pub(crate) fn new(
        slot: usize,
        seq: u64,
        node: NodeId,
        parent: Option<u64>,
        start_ns: i64,
        kept: bool,
    ) -> Self {
        Self {
            slot,
            seq,
            node,
            parent,
            start_ns,
            kept,
            written: false,
            reentered: 0,
        }
    }
}

#[derive(Debug, Default)]
struct OpenStack {
    id: u32,
    stack: Vec<OpenActivation>,
    /// Start of the current top's self time.
    since_ns: i64,
    totals: IdMap<NodeId, (i64, u64)>,
}

impl OpenStack {
    /// Adds the time up to now to the self time of the stack's top. The time is negative for a
    /// record that is read after a flush and precedes it: the flush counted too much.
    fn account(&mut self, now_ns: i64) {
        if let Some(top) = self.stack.last() {
            self.totals.entry(top.node).or_default().0 += now_ns - self.since_ns;
        }
        self.since_ns = now_ns;
    }
}

/// All threads of a recording, by number from 0.
#[derive(Debug, Default)]
pub(crate) struct OpenStacks {
    all: Vec<OpenStack>,
    /// Whether self times are summed.
    totals: bool,
    window_start_ns: i64,
}

impl OpenStacks {
    pub(crate) fn with_totals(totals: bool) -> Self {
        Self {
            totals,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, id: u32) -> usize {
        self.all.push(OpenStack {
            id,
            ..OpenStack::default()
        });
        self.all.len() - 1
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns the thread's id in the run.
    pub(crate) fn id(&self, thread: usize) -> u32 {
        self.all[thread].id
    }

    /// Returns the innermost open activation.
    pub(crate) fn top(&self, thread: usize) -> Option<&OpenActivation> {
        self.all[thread].stack.last()
    }

    /// Opens an activation; returns the thread's id.
    pub(crate) fn push(&mut self, thread: usize, open: OpenActivation) -> u32 {
        let thread = &mut self.all[thread];
        if self.totals {
            thread.account(open.start_ns);
        }
        thread.stack.push(open);
        thread.id
    }

    /// Removes the innermost open activation, which ends at `end_ns`.
    pub(crate) fn pop(&mut self, thread: usize, end_ns: i64) -> Option<OpenActivation> {
        let innermost = self.all[thread].stack.len().checked_sub(1)?;
        Some(self.remove(thread, innermost, end_ns))
    }

    /// Counts a nested enter of a span open on this thread; false if it is not open.
    pub(crate) fn deepen(&mut self, thread: usize, slot: usize) -> bool {
        let open = self.all[thread]
            .stack
            .iter_mut()
            .rev()
            .find(|open| open.slot == slot);
        open.map(|open| open.reentered += 1).is_some()
    }

    /// Exits the span in `slot` on this thread, at any position in the stack. Returns
    /// `None` if it is not open here and `Some(None)` for a nested exit.
    pub(crate) fn exit(
        &mut self,
        thread: usize,
        slot: usize,
        end_ns: i64,
    ) -> Option<Option<OpenActivation>> {
        let stack = &mut self.all[thread].stack;
        let at = stack.iter().rposition(|open| open.slot == slot)?;
        if stack[at].reentered > 0 {
            stack[at].reentered -= 1;
            return Some(None);
        }
        Some(Some(self.remove(thread, at, end_ns)))
    }

    /// Exits the span in `slot` on the thread on which it is open.
    pub(crate) fn exit_elsewhere(
        &mut self,
        slot: usize,
        end_ns: i64,
    ) -> Option<(usize, OpenActivation)> {
        let find = |thread: &OpenStack| thread.stack.iter().rposition(|open| open.slot == slot);
        let (thread, at) = self
            .all
            .iter()
            .enumerate()
            .find_map(|(index, t)| Some((index, find(t)?)))?;
        Some((thread, self.remove(thread, at, end_ns)))
    }

    fn remove(&mut self, thread: usize, at: usize, end_ns: i64) -> OpenActivation {
        let thread = &mut self.all[thread];
        if self.totals {
            thread.account(end_ns);
            thread.totals.entry(thread.stack[at].node).or_default().1 += 1;
        }
        thread.stack.remove(at)
    }

    /// Returns open activations without a written row, with their thread ids.
    pub(crate) fn unwritten(&mut self) -> impl Iterator<Item = (u32, &mut OpenActivation)> {
        self.all.iter_mut().flat_map(|thread| {
            let id = thread.id;
            thread
                .stack
                .iter_mut()
                .filter(|open| !open.written)
                .map(move |open| (id, open))
        })
    }

    /// Emits the totals since the last call and resets them.
    pub(crate) fn flush_nodes(&mut self, now_ns: i64, mut emit: impl FnMut(NodeWindowRow)) {
        let start_ns = std::mem::replace(&mut self.window_start_ns, now_ns);
        for thread in &mut self.all {
            thread.account(now_ns);
            let mut totals: Vec<_> = thread.totals.drain().collect();
            totals.sort_unstable();
            for (node, (self_ns, activations)) in totals {
                emit(NodeWindowRow {
                    node,
                    thread: thread.id,
                    start_ns,
                    end_ns: now_ns,
                    self_ns,
                    activations,
                });
            }
        }
    }
}
