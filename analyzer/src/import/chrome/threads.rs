//! Spans on threads: begins and ends in turns, or whole ones.
//!
//! ```text
//! B a  B b  E b  E a        the style of tracing-chrome: b runs in a
//! B a  B b  E a  E b        exits out of order: each ends its own span only
//! B a  E a  B b  E b        not in the order of time: sorted, then b may run in a
//! X b [1, 2)  X a [0, 3)    whole spans stand where they ended: nested by time
//! ```

use std::cmp::Reverse;
use std::collections::HashMap;

use super::book::{Book, Moment, OPEN};
use super::event::{Event, Id};
use super::fields::{Fields, shortened};
use super::matching::{Odd, Op, Rule, What, place};
use crate::import::trace::Thread;

/// Process and thread.
type Who = (Id, Id);

/// One thread while it is read.
#[derive(Debug)]
struct Lane {
    number: u32,
    /// Its events, as they stand in the file.
    ops: Vec<Op>,
    latest_ns: i64,
    /// Events that stand behind later ones.
    unsorted: usize,
    /// Whether it has whole spans.
    whole: bool,
}

impl Lane {
    fn push(&mut self, time_ns: i64, what: What) {
        self.unsorted += usize::from(time_ns < self.latest_ns);
        self.latest_ns = time_ns.max(self.latest_ns);
        self.ops.push(Op { time_ns, what });
    }
}

/// What came of all threads.
#[derive(Debug, Default)]
pub(super) struct Finished {
    pub(super) odd: Odd,
    /// Events that stand behind later ones of their thread.
    pub(super) unsorted: usize,
    /// Whole spans that lie across others' ends.
    pub(super) across: usize,
}

/// All threads of a trace.
#[derive(Debug, Default)]
pub(super) struct Threads {
    lanes: HashMap<Who, Lane>,
    order: Vec<Who>,
    names: HashMap<Who, String>,
    processes: HashMap<Id, String>,
}

impl Threads {
    pub(super) fn begin(
        &mut self,
        book: &mut Book,
        told: (&Event<'_>, &Fields),
        at: Moment,
    ) -> Result<(), String> {
        let lane = self.lane(told.0);
        let span = book.begin(told, lane.number, at)?;
        lane.push(at.time_ns, What::Begin(span));
        Ok(())
    }

    pub(super) fn end(
        &mut self,
        book: &mut Book,
        (event, fields): (&Event<'_>, &Fields),
        time_ns: i64,
    ) {
        let end = book.end_of(event, fields);
        self.lane(event).push(time_ns, What::End(end));
    }

    /// A span of which all is told at once; false if it lasts less than nothing.
    pub(super) fn whole(
        &mut self,
        book: &mut Book,
        told: (&Event<'_>, &Fields),
        at: Moment,
        end_ns: i64,
    ) -> Result<bool, String> {
        let lane = self.lane(told.0);
        lane.whole = true;
        let span = book.begin(told, lane.number, at)?;
        Ok(book.end(span, end_ns))
    }

    pub(super) fn mark(&mut self, book: &mut Book, told: (&Event<'_>, &Fields), time_ns: i64) {
        let lane = self.lane(told.0);
        let mark = book.mark(told, lane.number, time_ns);
        lane.push(time_ns, What::Mark(mark));
    }

    /// Takes the name of a thread or process.
    pub(super) fn name(&mut self, event: &Event<'_>) {
        let given = event.args.0.iter().find(|(name, _)| name == "name");
        let Some(given) = given.and_then(|(_, value)| value.text()) else {
            return;
        };
        let (process, thread) = who(event);
        let given = shortened(given).to_owned();
        match event.name.text() {
            // A thread without a name is given its number.
            Some("thread_name") if given != thread.to_string() => {
                self.names.insert((process, thread), given);
            }
            Some("process_name") => {
                self.processes.insert(process, given);
            }
            _ => {}
        }
    }

    /// The times of all their events but whole spans.
    pub(super) fn times(&self) -> impl Iterator<Item = i64> {
        let ops = self.lanes.values().flat_map(|lane| &lane.ops);
        ops.map(|op| op.time_ns)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Finds ends and parents. What has no end gets it with the span around it, else at
    /// `last_ns`.
    pub(super) fn finish(&mut self, book: &mut Book, last_ns: i64) -> Finished {
        let mut finished = Finished::default();
        let mut left = Vec::new();
        let mut whole = Vec::new();
        for who in &self.order {
            let Some(lane) = self.lanes.get_mut(who) else {
                continue;
            };
            let ops = std::mem::take(&mut lane.ops);
            let (odd, open) = place(book, &ops, Rule::Thread, lane.unsorted == 0);
            finished.odd.add(odd);
            finished.unsorted += lane.unsorted;
            left.extend(open);
            whole.extend(lane.whole.then_some(lane.number));
        }
        for &span in &left {
            let end_ns = end_around(book, span).unwrap_or(last_ns);
            book.end(span, end_ns);
        }
        if !left.is_empty() {
            leave_ended(book);
        }
        finished.across = nest(book, &whole);
        finished
    }

    /// What they are called.
    pub(super) fn rows(&self) -> Vec<Thread> {
        let many = self.order.iter().any(|who| who.0 != self.order[0].0);
        let row = |who: &Who| {
            let process = self.processes.get(&who.0).cloned();
            let process = process.unwrap_or_else(|| format!("process {}", who.0));
            let text = match &who.1 {
                Id::Text(text) => Some(text.to_string()),
                Id::Number(_) => None,
            };
            let name = self.names.get(who).cloned().or(text);
            let name = match (many, name) {
                (true, name) => {
                    let own = name.unwrap_or_else(|| who.1.to_string());
                    Some(format!("{process} / {own}"))
                }
                (false, name) => name,
            };
            let tid = match &who.1 {
                Id::Number(tid) => Some(*tid),
                Id::Text(_) => None,
            };
            Thread { tid, name }
        };
        self.order.iter().map(row).collect()
    }

    fn lane(&mut self, event: &Event<'_>) -> &mut Lane {
        let who = who(event);
        self.lanes.entry(who).or_insert_with_key(|who| {
            self.order.push(who.clone());
            Lane {
                number: self.order.len() as u32 - 1,
                ops: Vec::new(),
                latest_ns: i64::MIN,
                unsorted: 0,
                whole: false,
            }
        })
    }
}

fn who(event: &Event<'_>) -> Who {
    let id = |id: Option<Id>| id.unwrap_or(Id::Number(0));
    (id(event.pid.id()), id(event.tid.id()))
}

/// The end of the nearest span around `span` that has ended.
fn end_around(book: &Book, span: u32) -> Option<i64> {
    let mut next = book.spans[span as usize].parent;
    while let Some(around) = next {
        let around = &book.spans[around as usize];
        if around.end_ns != OPEN {
            return Some(around.end_ns);
        }
        next = around.parent;
    }
    None
}

/// Spans whose parent turned out to have ended before they began go to the next one
/// around it. The way from a parent that was left is remembered, lest many spans go
/// up the same long way.
fn leave_ended(book: &mut Book) {
    let mut ways: HashMap<u32, Option<u32>> = HashMap::new();
    for at in 0..book.spans.len() {
        let start_ns = book.spans[at].start_ns;
        let first = book.spans[at].parent;
        let mut next = first;
        while let Some(parent) = next {
            let span = &book.spans[parent as usize];
            if span.end_ns >= start_ns {
                break;
            }
            next = ways.get(&parent).copied().unwrap_or(span.parent);
        }
        if let Some(first) = first.filter(|_| next != first) {
            ways.insert(first, next);
            book.spans[at].parent = next;
        }
    }
}

/// Nests the spans of threads that have whole ones: each in the nearest span that
/// holds all of it. Answers how many lie across the end of the one before.
fn nest(book: &mut Book, threads: &[u32]) -> usize {
    let mut of_thread: HashMap<u32, Vec<u32>> =
        threads.iter().map(|&number| (number, Vec::new())).collect();
    for (at, span) in (0..).zip(&book.spans) {
        if let Some(spans) = of_thread.get_mut(&span.thread) {
            spans.push(at);
        }
    }
    let spans = &mut book.spans;
    let mut across = 0;
    for mut order in of_thread.into_values() {
        order.sort_by_key(|&at| {
            let span = &spans[at as usize];
            (span.start_ns, Reverse(span.end_ns), at)
        });
        let mut around: Vec<u32> = Vec::new();
        for at in order {
            let (start_ns, end_ns) = (spans[at as usize].start_ns, spans[at as usize].end_ns);
            let ended = |span: &u32| spans[*span as usize].end_ns <= start_ns;
            while around.last().is_some_and(ended) {
                around.pop();
            }
            let holds = |span: &&u32| spans[**span as usize].end_ns >= end_ns;
            let parent = around.iter().rev().find(holds).copied();
            across += usize::from(parent != around.last().copied());
            spans[at as usize].parent = parent;
            around.push(at);
        }
    }
    across
}
