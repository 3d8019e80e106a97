//! Spans on threads: begin and end events, or complete events.
//!
//! ```text
//! B a  B b  E b  E a        style of tracing-chrome: b runs in a
//! B a  B b  E a  E b        exits out of order: each ends only its own span
//! B a  E a  B b  E b        not in time order: sorted, then b may run in a
//! X b [1, 2)  X a [0, 3)    complete events are written at their end: nested by time
//! ```

use std::cmp::Reverse;
use std::collections::HashMap;

use super::event::{ChromeEvent, Id};
use super::fields::{EventFields, shortened};
use super::matching::{AnomalyCounts, EventAction, MatchRule, ThreadEvent, place};
use super::trace_builder::{OPEN, TimePoint, TraceBuilder};
use crate::import::trace::TraceThread;

/// Process and thread.
type ThreadKey = (Id, Id);

/// Events of one thread.
#[derive(Debug)]
struct ThreadEvents {
    number: u32,
    /// Its events, in file order.
    events: Vec<ThreadEvent>,
    latest_ns: i64,
    /// Number of events that come after later ones.
    unsorted: usize,
    /// Whether it has complete events.
    has_complete_events: bool,
}

impl ThreadEvents {
    fn push(&mut self, time_ns: i64, action: EventAction) {
        self.unsorted += usize::from(time_ns < self.latest_ns);
        self.latest_ns = time_ns.max(self.latest_ns);
        self.events.push(ThreadEvent { time_ns, action });
    }
}

/// Result of matching all threads.
#[derive(Debug, Default)]
pub(super) struct FinishedThreads {
    pub(super) anomalies: AnomalyCounts,
    /// Number of events that come after later ones of their thread.
    pub(super) unsorted: usize,
    /// Number of complete events that overlap the end of others.
    pub(super) across: usize,
}

/// All threads of a trace.
#[derive(Debug, Default)]
pub(super) struct ChromeThreads {
    lanes: HashMap<ThreadKey, ThreadEvents>,
    order: Vec<ThreadKey>,
    names: HashMap<ThreadKey, String>,
    processes: HashMap<Id, String>,
}

impl ChromeThreads {
    pub(super) fn begin(
        &mut self,
        builder: &mut TraceBuilder,
        parsed: (&ChromeEvent<'_>, &EventFields),
        at: TimePoint,
    ) -> Result<(), String> {
        let lane = self.lane(parsed.0);
        let span = builder.begin(parsed, lane.number, at)?;
        lane.push(at.time_ns, EventAction::Begin(span));
        Ok(())
    }

    pub(super) fn end(
        &mut self,
        builder: &mut TraceBuilder,
        (event, fields): (&ChromeEvent<'_>, &EventFields),
        time_ns: i64,
    ) {
        let end = builder.end_of(event, fields);
        self.lane(event).push(time_ns, EventAction::End(end));
    }

    /// Adds a complete event; returns false if its duration is negative.
    pub(super) fn complete(
        &mut self,
        builder: &mut TraceBuilder,
        parsed: (&ChromeEvent<'_>, &EventFields),
        at: TimePoint,
        end_ns: i64,
    ) -> Result<bool, String> {
        let lane = self.lane(parsed.0);
        lane.has_complete_events = true;
        let span = builder.begin(parsed, lane.number, at)?;
        Ok(builder.end(span, end_ns))
    }

    pub(super) fn span_event(
        &mut self,
        builder: &mut TraceBuilder,
        parsed: (&ChromeEvent<'_>, &EventFields),
        time_ns: i64,
    ) {
        let lane = self.lane(parsed.0);
        let span_event = builder.span_event(parsed, lane.number, time_ns);
        lane.push(time_ns, EventAction::SpanEvent(span_event));
    }

    /// Sets the name of a thread or process from a metadata event.
    pub(super) fn name(&mut self, event: &ChromeEvent<'_>) {
        let given = event.args.0.iter().find(|(name, _)| name == "name");
        let Some(given) = given.and_then(|(_, value)| value.text()) else {
            return;
        };
        let (process, thread) = thread_key(event);
        let given = shortened(given).to_owned();
        match event.name.text() {
            // tracing-chrome names an unnamed thread by its number.
            Some("thread_name") if given != thread.to_string() => {
                self.names.insert((process, thread), given);
            }
            Some("process_name") => {
                self.processes.insert(process, given);
            }
            _ => {}
        }
    }

    /// Returns the times of all events but complete ones.
    pub(super) fn times(&self) -> impl Iterator<Item = i64> {
        let events = self.lanes.values().flat_map(|lane| &lane.events);
        events.map(|event| event.time_ns)
    }

    /// Returns the number of threads.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Matches ends and parents. An unmatched span ends with its nearest ended ancestor, else
    /// at `last_ns`.
    pub(super) fn finish(&mut self, builder: &mut TraceBuilder, last_ns: i64) -> FinishedThreads {
        let mut finished = FinishedThreads::default();
        let mut unmatched = Vec::new();
        let mut whole = Vec::new();
        for thread_key in &self.order {
            let Some(lane) = self.lanes.get_mut(thread_key) else {
                continue;
            };
            let events = std::mem::take(&mut lane.events);
            let (anomalies, open) = place(builder, &events, MatchRule::Thread, lane.unsorted == 0);
            finished.anomalies.add(anomalies);
            finished.unsorted += lane.unsorted;
            unmatched.extend(open);
            whole.extend(lane.has_complete_events.then_some(lane.number));
        }
        for &span in &unmatched {
            let end_ns = end_of_ancestor(builder, span).unwrap_or(last_ns);
            builder.end(span, end_ns);
        }
        if !unmatched.is_empty() {
            move_out_of_ended(builder);
        }
        finished.across = nest(builder, &whole);
        finished
    }

    /// Returns the threads with their names.
    pub(super) fn rows(&self) -> Vec<TraceThread> {
        let has_processes = self
            .order
            .iter()
            .any(|thread_key| thread_key.0 != self.order[0].0);
        let row = |thread_key: &ThreadKey| {
            let process = self.processes.get(&thread_key.0).cloned();
            let process = process.unwrap_or_else(|| format!("process {}", thread_key.0));
            let text = match &thread_key.1 {
                Id::Text(text) => Some(text.to_string()),
                Id::Number(_) => None,
            };
            let name = self.names.get(thread_key).cloned().or(text);
            let name = match (has_processes, name) {
                (true, name) => {
                    let own = name.unwrap_or_else(|| thread_key.1.to_string());
                    Some(format!("{process} / {own}"))
                }
                (false, name) => name,
            };
            let tid = match &thread_key.1 {
                Id::Number(tid) => Some(*tid),
                Id::Text(_) => None,
            };
            TraceThread { tid, name }
        };
        self.order.iter().map(row).collect()
    }

    fn lane(&mut self, event: &ChromeEvent<'_>) -> &mut ThreadEvents {
        let thread_key = thread_key(event);
        self.lanes
            .entry(thread_key)
            .or_insert_with_key(|thread_key| {
                self.order.push(thread_key.clone());
                ThreadEvents {
                    number: self.order.len() as u32 - 1,
                    events: Vec::new(),
                    latest_ns: i64::MIN,
                    unsorted: 0,
                    has_complete_events: false,
                }
            })
    }
}

fn thread_key(event: &ChromeEvent<'_>) -> ThreadKey {
    let id = |id: Option<Id>| id.unwrap_or(Id::Number(0));
    (id(event.pid.id()), id(event.tid.id()))
}

/// Returns the end of the nearest ancestor of `span` that has ended.
fn end_of_ancestor(builder: &TraceBuilder, span: u32) -> Option<i64> {
    let mut next = builder.spans[span as usize].parent;
    while let Some(around) = next {
        let around = &builder.spans[around as usize];
        if around.end_ns != OPEN {
            return Some(around.end_ns);
        }
        next = around.parent;
    }
    None
}

/// Moves spans whose parent turned out to end before they begin to the next ancestor. Paths
/// from such parents are cached, so that many spans do not follow the same long path.
fn move_out_of_ended(builder: &mut TraceBuilder) {
    let mut cached_paths: HashMap<u32, Option<u32>> = HashMap::new();
    for at in 0..builder.spans.len() {
        let start_ns = builder.spans[at].start_ns;
        let first = builder.spans[at].parent;
        let mut next = first;
        while let Some(parent) = next {
            let span = &builder.spans[parent as usize];
            if span.end_ns >= start_ns {
                break;
            }
            next = cached_paths.get(&parent).copied().unwrap_or(span.parent);
        }
        if let Some(first) = first.filter(|_| next != first) {
            cached_paths.insert(first, next);
            builder.spans[at].parent = next;
        }
    }
}

/// Nests the spans of threads with complete events: each in the nearest span that contains it.
/// Returns the number of spans that overlap the end of the previous one.
fn nest(builder: &mut TraceBuilder, threads: &[u32]) -> usize {
    let mut of_thread: HashMap<u32, Vec<u32>> =
        threads.iter().map(|&number| (number, Vec::new())).collect();
    for (at, span) in (0..).zip(&builder.spans) {
        if let Some(spans) = of_thread.get_mut(&span.thread) {
            spans.push(at);
        }
    }
    let spans = &mut builder.spans;
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
