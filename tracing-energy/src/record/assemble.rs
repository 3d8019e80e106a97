//! Records of all threads, in the order of time, become activations and nodes.
//!
//! ```text
//! thread 1   |--- a -------------|          a: 2 activations, 1 instance
//!               |-- b --|   |- b -|         b's second enter nests in a's first
//! thread 2                    |-- a --|     (re-entered elsewhere)
//! ```
//! An activation is one outermost enter..exit of a span on one thread. Its
//! parent is the activation below it on the stack; else the parent instance's
//! latest activation.

use super::callsite::{Callsites, FieldUse, Naming};
use super::instances::{InstanceRef, Instances};
use super::merge::Verdict;
use super::output::{Activation, Loss, Output};
use super::threads::{OpenActivation, Threads};
use super::tree::{NO_NODE, NodeId, Tree};
use super::values::{self, Values};
use super::wire::{CONTEXTUAL, ROOT, Record, Value};
use crate::rows::{InstanceRow, LinkRow, MarkRow, SpanRow};

/// How much of the recording becomes rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Every activation is a row.
    #[default]
    Spans,
    /// Totals per node, thread and window only: bounded memory and disk.
    Nodes,
    /// As `Nodes`, and rows for the spans below one in that many root activations.
    Sampled(u32),
}

/// What the fields that come next belong to.
#[derive(Debug, Default)]
enum Subject {
    #[default]
    Nothing,
    Span(usize),
    Mark(Box<PendingMark>),
}

#[derive(Debug)]
struct PendingMark {
    row: MarkRow,
    callsite: usize,
    values: Values,
}

/// Assembles one recording.
pub(crate) struct Assembler {
    naming: Naming,
    detail: Detail,
    callsites: Callsites,
    instances: Instances,
    tree: Tree,
    threads: Threads,
    subjects: Vec<Subject>,
    next_seq: u64,
    roots: u64,
    key: String,
}

impl Assembler {
    pub(crate) fn new(naming: Naming, detail: Detail, node_limit: usize) -> Self {
        Self {
            naming,
            detail,
            callsites: Callsites::default(),
            instances: Instances::default(),
            tree: Tree::with_limit(node_limit),
            threads: Threads::with_totals(detail != Detail::Spans),
            subjects: Vec::new(),
            next_seq: 1,
            roots: 0,
            key: String::new(),
        }
    }

    /// Begins a thread; its number is `index` in later records, from 0.
    pub(crate) fn add_thread(&mut self, id: u32) -> usize {
        self.subjects.push(Subject::Nothing);
        self.threads.add(id)
    }

    /// How often a node was folded into `(other)`.
    pub(crate) fn folded_nodes(&self) -> u64 {
        self.tree.folded()
    }

    /// Takes the next record of `thread`.
    pub(crate) fn take(
        &mut self,
        thread: usize,
        time_ns: i64,
        record: Record<'_>,
        last_try: bool,
        out: &mut impl Output,
    ) -> Verdict {
        if let Record::Field { index, value } = record {
            self.field(thread, index, value, out);
            return Verdict::Taken;
        }
        self.end_subject(thread, out);
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
                self.create(thread, time_ns, id, callsite, parent, out);
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
                    self.subjects[thread] = Subject::Span(slot);
                } else if !last_try {
                    return Verdict::NotYet;
                }
            }
            Record::Event { callsite, parent } => self.mark(thread, time_ns, callsite, parent, out),
            Record::Follows { id, follows } => self.link(id, follows, out),
            Record::Field { .. } => {}
        }
        Verdict::Taken
    }

    /// Open activations as rows without end, so that a crash leaves no orphan.
    pub(crate) fn flush_open(&mut self, out: &mut impl Output) {
        for (thread, open) in self.threads.unwritten() {
            let instance = self.instances.get(open.slot);
            if open.kept {
                out.span(row(thread, open, instance.token, shared_instance(instance)));
            }
            open.written = true;
        }
    }

    /// Self times since the last call, for details that keep no rows.
    pub(crate) fn flush_nodes(&mut self, now_ns: i64, out: &mut impl Output) {
        self.threads.flush_nodes(now_ns, |row| out.node_window(row));
    }

    /// Ends everything that is still open at `end_ns`.
    pub(crate) fn finish(&mut self, end_ns: i64, out: &mut impl Output) {
        for thread in 0..self.threads.len() {
            self.end_subject(thread, out);
        }
        for thread in 0..self.threads.len() {
            while let Some(open) = self.threads.pop(thread, end_ns) {
                self.ended(thread, open, end_ns, out);
            }
        }
        for slot in self.instances.live() {
            self.retire(slot, out);
        }
        if self.detail != Detail::Spans {
            self.flush_nodes(end_ns, out);
        }
    }

    fn callsite(&mut self, word: u64, out: &mut impl Output) -> usize {
        let (number, is_new) = self.callsites.number(word, &self.naming);
        if is_new {
            out.callsite(self.callsites.get(number).row());
        }
        number
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

    fn create(
        &mut self,
        thread: usize,
        time_ns: i64,
        id: u64,
        callsite: u64,
        parent: u64,
        out: &mut impl Output,
    ) {
        let callsite = self.callsite(callsite, out);
        let parent = self.parent(thread, parent);
        if let Some(old) = self.instances.find(id) {
            // Its close was lost; the id means the new span from here on.
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

    fn field(&mut self, thread: usize, index: usize, value: Value<'_>, out: &mut impl Output) {
        if matches!(value, Value::Text { cut: true, .. }) {
            out.loss(Loss::CutText);
        }
        match &mut self.subjects[thread] {
            Subject::Nothing => {}
            Subject::Mark(mark) => mark.values.set(index, value),
            Subject::Span(slot) => {
                let instance = self.instances.get_mut(*slot);
                let Some(callsite) = instance.callsite else {
                    return;
                };
                match self.callsites.get(callsite).fields.get(index) {
                    Some(FieldUse::Key) => instance.node = None,
                    Some(FieldUse::Token) => {
                        instance.token = values::token(value);
                        return;
                    }
                    Some(FieldUse::Data) => instance.has_data = true,
                    None => return,
                }
                instance.values.set(index, value);
            }
        }
    }

    fn end_subject(&mut self, thread: usize, out: &mut impl Output) {
        if let Subject::Mark(mark) = std::mem::take(&mut self.subjects[thread]) {
            let PendingMark {
                mut row,
                callsite,
                values,
            } = *mark;
            row.json = values
                .json(self.callsites.get(callsite), |_| true)
                .unwrap_or_else(|| "{}".to_owned());
            out.mark(row);
        }
    }

    fn enter(&mut self, thread: usize, time_ns: i64, slot: usize, out: &mut impl Output) {
        if self.instances.get(slot).open > 0 && self.threads.deepen(thread, slot) {
            return;
        }
        let (parent, parent_node) = self.place(thread, slot, out);
        let node = self.node(slot, parent_node, out);
        self.begin(thread, time_ns, slot, (node, parent), out);
    }

    /// Begins an activation of `slot` as `node` inside `parent`.
    fn begin(
        &mut self,
        thread: usize,
        start_ns: i64,
        slot: usize,
        (node, parent): (NodeId, Option<u64>),
        out: &mut impl Output,
    ) {
        let kept = self.is_kept(thread, parent);
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
        (instance.last_seq, instance.last_node) = (seq, node);
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

    /// Tells the first activation's row of its instance, now that there are more.
    fn share(&mut self, slot: usize, out: &mut impl Output) {
        let instance = self.instances.get_mut(slot);
        let number = instance.number;
        if let Some(only) = instance.only_row.take() {
            out.span(SpanRow {
                instance: Some(number),
                ..only
            });
        }
    }

    fn is_kept(&mut self, thread: usize, parent: Option<u64>) -> bool {
        match self.detail {
            Detail::Spans => true,
            Detail::Nodes => false,
            Detail::Sampled(one_in) => match (self.threads.top(thread), parent) {
                (Some(open), _) => open.kept,
                (None, Some(_)) => false,
                (None, None) => {
                    self.roots += 1;
                    self.roots % u64::from(one_in.max(1)) == 1 % u64::from(one_in.max(1))
                }
            },
        }
    }

    /// The parent activation of a new activation of `slot`, and the parent node.
    fn place(
        &mut self,
        thread: usize,
        slot: usize,
        out: &mut impl Output,
    ) -> (Option<u64>, NodeId) {
        if let Some(open) = self.threads.top(thread) {
            return (Some(open.seq), open.node);
        }
        match self.instances.resolve(self.instances.get(slot).parent) {
            Some(parent) if parent.last_seq != 0 => (Some(parent.last_seq), parent.last_node),
            _ => (None, self.path(slot, out)),
        }
    }

    /// The node of the instances above `slot`, none of which was entered.
    fn path(&mut self, slot: usize, out: &mut impl Output) -> NodeId {
        let mut above = Vec::new();
        let mut node = NO_NODE;
        let mut at = self.instances.get(slot).parent;
        while let Some(reference) = at {
            let Some(parent) = self.instances.resolve(Some(reference)) else {
                break;
            };
            if parent.last_seq != 0 {
                node = parent.last_node;
                break;
            }
            above.push(reference.slot);
            at = parent.parent;
        }
        above
            .into_iter()
            .rev()
            .fold(node, |node, slot| self.node(slot, node, out))
    }

    fn node(&mut self, slot: usize, parent: NodeId, out: &mut impl Output) -> NodeId {
        let instance = self.instances.get_mut(slot);
        if let Some((known_parent, node)) = instance.node
            && known_parent == parent
        {
            return node;
        }
        let Some(callsite) = instance.callsite.map(|number| self.callsites.get(number)) else {
            return parent;
        };
        self.key.clear();
        if callsite.has_keys {
            instance.values.key(callsite, &mut self.key);
        }
        let key = (self.tree.key(&self.key), self.key.as_str());
        let node = self.tree.node(parent, callsite, key, |row| {
            out.node(row, callsite.role, callsite.domain)
        });
        instance.node = Some((parent, node));
        node
    }

    fn enter_unknown(&mut self, thread: usize, time_ns: i64, id: u64, out: &mut impl Output) {
        out.loss(Loss::UnknownSpan);
        let node = self
            .tree
            .unknown(|row| out.node(row, None, Default::default()));
        let (reference, instance) = self.instances.create(id);
        instance.created_ns = time_ns;
        let parent = self.threads.top(thread).map(|open| open.seq);
        self.begin(thread, time_ns, reference.slot, (node, parent), out);
    }

    fn exit(&mut self, thread: usize, time_ns: i64, slot: usize, out: &mut impl Output) {
        if let Some(exited) = self.threads.exit(thread, slot, time_ns) {
            if let Some(open) = exited {
                self.ended(thread, open, time_ns, out);
            }
        } else if let Some((other, open)) = self.threads.exit_elsewhere(slot, time_ns) {
            out.loss(Loss::ForeignExit);
            self.ended(other, open, time_ns, out);
        } else {
            out.loss(Loss::StrayExit);
        }
    }

    fn ended(&mut self, thread: usize, open: OpenActivation, end_ns: i64, out: &mut impl Output) {
        out.close(open.seq, end_ns);
        let thread_id = self.threads.id(thread);
        let instance = self.instances.get_mut(open.slot);
        instance.open -= 1;
        if open.kept {
            let mut row = row(thread_id, &open, instance.token, shared_instance(instance));
            row.end_ns = Some(end_ns.max(open.start_ns));
            if instance.activations == 1 {
                instance.only_row = Some(row);
            }
            out.span(row);
        }
        if instance.open == 0 && instance.closed_ns.is_some() {
            self.retire(open.slot, out);
        }
    }

    fn close(&mut self, time_ns: i64, slot: usize, out: &mut impl Output) {
        let instance = self.instances.get_mut(slot);
        instance.closed_ns = Some(time_ns);
        if instance.open == 0 {
            self.retire(slot, out);
        }
    }

    /// Writes what is left to tell of an instance and forgets it.
    fn retire(&mut self, slot: usize, out: &mut impl Output) {
        let instance = self.instances.get(slot);
        if self.detail == Detail::Spans
            && let Some(callsite) = instance.callsite.map(|number| self.callsites.get(number))
        {
            if instance.needs_row() {
                out.instance(InstanceRow {
                    id: instance.number,
                    callsite: callsite.id,
                    parent: self
                        .instances
                        .resolve(instance.parent)
                        .map(|parent| parent.number),
                    created_ns: instance.created_ns,
                    closed_ns: instance.closed_ns,
                });
            }
            let has_fields = instance.has_data && instance.first_seq != 0;
            let json = || {
                instance
                    .values
                    .json(callsite, |field| field == FieldUse::Data)
            };
            if let Some(json) = has_fields.then(json).flatten() {
                out.fields(instance.first_seq, json);
            }
        }
        self.late_token(slot, out);
        self.instances.release(slot);
    }

    /// A token number recorded after its only activation had ended.
    fn late_token(&mut self, slot: usize, out: &mut impl Output) {
        let instance = self.instances.get_mut(slot);
        if let Some(only) = instance.only_row.take()
            && only.token != instance.token
        {
            out.span(SpanRow {
                token: instance.token,
                ..only
            });
        }
    }

    fn mark(
        &mut self,
        thread: usize,
        time_ns: i64,
        callsite: u64,
        parent: u64,
        out: &mut impl Output,
    ) {
        let number = self.callsite(callsite, out);
        let span = match parent {
            CONTEXTUAL => self.threads.top(thread).map(|open| open.seq),
            ROOT => None,
            id => self
                .instances
                .find(id)
                .map(|slot| self.instances.get(slot).last_seq)
                .filter(|&seq| seq != 0),
        };
        let row = MarkRow {
            time_ns,
            thread: self.threads.id(thread),
            span,
            callsite: self.callsites.get(number).id,
            json: String::new(),
        };
        self.subjects[thread] = Subject::Mark(Box::new(PendingMark {
            row,
            callsite: number,
            values: Values::default(),
        }));
    }

    fn link(&mut self, id: u64, follows: u64, out: &mut impl Output) {
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

fn shared_instance(instance: &super::instances::Instance) -> Option<u64> {
    (instance.activations > 1).then_some(instance.number)
}

fn row(thread: u32, open: &OpenActivation, token: Option<i64>, instance: Option<u64>) -> SpanRow {
    SpanRow {
        seq: open.seq,
        node: open.node,
        instance,
        parent: open.parent,
        thread,
        start_ns: open.start_ns,
        end_ns: None,
        token,
    }
}
