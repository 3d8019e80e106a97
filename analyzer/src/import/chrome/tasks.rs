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
use std::hash::{DefaultHasher, Hash, Hasher};

use super::book::{Book, Moment};
use super::event::{Event, Id};
use super::fields::Fields;
use super::lanes;
use super::threads::Ended;
use crate::import::trace::Thread;

/// A span that has begun.
#[derive(Debug)]
struct Open {
    span: u32,
    /// Of its arguments: its end repeats them.
    args: u64,
}

/// All asynchronous spans of a trace.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// By process and id, in the order of begins.
    trees: HashMap<(Id, Id), Vec<Open>>,
    all: Vec<u32>,
}

impl Tasks {
    pub(super) fn begin(
        &mut self,
        book: &mut Book,
        (event, fields): (&Event<'_>, &Fields),
        id: Id,
        at: Moment,
    ) -> Result<(), String> {
        let tree = self.trees.entry((process(event), id)).or_default();
        let parent = tree.last().map(|open| open.span);
        let span = book.begin((event, fields), (0, parent), at)?;
        let args = hash(fields);
        tree.push(Open { span, args });
        self.all.push(span);
        Ok(())
    }

    pub(super) fn end(
        &mut self,
        book: &mut Book,
        (event, fields): (&Event<'_>, &Fields),
        id: Id,
        time_ns: i64,
    ) -> Ended {
        let who = (process(event), id);
        let Some(tree) = self.trees.get_mut(&who) else {
            return Ended::Unmatched;
        };
        let args = hash(fields);
        let called = |open: &Open| book.is_called(open.span, event);
        let exact = tree
            .iter()
            .rposition(|open| open.args == args && called(open));
        let Some(found) = exact.or_else(|| tree.iter().rposition(called)) else {
            return Ended::Unmatched;
        };
        let span = tree.remove(found).span;
        let parent = book.spans[span as usize].parent;
        for open in &tree[found..] {
            let later = &mut book.spans[open.span as usize].parent;
            if *later == Some(span) {
                *later = parent;
            }
        }
        if tree.is_empty() {
            self.trees.remove(&who);
        }
        if !event.args.0.is_empty() {
            book.tell(span, fields);
        }
        match book.end(span, time_ns) {
            true => Ended::InOrder,
            false => Ended::Negative,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Ends what has no end at `last_ns`, and puts all on lanes, which are threads from
    /// `first` on. Answers how many had no end.
    pub(super) fn finish(
        &self,
        book: &mut Book,
        last_ns: i64,
        first: usize,
    ) -> (usize, Vec<Thread>) {
        let open = self.trees.values().flatten();
        let left: Vec<u32> = open.map(|open| open.span).collect();
        for &span in &left {
            book.end(span, last_ns);
        }
        let lanes = lanes::place(&mut book.spans, self.all.clone(), first as u32);
        let thread = |lane| Thread {
            tid: None,
            name: Some(format!("async {}", lane + 1)),
        };
        (left.len(), (0..lanes).map(thread).collect())
    }
}

fn process(event: &Event<'_>) -> Id {
    event.pid.id().unwrap_or(Id::Number(0))
}

fn hash(fields: &Fields) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&fields.key, fields.token, &fields.json).hash(&mut hasher);
    hasher.finish()
}
