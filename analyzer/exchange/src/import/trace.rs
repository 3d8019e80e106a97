//! A trace in memory: the common result of all readers.
//!
//! Texts are interned or stored in one buffer: kinds, keys and threads are indices, a span
//! takes 56 bytes.

use std::collections::HashMap;
use std::hash::Hash;

use energy_data::rows::Domain;
use energy_power::replay::main_group;

use super::anomaly::Anomaly;

/// Maximum time: a quarter of the range, so that no sum or difference overflows.
pub(super) const LATEST_NS: i64 = i64::MAX / 4;

/// Maximum duration of a span, and its maximum distance from others.
pub(super) const LONGEST_NS: i64 = 180 * 86_400 * 1_000_000_000;

/// A span as recorded in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceSpan {
    /// Index of its parent among the spans.
    pub(super) parent: Option<u32>,
    /// Index into [`ImportedTrace::threads`].
    pub(super) thread: u32,
    /// Index into [`ImportedTrace::kinds`].
    pub(super) kind: u32,
    /// Index into [`ImportedTrace::keys`].
    pub(super) key: u32,
    /// Index into [`ImportedTrace::details`] plus one; 0 is none.
    pub(super) detail: u32,
    pub(super) start_ns: i64,
    pub(super) end_ns: i64,
    pub(super) line: u64,
}

/// Data shared by the spans of one callsite.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SpanKind {
    pub(super) name: String,
    pub(super) target: String,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) domain: Domain,
}

/// A thread with its id and name in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TraceThread {
    pub(super) tid: Option<i64>,
    pub(super) name: Option<String>,
}

/// Data that only some spans have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SpanDetail {
    /// Value of the field `token`.
    pub(super) token: Option<i64>,
    /// Range of its data fields in [`ImportedTrace::texts`]: a JSON object, or empty.
    pub(super) fields: (usize, usize),
}

/// An event of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpanEvent {
    pub(super) time_ns: i64,
    pub(super) thread: u32,
    /// Index of the span that it happened in.
    pub(super) span: Option<u32>,
    pub(super) kind: u32,
    /// Range of its fields in [`ImportedTrace::texts`].
    pub(super) fields: (usize, usize),
}

/// Content of a trace file.
#[derive(Debug, Default)]
pub(super) struct ImportedTrace {
    pub(super) spans: Vec<TraceSpan>,
    pub(super) kinds: Vec<SpanKind>,
    /// Whether power is estimated by the kind's name alone; else by the path of names, as for
    /// recordings by the layer.
    pub(super) kinds_are_named: bool,
    /// Values of key fields; the first one belongs to spans without any.
    pub(super) keys: Vec<String>,
    pub(super) threads: Vec<TraceThread>,
    pub(super) details: Vec<SpanDetail>,
    /// Ordered by time.
    pub(super) span_events: Vec<SpanEvent>,
    pub(super) texts: String,
    pub(super) anomalies: Vec<Anomaly>,
}

impl ImportedTrace {
    /// Returns the first start and the last end of spans.
    pub(super) fn extent(&self) -> (i64, i64) {
        extent(self.spans.iter().map(|span| (span.start_ns, span.end_ns)))
    }

    /// Drops spans and span events that are half a year or more from most spans: one wrong time
    /// would
    /// make a run of years. Returns the number of dropped spans.
    pub(super) fn drop_strays(&mut self) -> usize {
        let starts = self.spans.iter().map(|span| span.start_ns);
        let most = main_group(starts).or_else(|| self.started());
        let Some((first, last)) = most else { return 0 };
        let until = last.saturating_add(LONGEST_NS);
        let is_near = |time_ns: i64| (first..until).contains(&time_ns);
        let all = self.spans.len();
        if self
            .spans
            .iter()
            .all(|span| is_near(span.start_ns) && span.end_ns < until)
        {
            return 0;
        }
        let mut place: Vec<Option<u32>> = Vec::with_capacity(all);
        let mut kept: Vec<TraceSpan> = Vec::with_capacity(all);
        for span in &self.spans {
            let is_kept = is_near(span.start_ns) && span.end_ns < until;
            place.push(is_kept.then_some(kept.len() as u32));
            kept.extend(is_kept.then_some(*span));
        }
        if kept.is_empty() {
            return 0;
        }
        for span in &mut kept {
            span.parent = span.parent.and_then(|parent| place[parent as usize]);
        }
        self.spans = kept;
        self.span_events
            .retain(|span_event| is_near(span_event.time_ns));
        for span_event in &mut self.span_events {
            span_event.span = span_event.span.and_then(|span| place[span as usize]);
        }
        all - self.spans.len()
    }

    /// Returns the first and the last start of spans.
    fn started(&self) -> Option<(i64, i64)> {
        let starts = self.spans.iter().map(|span| span.start_ns);
        Some((starts.clone().min()?, starts.max()?))
    }

    /// Returns the details of a span.
    pub(super) fn detail(&self, span: &TraceSpan) -> SpanDetail {
        let at = (span.detail as usize).checked_sub(1);
        at.map(|at| self.details[at]).unwrap_or_default()
    }

    /// Returns a text by its range.
    pub(super) fn text(&self, (start, end): (usize, usize)) -> &str {
        self.texts.get(start..end).unwrap_or_default()
    }
}

/// Returns the first start and the last end.
pub(super) fn extent(times: impl Iterator<Item = (i64, i64)>) -> (i64, i64) {
    times.fold((i64::MAX, i64::MIN), |(first, last), (start, end)| {
        (first.min(start), last.max(end))
    })
}

/// Interns equal items as one number, from 0.
#[derive(Debug)]
pub(super) struct Interner<T> {
    known: HashMap<T, u32>,
    all: Vec<T>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            all: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// Returns the number of `item`, a new one if it is unknown.
    pub(super) fn number(&mut self, item: T) -> u32 {
        if let Some(&number) = self.known.get(&item) {
            return number;
        }
        let number = self.all.len() as u32;
        self.all.push(item.clone());
        self.known.insert(item, number);
        number
    }

    /// Returns the number of `item` if it is known.
    pub(super) fn known(&self, item: &T) -> Option<u32> {
        self.known.get(item).copied()
    }

    /// Returns the item of a number.
    pub(super) fn get(&self, number: u32) -> &T {
        &self.all[number as usize]
    }

    /// Returns the number of items.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns all items by number.
    pub(super) fn into_all(self) -> Vec<T> {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of dropped spans and the parents of the remaining ones; each span is
    /// the child of the previous one.
    fn without_strays(times: &[(i64, i64)]) -> (usize, Vec<Option<u32>>) {
        let span = |(at, &(start_ns, end_ns)): (u32, &(i64, i64))| TraceSpan {
            parent: at.checked_sub(1),
            thread: 0,
            kind: 0,
            key: 0,
            detail: 0,
            start_ns,
            end_ns,
            line: 0,
        };
        let mut trace = ImportedTrace {
            spans: (0..).zip(times).map(span).collect(),
            ..ImportedTrace::default()
        };
        let dropped = trace.drop_strays();
        (
            dropped,
            trace.spans.iter().map(|span| span.parent).collect(),
        )
    }

    #[test]
    fn stray_spans_are_dropped_and_their_children_become_roots() {
        const NOW: i64 = 1_790_000_000_000_000_000;
        let near = |at: i64| (NOW + at, NOW + at + 5);
        assert_eq!(
            without_strays(&[near(0), near(1)]),
            (0, vec![None, Some(0)])
        );
        assert_eq!(
            without_strays(&[near(0), (0, 5), near(2), near(3)]),
            (1, vec![None, None, Some(1)])
        );
        assert_eq!(
            without_strays(&[(0, NOW), near(1), near(2)]),
            (1, vec![None, Some(0)])
        );
        assert_eq!(
            without_strays(&[near(0), (NOW + 1, 2 * NOW), near(2)]),
            (1, vec![None, None])
        );
        assert_eq!(without_strays(&[]), (0, vec![]));
    }
}
