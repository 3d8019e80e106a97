//! Spans of the style `Async`: their whole life, from creation to close, on no thread.
//!
//! All spans below one root have the root's id; which of them is whose parent is not
//! told. A span's parent is taken to be the nearest one that was open during all of its
//! life. What lives at the same time without lying in each other cannot run on one
//! thread, so each tree has as many lanes as it needs, and a lane of one tree serves
//! another one after it:
//!
//! ```text
//! id 1   b root   b left   b right   e left   e right   e root
//! lane 1 |========================== root ===================|
//! lane 1          |====== left =======|
//! lane 2                   |======== right ======|
//! ```
//!
//! Every lane is a thread of the run. A span with a part of it open on another lane
//! waits for that, as a thread that waits for another one does: so each moment's energy
//! is divided among the innermost open spans, and none of it is counted twice.

use std::collections::HashMap;

use super::book::{Book, Moment};
use super::event::{Event, Id};
use super::fields::Fields;
use super::lanes;
use super::matching::{Odd, Op, Rule, What, place};
use crate::import::trace::Thread;

/// What events of one tree have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TaskId {
    /// None where the id is one of all processes.
    process: Option<Id>,
    id: Id,
    /// Category and scope, where the writer keeps ids apart by them.
    group: Option<(Box<str>, Box<str>)>,
}

impl TaskId {
    /// The task of an event: by `id`, or by `id2`, whose `local` ones are those of a
    /// process. tracing-chrome gives all spans of a tree its root's `id`, whatever their
    /// category; the writers of `id2` keep categories apart, as viewers do.
    pub(super) fn of(event: &Event<'_>) -> Option<Self> {
        let process = || Some(event.pid.id().unwrap_or(Id::Number(0)));
        let text = |text: Option<&str>| text.unwrap_or_default().into();
        let scope = event.scope.text();
        let apart = || Some((text(event.cat.text()), text(scope)));
        if let Some(id) = event.id.id() {
            return Some(Self {
                process: process(),
                id,
                group: scope.and_then(|_| apart()),
            });
        }
        let local = event.id2.local.id().map(|id| (process(), id));
        let (process, id) = local.or_else(|| Some((None, event.id2.global.id()?)))?;
        let group = apart();
        Some(Self { process, id, group })
    }
}

/// All asynchronous spans of a trace.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// Trees by number, and the latest time of each.
    numbers: HashMap<TaskId, u32>,
    latest_ns: Vec<i64>,
    /// Events with the number of their tree, as they stand in the file.
    ops: Vec<(u32, Op)>,
    /// Events that stand behind later ones of their tree.
    unsorted: usize,
    all: Vec<u32>,
}

/// What came of all tasks.
#[derive(Debug, Default)]
pub(super) struct Finished {
    pub(super) odd: Odd,
    pub(super) unsorted: usize,
    pub(super) lanes: Vec<Thread>,
}

impl Tasks {
    pub(super) fn begin(
        &mut self,
        book: &mut Book,
        told: (&Event<'_>, &Fields),
        id: TaskId,
        at: Moment,
    ) -> Result<(), String> {
        let span = book.begin(told, 0, at)?;
        self.all.push(span);
        self.push(id, at.time_ns, What::Begin(span));
        Ok(())
    }

    pub(super) fn end(
        &mut self,
        book: &mut Book,
        (event, fields): (&Event<'_>, &Fields),
        id: TaskId,
        time_ns: i64,
    ) {
        let end = book.end_of(event, fields);
        self.push(id, time_ns, What::End(end));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The times of all their events.
    pub(super) fn times(&self) -> impl Iterator<Item = i64> {
        self.ops.iter().map(|op| op.1.time_ns)
    }

    /// Finds ends and parents; ends what has no end at `last_ns`, and puts all on lanes,
    /// which are threads from `first` on.
    pub(super) fn finish(&mut self, book: &mut Book, last_ns: i64, first: usize) -> Finished {
        let mut finished = Finished {
            unsorted: self.unsorted,
            ..Finished::default()
        };
        let mut ops = std::mem::take(&mut self.ops);
        ops.sort_by_key(|op| op.0);
        for tree in ops.chunk_by(|a, b| a.0 == b.0) {
            let tree: Vec<Op> = tree.iter().map(|op| op.1).collect();
            let is_ordered = tree.is_sorted_by_key(|op| op.time_ns);
            let (odd, open) = place(book, &tree, Rule::Task, is_ordered);
            finished.odd.add(odd);
            for span in open {
                book.end(span, last_ns);
            }
        }
        let lanes = lanes::place(&mut book.spans, self.all.clone(), first as u32);
        let thread = |lane| Thread {
            tid: None,
            name: Some(format!("async {}", lane + 1)),
        };
        finished.lanes = (0..lanes).map(thread).collect();
        finished
    }

    fn push(&mut self, id: TaskId, time_ns: i64, what: What) {
        let next = self.latest_ns.len() as u32;
        let number = *self.numbers.entry(id).or_insert(next);
        if number == next {
            self.latest_ns.push(time_ns);
        }
        let latest_ns = &mut self.latest_ns[number as usize];
        self.unsorted += usize::from(time_ns < *latest_ns);
        *latest_ns = time_ns.max(*latest_ns);
        self.ops.push((number, Op { time_ns, what }));
    }
}
