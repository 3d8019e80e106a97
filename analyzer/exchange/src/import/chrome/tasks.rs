//! Spans of the style `Async`: their lifetimes, from creation to close, without threads.
//!
//! All spans below one root have the root's id; parents are not recorded. A span's parent is
//! assumed to be the nearest span that was open during its whole lifetime. Spans that overlap
//! without nesting cannot run on one thread, so each tree has as many lanes as it needs, and
//! lanes are reused by later trees:
//!
//! ```text
//! id 1   b root   b left   b right   e left   e right   e root
//! lane 1 |========================== root ===================|
//! lane 1          |====== left =======|
//! lane 2                   |======== right ======|
//! ```
//!
//! Every lane is a thread of the run. A span with a child open on another lane waits for it,
//! like a thread that waits for another thread: each moment's energy is divided among the
//! innermost open spans, and none of it is counted twice.

use std::collections::HashMap;

use super::event::{ChromeEvent, Id};
use super::fields::EventFields;
use super::lanes;
use super::matching::{AnomalyCounts, EventAction, MatchRule, ThreadEvent, place};
use super::trace_builder::{TimePoint, TraceBuilder};
use crate::import::trace::TraceThread;

/// Key shared by the events of one tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TaskId {
    /// Process of the id; `None` if the id is global.
    process: Option<Id>,
    id: Id,
    /// Category and scope, if the writer's ids are unique only within them.
    group: Option<(Box<str>, Box<str>)>,
}

impl TaskId {
    /// Returns the task of an event: by `id`, or by `id2`, whose `local` ids are unique within
    /// a process. tracing-chrome gives all spans of a tree its root's `id`, whatever their
    /// category; writers of `id2` separate categories, as viewers do.
    pub(super) fn from_event(event: &ChromeEvent<'_>) -> Option<Self> {
        let process = || Some(event.pid.id().unwrap_or(Id::Number(0)));
        let text = |text: Option<&str>| text.unwrap_or_default().into();
        let scope = event.scope.text();
        let category_and_scope = || Some((text(event.cat.text()), text(scope)));
        if let Some(id) = event.id.id() {
            return Some(Self {
                process: process(),
                id,
                group: scope.and_then(|_| category_and_scope()),
            });
        }
        let local = event.id2.local.id().map(|id| (process(), id));
        let (process, id) = local.or_else(|| Some((None, event.id2.global.id()?)))?;
        let group = category_and_scope();
        Some(Self { process, id, group })
    }
}

/// All asynchronous spans of a trace.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// Trees by number, and the latest time of each.
    numbers: HashMap<TaskId, u32>,
    latest_ns: Vec<i64>,
    /// Events with the number of their tree, in file order.
    events: Vec<(u32, ThreadEvent)>,
    /// Number of events that come after later ones of their tree.
    unsorted: usize,
    all: Vec<u32>,
}

/// Result of matching all tasks.
#[derive(Debug, Default)]
pub(super) struct FinishedTasks {
    pub(super) anomalies: AnomalyCounts,
    pub(super) unsorted: usize,
    pub(super) lanes: Vec<TraceThread>,
}

impl Tasks {
    pub(super) fn begin(
        &mut self,
        builder: &mut TraceBuilder,
        parsed: (&ChromeEvent<'_>, &EventFields),
        id: TaskId,
        at: TimePoint,
    ) -> Result<(), String> {
        let span = builder.begin(parsed, 0, at)?;
        self.all.push(span);
        self.push(id, at.time_ns, EventAction::Begin(span));
        Ok(())
    }

    pub(super) fn end(
        &mut self,
        builder: &mut TraceBuilder,
        (event, fields): (&ChromeEvent<'_>, &EventFields),
        id: TaskId,
        time_ns: i64,
    ) {
        let end = builder.end_of(event, fields);
        self.push(id, time_ns, EventAction::End(end));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the times of all events.
    pub(super) fn times(&self) -> impl Iterator<Item = i64> {
        self.events.iter().map(|event| event.1.time_ns)
    }

    /// Matches ends and parents, ends unmatched spans at `last_ns`, and assigns all to lanes,
    /// which are threads from `first`.
    pub(super) fn finish(
        &mut self,
        builder: &mut TraceBuilder,
        last_ns: i64,
        first: usize,
    ) -> FinishedTasks {
        let mut finished = FinishedTasks {
            unsorted: self.unsorted,
            ..FinishedTasks::default()
        };
        let mut events = std::mem::take(&mut self.events);
        events.sort_by_key(|event| event.0);
        for tree in events.chunk_by(|a, b| a.0 == b.0) {
            let tree: Vec<ThreadEvent> = tree.iter().map(|event| event.1).collect();
            let is_ordered = tree.is_sorted_by_key(|event| event.time_ns);
            let (anomalies, open) = place(builder, &tree, MatchRule::Task, is_ordered);
            finished.anomalies.add(anomalies);
            for span in open {
                builder.end(span, last_ns);
            }
        }
        let lanes = lanes::place(&mut builder.spans, self.all.clone(), first as u32);
        let thread = |lane| TraceThread {
            tid: None,
            name: Some(format!("async {}", lane + 1)),
        };
        finished.lanes = (0..lanes).map(thread).collect();
        finished
    }

    fn push(&mut self, id: TaskId, time_ns: i64, action: EventAction) {
        let next = self.latest_ns.len() as u32;
        let number = *self.numbers.entry(id).or_insert(next);
        if number == next {
            self.latest_ns.push(time_ns);
        }
        let latest_ns = &mut self.latest_ns[number as usize];
        self.unsorted += usize::from(time_ns < *latest_ns);
        *latest_ns = time_ns.max(*latest_ns);
        self.events.push((number, ThreadEvent { time_ns, action }));
    }
}
