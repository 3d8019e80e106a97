//! Open activations: their begin, their end and their rows.

use crate::record::instances::{Instance, Instances};
use crate::record::output::{Activation, AssemblerOutput, Loss};
use crate::record::threads::{OpenActivation, OpenStacks};
use crate::record::tree::NodeId;
use energy_data::rows::{LinkRow, SpanRow};

/// An activation that begins: its thread, time and place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    pub(super) thread: usize,
    pub(super) start_ns: i64,
    /// Slot of its instance.
    pub(super) slot: usize,
    pub(super) node: NodeId,
    /// Number of the activation that contains it.
    pub(super) parent: Option<u64>,
    /// Whether it becomes a row.
    pub(super) kept: bool,
}

/// The open activations of all threads.
pub(super) struct Activations {
    threads: OpenStacks,
    next_seq: u64,
}

impl Activations {
    /// Creates the state; `with_totals`: self times are summed.
    pub(super) fn new(with_totals: bool) -> Self {
        Self {
            threads: OpenStacks::with_totals(with_totals),
            next_seq: 1,
        }
    }

    /// Adds a thread and returns its number, from 0.
    pub(super) fn add_thread(&mut self, id: u32) -> usize {
        self.threads.add(id)
    }

    /// Returns the number of threads.
    pub(super) fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Returns the thread's id in the run.
    pub(super) fn thread_id(&self, thread: usize) -> u32 {
        self.threads.id(thread)
    }

    /// Returns the innermost open activation of a thread.
    pub(super) fn top(&self, thread: usize) -> Option<&OpenActivation> {
        self.threads.top(thread)
    }

    /// Counts a nested enter of a span open on this thread; false if it is not open.
    pub(super) fn deepen(&mut self, thread: usize, slot: usize) -> bool {
        self.threads.deepen(thread, slot)
    }

    /// Begins an activation.
    pub(super) fn begin(
        &mut self,
        beginning: Beginning,
        instances: &mut Instances,
        out: &mut impl AssemblerOutput,
    ) {
        let Beginning {
            thread,
            start_ns,
            slot,
            node,
            parent,
            kept,
        } = beginning;
        let seq = self.next_seq;
        self.next_seq += 1;
        let open = OpenActivation::new(slot, seq, node, parent, start_ns, kept);
        let thread = self.threads.push(thread, open);
        out.open(Activation {
            seq,
            node,
            parent,
            thread,
            start_ns,
        });
        let instance = instances.get_mut(slot);
        instance.activations += 1;
        instance.open += 1;
        (instance.last_seq, instance.last_node, instance.last_kept) = (seq, node, kept);
        if instance.activations == 1 {
            instance.first_seq = seq;
            let follows = std::mem::take(&mut instance.follows);
            follows
                .into_iter()
                .for_each(|follows| out.link(LinkRow { span: seq, follows }));
            out.first_activation(node);
        } else {
            share(instance, out);
        }
    }

    /// Exits the span in `slot`. Returns whether one of its activations ended.
    pub(super) fn exit(
        &mut self,
        thread: usize,
        time_ns: i64,
        slot: usize,
        instances: &mut Instances,
        out: &mut impl AssemblerOutput,
    ) -> bool {
        if let Some(exited) = self.threads.exit(thread, slot, time_ns) {
            let Some(open) = exited else { return false };
            self.ended(thread, open, time_ns, instances, out);
        } else if let Some((other, open)) = self.threads.exit_elsewhere(slot, time_ns) {
            out.loss(Loss::ForeignExit);
            self.ended(other, open, time_ns, instances, out);
        } else {
            out.loss(Loss::StrayExit);
            return false;
        }
        true
    }

    /// Ends the innermost open activation of a thread. Returns the slot of its instance, or
    /// `None` if no activation is open.
    pub(super) fn end_innermost(
        &mut self,
        thread: usize,
        time_ns: i64,
        instances: &mut Instances,
        out: &mut impl AssemblerOutput,
    ) -> Option<usize> {
        let open = self.threads.pop(thread, time_ns)?;
        self.ended(thread, open, time_ns, instances, out);
        Some(open.slot)
    }

    fn ended(
        &self,
        thread: usize,
        open: OpenActivation,
        end_ns: i64,
        instances: &mut Instances,
        out: &mut impl AssemblerOutput,
    ) {
        out.close(open.seq, end_ns);
        let thread_id = self.threads.id(thread);
        let instance = instances.get_mut(open.slot);
        instance.open -= 1;
        if open.kept {
            let mut row = row(thread_id, &open, instance);
            row.end_ns = Some(end_ns.max(open.start_ns));
            if instance.activations == 1 {
                instance.only_row = Some(row);
            }
            out.span(row);
        }
    }

    /// Writes open activations as rows without an end, so that no row lacks its parent
    /// after a crash.
    pub(super) fn flush_open(&mut self, instances: &Instances, out: &mut impl AssemblerOutput) {
        for (thread, open) in self.threads.unwritten() {
            if open.kept {
                out.span(row(thread, open, instances.get(open.slot)));
            }
            open.written = true;
        }
    }

    /// Writes self times since the last call.
    pub(super) fn flush_totals(&mut self, now_ns: i64, out: &mut impl AssemblerOutput) {
        self.threads.flush_nodes(now_ns, |row| out.node_window(row));
    }
}

/// Writes the row of an instance's first activation again with its instance number, when
/// the second one begins.
fn share(instance: &mut Instance, out: &mut impl AssemblerOutput) {
    let number = instance.number;
    if let Some(only) = instance.only_row.take() {
        out.span(SpanRow {
            instance: Some(number),
            ..only
        });
    }
}

/// Returns the row of an open activation. The instance number is absent if it is the
/// instance's only activation.
fn row(thread: u32, open: &OpenActivation, instance: &Instance) -> SpanRow {
    SpanRow {
        seq: open.seq,
        node: open.node,
        instance: (instance.activations > 1).then_some(instance.number),
        parent: open.parent,
        thread,
        start_ns: open.start_ns,
        end_ns: None,
        token: instance.token,
    }
}
