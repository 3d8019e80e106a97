//! Creation, entry and linking of spans.

use super::Assembler;
use super::subjects::Subject;
use crate::record::instances::InstanceRef;
use crate::record::output::{Activation, AssemblerOutput, Loss};
use crate::record::threads::OpenActivation;
use crate::record::tree::NodeId;
use crate::record::wire::{CONTEXTUAL, ROOT};
use energy_data::rows::{LinkRow, SpanRow};

impl Assembler {
    pub(super) fn create(
        &mut self,
        thread: usize,
        time_ns: i64,
        id: u64,
        callsite: u64,
        parent: u64,
        out: &mut impl AssemblerOutput,
    ) {
        let callsite = self.callsite(callsite, out);
        let parent = self.parent(thread, parent);
        if let Some(old) = self.instances.find(id) {
            // Its close was lost; from here on the id refers to the new span.
            self.instances.get_mut(old).closed_ns = Some(time_ns);
            if self.instances.get(old).open == 0 {
                self.retire(old, out);
            }
        }
        let (reference, instance) = self.instances.create(id);
        instance.callsite = Some(callsite);
        instance.parent = parent;
        instance.created_ns = time_ns;
        self.subjects[thread] = Subject::Span(reference.slot);
    }

    fn parent(&self, thread: usize, parent: u64) -> Option<InstanceRef> {
        match parent {
            ROOT => None,
            CONTEXTUAL => self
                .threads
                .top(thread)
                .map(|open| self.instances.reference(open.slot)),
            id => self
                .instances
                .find(id)
                .map(|slot| self.instances.reference(slot)),
        }
    }

    pub(super) fn enter(
        &mut self,
        thread: usize,
        time_ns: i64,
        slot: usize,
        out: &mut impl AssemblerOutput,
    ) {
        if self.instances.get(slot).open > 0 && self.threads.deepen(thread, slot) {
            return;
        }
        let (parent, parent_node) = self.place(thread, slot, out);
        let node = self.node(slot, parent_node, out);
        self.begin(thread, time_ns, slot, (node, parent), out);
    }

    pub(super) fn enter_unknown(
        &mut self,
        thread: usize,
        time_ns: i64,
        id: u64,
        out: &mut impl AssemblerOutput,
    ) {
        out.loss(Loss::UnknownSpan);
        let node = self
            .tree
            .unknown(|row| out.node(row, None, Default::default()));
        let (reference, instance) = self.instances.create(id);
        instance.created_ns = time_ns;
        let parent = self.threads.top(thread).map(|open| open.seq);
        self.begin(thread, time_ns, reference.slot, (node, parent), out);
    }

    /// Begins an activation of `slot` at `node`, inside `parent`.
    fn begin(
        &mut self,
        thread: usize,
        start_ns: i64,
        slot: usize,
        (node, parent): (NodeId, Option<u64>),
        out: &mut impl AssemblerOutput,
    ) {
        let kept = self.is_kept(thread, slot, parent);
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
        let instance = self.instances.get_mut(slot);
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
            self.share(slot, out);
        }
    }

    /// Writes the row of an instance's first activation again with its instance number,
    /// when the second one begins.
    fn share(&mut self, slot: usize, out: &mut impl AssemblerOutput) {
        let instance = self.instances.get_mut(slot);
        let number = instance.number;
        if let Some(only) = instance.only_row.take() {
            out.span(SpanRow {
                instance: Some(number),
                ..only
            });
        }
    }

    pub(super) fn link(&mut self, id: u64, follows: u64, out: &mut impl AssemblerOutput) {
        let target = self
            .instances
            .find(follows)
            .map_or(0, |slot| self.instances.get(slot).last_seq);
        let Some(slot) = self.instances.find(id).filter(|_| target != 0) else {
            return out.loss(Loss::UnknownLink);
        };
        let instance = self.instances.get_mut(slot);
        match instance.last_seq {
            0 => instance.follows.push(target),
            span => out.link(LinkRow {
                span,
                follows: target,
            }),
        }
    }
}
