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

mod beginning;
mod ending;
mod placing;
mod subjects;

use self::ending::{row, shared_instance};
use self::subjects::Subject;
use super::callsite::{Callsites, Naming};
use super::instances::Instances;
use super::merge::Verdict;
use super::output::{Loss, Output};
use super::threads::Threads;
use super::tree::Tree;
use super::wire::{CONTEXTUAL, ROOT, Record};

/// How much of the recording becomes rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Every activation is a row.
    #[default]
    Spans,
    /// Totals per node, thread and window only: bounded memory and disk.
    ///
    /// Energies are as exact as with rows while recording. Attributed again from
    /// the file they are not: a total says how long a node ran in a window of a
    /// flush interval, not when, so its time is taken to be spread evenly there, and
    /// a thread's CPU time to be used in and between its spans alike.
    /// Measured energy, idle energy and self times stay the same; what of it each
    /// node has moves by what its power changed within windows, and idle shares,
    /// phases and numbers of instances cannot be had again.
    Nodes,
    /// As `Nodes`, and rows for the spans below one in that many root activations.
    /// Attributed again like `Nodes`: rows of some spans say nothing of the rest.
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
            Record::ThreadEnd => self.end_thread(thread, time_ns, out),
            // CPU times are the collector's.
            Record::Field { .. } | Record::CpuTime { .. } => {}
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
            self.end_thread(thread, end_ns, out);
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
}
