//! Assembles activations and nodes from the records of all threads, in time order.
//!
//! ```text
//! thread 1   |--- a -------------|          a: 2 activations, 1 instance
//!               |-- b --|   |- b -|         b's second enter nests in a's first
//! thread 2                    |-- a --|     (re-entered elsewhere)
//! ```
//! An activation is one outermost enter..exit of a span on one thread. Its parent is the
//! activation below it on the stack, or else the latest activation of the parent instance.

mod beginning;
mod ending;
mod placing;
mod subjects;

use self::ending::{row, shared_instance};
use self::subjects::Subject;
use super::callsite::{Callsites, Naming};
use super::instances::Instances;
use super::merge::Verdict;
use super::output::{AssemblerOutput, Loss};
use super::threads::Threads;
use super::tree::Tree;
use super::wire::{CONTEXTUAL, ROOT, Record};

/// Level of detail of the stored rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Every activation is a row.
    #[default]
    Spans,
    /// Totals per node, thread and window only: bounded memory and disk.
    ///
    /// While recording, energies are as exact as with rows. Attribution from the file is
    /// less exact: a total states how long a node ran in a window of a flush interval, not
    /// when. Its time is assumed to be uniform within the window, and a thread's CPU time
    /// to be used at the same rate in and between its spans. Measured energy, idle energy
    /// and self times stay the same. A node's energy changes by as much as its power
    /// changed within windows. Idle shares, phases and instance counts cannot be
    /// recomputed.
    Nodes,
    /// Like `Nodes`, with rows for all spans below one in that many root activations.
    /// Attribution from the file uses the totals, as for `Nodes`.
    Sampled(u32),
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

    /// Adds a thread and returns its number, from 0.
    pub(crate) fn add_thread(&mut self, id: u32) -> usize {
        self.subjects.push(Subject::Nothing);
        self.threads.add(id)
    }

    /// Returns how many new nodes were merged into `(other)`.
    pub(crate) fn merged_nodes(&self) -> u64 {
        self.tree.merged()
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

    /// Writes open activations as rows without an end, so that no row lacks its parent
    /// after a crash.
    pub(crate) fn flush_open(&mut self, out: &mut impl AssemblerOutput) {
        for (thread, open) in self.threads.unwritten() {
            let instance = self.instances.get(open.slot);
            if open.kept {
                out.span(row(thread, open, instance.token, shared_instance(instance)));
            }
            open.written = true;
        }
    }

    /// Writes self times since the last call, for levels of detail without rows.
    pub(crate) fn flush_nodes(&mut self, now_ns: i64, out: &mut impl AssemblerOutput) {
        self.threads.flush_nodes(now_ns, |row| out.node_window(row));
    }

    /// Ends all open activations at `end_ns`.
    pub(crate) fn finish(&mut self, end_ns: i64, out: &mut impl AssemblerOutput) {
        for thread in 0..self.threads.len() {
            self.end_subject(thread, out);
        }
        for thread in 0..self.threads.len() {
            self.end_thread(thread, end_ns, out);
        }
        for slot in self.instances.live() {
            self.retire(slot, out);
        }
        if self.detail != Detail::Spans {
            self.flush_nodes(end_ns, out);
        }
    }

    fn callsite(&mut self, word: u64, out: &mut impl AssemblerOutput) -> usize {
        let (number, is_new) = self.callsites.number(word, &self.naming);
        if is_new {
            out.callsite(self.callsites.get(number).row());
        }
        number
    }
}
