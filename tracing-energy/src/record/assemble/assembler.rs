//! Dispatches records to the parts.

use super::activations::{Activations, Beginning};
use super::fields::FieldAssignment;
use super::nodes::NodePlacement;
use super::retirement::Retirement;
use super::sampling::RowSampling;
use crate::record::callsite::{Callsites, Naming};
use crate::record::detail::Detail;
use crate::record::instances::{InstanceRef, Instances};
use crate::record::merge::Verdict;
use crate::record::output::{AssemblerOutput, Loss};
use crate::record::wire::{CONTEXTUAL, ROOT, Record};
use energy_data::rows::{LinkRow, SpanEventRow};

/// Assembles one recording.
pub(crate) struct SpanAssembler {
    callsites: Callsites,
    instances: Instances,
    fields: FieldAssignment,
    nodes: NodePlacement,
    sampling: RowSampling,
    activations: Activations,
    retirement: Retirement,
    has_totals: bool,
}

impl SpanAssembler {
    pub(crate) fn new(naming: Naming, detail: Detail, node_limit: usize) -> Self {
        let has_totals = detail != Detail::Spans;
        Self {
            callsites: Callsites::new(naming),
            instances: Instances::default(),
            fields: FieldAssignment::default(),
            nodes: NodePlacement::with_limit(node_limit),
            sampling: RowSampling::new(detail),
            activations: Activations::new(has_totals),
            retirement: Retirement {
                has_rows: !has_totals,
            },
            has_totals,
        }
    }

    /// Adds a thread and returns its number, from 0.
    pub(crate) fn add_thread(&mut self, id: u32) -> usize {
        self.fields.add_thread();
        self.activations.add_thread(id)
    }

    /// Returns how many new nodes were merged into `(other)`.
    pub(crate) fn merged_nodes(&self) -> u64 {
        self.nodes.merged()
    }

    /// Processes the next record of `thread`.
    pub(crate) fn take(
        &mut self,
        thread: usize,
        time_ns: i64,
        record: Record<'_>,
        last_try: bool,
        out: &mut impl AssemblerOutput,
    ) -> Verdict {
        if let Record::Field { index, value } = record {
            let Self {
                fields,
                instances,
                callsites,
                ..
            } = self;
            fields.add(thread, (index, value), instances, callsites, out);
            return Verdict::Taken;
        }
        self.fields.end(thread, &self.callsites, out);
        if let Record::Enter { .. } | Record::Exit { .. } = record {
            self.fields.edge(thread, time_ns);
        }
        match record {
            Record::New {
                id,
                callsite,
                parent,
            } => {
                if parent != ROOT
                    && parent != CONTEXTUAL
                    && self.instances.find(parent).is_none()
                    && !last_try
                {
                    return Verdict::NotYet;
                }
                self.create(thread, time_ns, id, (callsite, parent), out);
            }
            Record::Enter { id } => match self.instances.find(id) {
                Some(slot) => self.enter(thread, time_ns, slot, out),
                None if !last_try => return Verdict::NotYet,
                None => self.enter_unknown(thread, time_ns, id, out),
            },
            Record::Exit { id } => match self.instances.find(id) {
                Some(slot) => self.exit(thread, time_ns, slot, out),
                None if !last_try => return Verdict::NotYet,
                None => out.loss(Loss::StrayExit),
            },
            Record::Close { id } => match self.instances.find(id) {
                Some(slot) => self.close(time_ns, slot, out),
                None if !last_try => return Verdict::NotYet,
                None => {}
            },
            Record::Record { id } => {
                if let Some(slot) = self.instances.find(id) {
                    self.fields.begin_span(thread, slot);
                } else if !last_try {
                    return Verdict::NotYet;
                }
            }
            Record::Event { callsite, parent } => {
                self.span_event(thread, time_ns, callsite, parent, out)
            }
            Record::Follows { id, follows } => self.link(id, follows, out),
            Record::ThreadEnd => self.end_thread(thread, time_ns, out),
            // The collector handles CPU times.
            Record::Field { .. } | Record::CpuTime { .. } => {}
        }
        Verdict::Taken
    }

    fn create(
        &mut self,
        thread: usize,
        time_ns: i64,
        id: u64,
        (callsite, parent): (u64, u64),
        out: &mut impl AssemblerOutput,
    ) {
        let callsite = self.callsites.number(callsite, |row| out.callsite(row));
        let parent = self.parent(thread, parent);
        if let Some(old) = self.instances.find(id) {
            // Its close was lost; from here on the id refers to the new span.
            self.close(time_ns, old, out);
        }
        let (reference, instance) = self.instances.create(id);
        instance.callsite = Some(callsite);
        instance.parent = parent;
        instance.created_ns = time_ns;
        self.fields.begin_span(thread, reference.slot);
    }

    fn parent(&self, thread: usize, parent: u64) -> Option<InstanceRef> {
        let slot = match parent {
            ROOT => None,
            CONTEXTUAL => self.activations.top(thread).map(|open| open.slot),
            id => self.instances.find(id),
        };
        slot.map(|slot| self.instances.reference(slot))
    }

    fn enter(&mut self, thread: usize, time_ns: i64, slot: usize, out: &mut impl AssemblerOutput) {
        if self.instances.get(slot).open > 0 && self.activations.deepen(thread, slot) {
            return;
        }
        let Self {
            callsites,
            instances,
            nodes,
            sampling,
            activations,
            ..
        } = self;
        let top = activations.top(thread);
        let (parent, parent_node) = nodes.parent(top, slot, (&mut *instances, callsites), out);
        let beginning = Beginning {
            thread,
            start_ns: time_ns,
            slot,
            node: nodes.node(slot, parent_node, (&mut *instances, callsites), out),
            parent,
            kept: sampling.is_kept(top, slot, parent, instances),
        };
        activations.begin(beginning, instances, out);
    }

    fn enter_unknown(
        &mut self,
        thread: usize,
        time_ns: i64,
        id: u64,
        out: &mut impl AssemblerOutput,
    ) {
        out.loss(Loss::UnknownSpan);
        let node = self.nodes.unknown(out);
        let (reference, instance) = self.instances.create(id);
        instance.created_ns = time_ns;
        let slot = reference.slot;
        let top = self.activations.top(thread);
        let parent = top.map(|open| open.seq);
        let beginning = Beginning {
            thread,
            start_ns: time_ns,
            slot,
            node,
            parent,
            kept: self.sampling.is_kept(top, slot, parent, &self.instances),
        };
        self.activations.begin(beginning, &mut self.instances, out);
    }

    fn exit(&mut self, thread: usize, time_ns: i64, slot: usize, out: &mut impl AssemblerOutput) {
        let instances = &mut self.instances;
        if self.activations.exit(thread, time_ns, slot, instances, out) {
            self.retire_if_done(slot, out);
        }
    }

    /// Ends all open activations of a thread, inner ones first.
    fn end_thread(&mut self, thread: usize, time_ns: i64, out: &mut impl AssemblerOutput) {
        while let Some(slot) =
            self.activations
                .end_innermost(thread, time_ns, &mut self.instances, out)
        {
            self.retire_if_done(slot, out);
        }
    }

    fn close(&mut self, time_ns: i64, slot: usize, out: &mut impl AssemblerOutput) {
        self.instances.get_mut(slot).closed_ns = Some(time_ns);
        self.retire_if_done(slot, out);
    }

    /// Releases an instance that is closed and has no open activation.
    fn retire_if_done(&mut self, slot: usize, out: &mut impl AssemblerOutput) {
        let instance = self.instances.get(slot);
        if instance.open == 0 && instance.closed_ns.is_some() {
            self.retire(slot, out);
        }
    }

    fn retire(&mut self, slot: usize, out: &mut impl AssemblerOutput) {
        self.retirement
            .retire(slot, &mut self.instances, &self.callsites, out);
    }

    fn link(&mut self, id: u64, follows: u64, out: &mut impl AssemblerOutput) {
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

    fn span_event(
        &mut self,
        thread: usize,
        time_ns: i64,
        callsite: u64,
        parent: u64,
        out: &mut impl AssemblerOutput,
    ) {
        let number = self.callsites.number(callsite, |row| out.callsite(row));
        let span = match parent {
            CONTEXTUAL => self.activations.top(thread).map(|open| open.seq),
            ROOT => None,
            id => self
                .instances
                .find(id)
                .map(|slot| self.instances.get(slot).last_seq)
                .filter(|&seq| seq != 0),
        };
        let row = SpanEventRow {
            time_ns,
            thread: self.activations.thread_id(thread),
            span,
            callsite: self.callsites.get(number).id,
            json: String::new(),
        };
        self.fields.begin_event(thread, row, number);
    }

    /// Writes open activations as rows without an end, so that no row lacks its parent
    /// after a crash.
    pub(crate) fn flush_open(&mut self, out: &mut impl AssemblerOutput) {
        self.activations.flush_open(&self.instances, out);
    }

    /// Writes self times since the last call, for levels of detail without rows.
    pub(crate) fn flush_nodes(&mut self, now_ns: i64, out: &mut impl AssemblerOutput) {
        self.activations.flush_totals(now_ns, out);
    }

    /// Ends all open activations at `end_ns`.
    pub(crate) fn finish(&mut self, end_ns: i64, out: &mut impl AssemblerOutput) {
        for thread in 0..self.activations.threads() {
            self.fields.end(thread, &self.callsites, out);
        }
        for thread in 0..self.activations.threads() {
            self.end_thread(thread, end_ns, out);
        }
        for slot in self.instances.live() {
            self.retire(slot, out);
        }
        if self.has_totals {
            self.flush_nodes(end_ns, out);
        }
    }
}
