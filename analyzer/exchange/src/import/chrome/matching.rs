//! Matches ends with spans, and assigns parents.
//!
//! The format allows events in any order, and viewers sort them by time. But clocks that differ
//! between processors may put an end a nanosecond before its begin, and sorting would separate
//! the two. Events that are not in time order are therefore matched twice, sorted and in file
//! order, and the order with fewer anomalies is used.

use super::trace_builder::{EndEvent, TraceBuilder};

/// Number of innermost open spans of a thread that are searched for the one that ends.
const SEARCH_DEPTH: usize = 256;

/// One event of a thread or of a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct ThreadEvent {
    pub(super) time_ns: i64,
    pub(super) action: EventAction,
}

/// Action of an event; spans and span events are indices of the builder.
#[derive(Debug, Clone, Copy)]
pub(super) enum EventAction {
    Begin(u32),
    End(EndEvent),
    SpanEvent(u32),
}

/// Rule by which an end selects one of the open spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MatchRule {
    /// The innermost one with its name; spans nested in it stay nested.
    Thread,
    /// The last one with its name and arguments, else with its name; spans started later move
    /// to its parent.
    Task,
}

/// Number of anomalies of ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct AnomalyCounts {
    /// Ends of a span that was not innermost.
    pub(super) out_of_order: usize,
    /// Ends before their begins.
    pub(super) negative: usize,
    /// Ends without a span.
    pub(super) unmatched: usize,
    /// Spans without an end.
    pub(super) open: usize,
}

impl AnomalyCounts {
    pub(super) fn add(&mut self, other: Self) {
        self.out_of_order += other.out_of_order;
        self.negative += other.negative;
        self.unmatched += other.unmatched;
        self.open += other.open;
    }
}

#[derive(Debug, Default)]
struct MatchedEnds {
    parents: Vec<(u32, Option<u32>)>,
    ends: Vec<(u32, i64, EndEvent)>,
    span_events: Vec<(u32, u32)>,
    open: Vec<u32>,
    anomalies: AnomalyCounts,
}

/// Matches the events of one thread or task and writes the result to the builder. Returns the
/// anomalies and the spans without an end.
pub(super) fn place(
    builder: &mut TraceBuilder,
    events: &[ThreadEvent],
    rule: MatchRule,
    is_ordered: bool,
) -> (AnomalyCounts, Vec<u32>) {
    let as_written = matched(builder, events, rule);
    let best = match is_ordered {
        true => as_written,
        false => {
            let mut sorted = events.to_vec();
            sorted.sort_by_key(|event| event.time_ns);
            let by_time = matched(builder, &sorted, rule);
            match by_time.anomaly_count() <= as_written.anomaly_count() {
                true => by_time,
                false => as_written,
            }
        }
    };
    best.write(builder)
}

fn matched(builder: &TraceBuilder, events: &[ThreadEvent], rule: MatchRule) -> MatchedEnds {
    let mut matched = MatchedEnds::default();
    // Open spans with their parents, innermost last.
    let mut open: Vec<(u32, Option<u32>)> = Vec::new();
    for event in events {
        let innermost = open.last().map(|open| open.0);
        match event.action {
            EventAction::Begin(span) => open.push((span, innermost)),
            EventAction::SpanEvent(span_event) => matched
                .span_events
                .extend(innermost.map(|span| (span_event, span))),
            EventAction::End(end) => match matching_span(builder, &open, end, rule) {
                Some(found) => {
                    let span = remove(&mut open, found, rule);
                    let is_innermost = found == open.len();
                    let is_out_of_order = !is_innermost && rule == MatchRule::Thread;
                    matched.anomalies.out_of_order += usize::from(is_out_of_order);
                    let is_negative = event.time_ns < builder.spans[span.0 as usize].start_ns;
                    matched.anomalies.negative += usize::from(is_negative);
                    matched.parents.push(span);
                    matched.ends.push((span.0, event.time_ns, end));
                }
                None => matched.anomalies.unmatched += 1,
            },
        }
    }
    matched.anomalies.open = open.len();
    matched.open = open.iter().map(|open| open.0).collect();
    matched.parents.extend(open);
    matched
}

/// Returns the index in `open` of the span that an end belongs to.
fn matching_span(
    builder: &TraceBuilder,
    open: &[(u32, Option<u32>)],
    end: EndEvent,
    rule: MatchRule,
) -> Option<usize> {
    let called = |open: &(u32, Option<u32>)| builder.has_name(open.0, end);
    match rule {
        MatchRule::Thread => (0..open.len())
            .rev()
            .take(SEARCH_DEPTH)
            .find(|&at| called(&open[at])),
        MatchRule::Task => open
            .iter()
            .rposition(|open| builder.has_args(open.0, end) && called(open))
            .or_else(|| open.iter().rposition(called)),
    }
}

/// Removes a span from the open ones.
fn remove(open: &mut Vec<(u32, Option<u32>)>, found: usize, rule: MatchRule) -> (u32, Option<u32>) {
    let (span, parent) = open.remove(found);
    if rule == MatchRule::Task {
        let later = open[found..].iter_mut().filter(|one| one.1 == Some(span));
        later.for_each(|one| one.1 = parent);
    }
    (span, parent)
}

impl MatchedEnds {
    const fn anomaly_count(&self) -> usize {
        self.anomalies.negative + self.anomalies.unmatched + self.anomalies.open
    }

    fn write(self, builder: &mut TraceBuilder) -> (AnomalyCounts, Vec<u32>) {
        for (span, parent) in self.parents {
            builder.spans[span as usize].parent = parent;
        }
        for (span, end_ns, end) in self.ends {
            builder.end(span, end_ns);
            builder.set_details(span, end);
        }
        for (span_event, span) in self.span_events {
            builder.assign_span_event(span_event, span);
        }
        (self.anomalies, self.open)
    }
}
