//! The trace of each span: that of its own fields, of another entry into it, of its parent, or the
//! run's.
//!
//! ```text
//! run's trace     [run ---------------------------------]
//! traceparent X        [request ------]                      parent: the caller's span, link: run
//! X                       [query --]                         parent: request
//! ```

use std::collections::BTreeMap;

use energy_data::rows::SpanRow;
use energy_data::trace_context::{SpanId, TraceContext, TraceId};

use super::ids::RunIds;

/// Maximum number of ended spans of other traces that are remembered for late children.
const MAX_ENDED: usize = 65_536;
/// Maximum depth of the search for a trace.
const MAX_DEPTH: usize = 512;

/// Traces of the spans that are open, or may have children.
#[derive(Debug)]
pub struct SpanTraces {
    ids: RunIds,
    spans: BTreeMap<u64, KnownSpan>,
    /// Ended spans of other traces.
    ended: BTreeMap<u64, TraceId>,
    instances: BTreeMap<u64, TraceContext>,
    /// Node and instance of ended first entries: the fields of an instance come with the number of its
    /// first entry.
    first: BTreeMap<u64, (u32, u64)>,
}

/// A span whose trace may be needed.
#[derive(Debug, Clone, Copy, Default)]
struct KnownSpan {
    node: u32,
    parent: Option<u64>,
    instance: Option<u64>,
    context: Option<TraceContext>,
}

/// Place of a span in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracePlace {
    /// The trace.
    pub trace: TraceId,
    /// Id of the span.
    pub id: [u8; 8],
    /// Id of its parent in the same trace.
    pub parent: Option<[u8; 8]>,
    /// Trace and id of its parent in the recording, if that is of another trace.
    pub link: Option<(TraceId, [u8; 8])>,
    /// The id that another exporter uses for it.
    pub external: Option<SpanId>,
}

impl SpanTraces {
    /// Creates it for the spans of a run.
    pub fn new(ids: RunIds) -> Self {
        Self {
            ids,
            spans: BTreeMap::new(),
            ended: BTreeMap::new(),
            instances: BTreeMap::new(),
            first: BTreeMap::new(),
        }
    }

    /// Adds a span that has begun, or has changed before its end.
    pub fn begin(&mut self, row: &SpanRow) {
        let known = self.spans.entry(row.seq).or_default();
        (known.node, known.parent, known.instance) = (row.node, row.parent, row.instance);
    }

    /// Adds the row of an ended span that was written again, with the number of its instance.
    pub(super) fn change(&mut self, row: &SpanRow) {
        if self.spans.contains_key(&row.seq) {
            self.begin(row);
        } else if let Some(instance) = row.instance {
            limit(&mut self.first);
            self.first.insert(row.seq, (row.node, instance));
        }
    }

    /// Adds the data fields of a span. Returns its node if they contain a trace. Of an ended span they
    /// are ignored, unless later entries into it need its trace.
    pub fn fields(&mut self, seq: u64, json: &str) -> Option<u32> {
        let context = TraceContext::of_fields(json)?;
        let (node, instance) = match self.spans.get_mut(&seq) {
            Some(known) => {
                known.context = Some(context);
                (known.node, known.instance)
            }
            None => {
                let (node, instance) = self.first.remove(&seq)?;
                (node, Some(instance))
            }
        };
        if let Some(instance) = instance {
            limit(&mut self.instances);
            self.instances.insert(instance, context);
        }
        Some(node)
    }

    /// Searches for the trace in the fields of a span and of those around it. Passes the nodes of
    /// spans without one to `visit`. Returns whether a trace was found.
    pub(super) fn find_trace(&self, row: &SpanRow, mut visit: impl FnMut(u32)) -> bool {
        let mut seq = row.seq;
        for _ in 0..MAX_DEPTH {
            let Some(known) = self.spans.get(&seq) else {
                return self.ended.contains_key(&seq);
            };
            if self.context(seq, known.instance).is_some() {
                return true;
            }
            visit(known.node);
            match known.parent {
                Some(parent) => seq = parent,
                None => return false,
            }
        }
        false
    }

    /// Returns the place of a span, and forgets the span: its children may still come if its trace
    /// is another one.
    pub fn end(&mut self, row: &SpanRow) -> TracePlace {
        self.begin(row);
        let place = self.place(row);
        if let Some(KnownSpan {
            instance: Some(instance),
            context: Some(context),
            ..
        }) = self.spans.remove(&row.seq)
        {
            // The number of the instance may be known only now.
            limit(&mut self.instances);
            self.instances.insert(instance, context);
        }
        if place.trace != self.ids.trace() {
            limit(&mut self.ended);
            self.ended.insert(row.seq, place.trace);
        }
        place
    }

    /// Returns the number of spans and instances that it remembers.
    pub fn len(&self) -> usize {
        self.spans.len() + self.ended.len() + self.instances.len() + self.first.len()
    }

    /// Returns whether it remembers no span.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn place(&self, row: &SpanRow) -> TracePlace {
        let own = self.context(row.seq, row.instance);
        let trace = self.trace(row.seq);
        let parent = row.parent.map(|seq| {
            let trace = self.trace(seq);
            (trace, self.ids.span(trace, seq))
        });
        let same = parent.filter(|(of_parent, _)| *of_parent == trace);
        let remote = own.and_then(|context| context.parent);
        TracePlace {
            trace,
            id: self.ids.span(trace, row.seq),
            parent: same.map(|(_, id)| id).or(remote.map(SpanId::bytes)),
            link: parent.filter(|(of_parent, _)| *of_parent != trace),
            external: own.and_then(|context| context.span_id),
        }
    }

    /// Returns the context in the fields of a span or of another entry into it.
    fn context(&self, seq: u64, instance: Option<u64>) -> Option<TraceContext> {
        let own = self.spans.get(&seq).and_then(|known| known.context);
        own.or_else(|| self.instances.get(&instance?).copied())
    }

    fn trace(&self, seq: u64) -> TraceId {
        let mut seq = seq;
        for _ in 0..MAX_DEPTH {
            let Some(known) = self.spans.get(&seq) else {
                break;
            };
            if let Some(context) = self.context(seq, known.instance) {
                return context.trace_id;
            }
            match known.parent {
                Some(parent) => seq = parent,
                None => return self.ids.trace(),
            }
        }
        self.ended.get(&seq).copied().unwrap_or(self.ids.trace())
    }
}

/// Drops the oldest of too many.
fn limit<T>(map: &mut BTreeMap<u64, T>) {
    while map.len() >= MAX_ENDED {
        map.pop_first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn row(seq: u64, parent: Option<u64>) -> SpanRow {
        SpanRow {
            seq,
            node: 1,
            instance: None,
            parent,
            thread: 1,
            start_ns: 0,
            end_ns: Some(1),
            token: None,
        }
    }

    #[test]
    fn the_spans_of_a_request_belong_to_the_callers_trace() {
        let ids = RunIds::new(UUID);
        let mut traces = SpanTraces::new(ids);
        for (seq, parent) in [(1, None), (2, Some(1)), (3, Some(2))] {
            traces.begin(&row(seq, parent));
        }
        traces.fields(2, &format!(r#"{{"traceparent":"{HEADER}"}}"#));
        let query = traces.end(&row(3, Some(2)));
        let request = traces.end(&row(2, Some(1)));
        let late = traces.end(&row(4, Some(2)));
        let run = traces.end(&row(1, None));
        assert_eq!(
            request.trace.to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        let caller = SpanId::parse("b7ad6b7169203331").map(SpanId::bytes);
        assert_eq!(request.parent, caller);
        assert_eq!(request.link, Some((ids.trace(), 1_u64.to_be_bytes())));
        assert_eq!(
            (query.trace, query.parent),
            (request.trace, Some(request.id))
        );
        assert_eq!((late.trace, late.parent), (request.trace, Some(request.id)));
        assert_eq!((run.trace, run.parent, run.link), (ids.trace(), None, None));
    }

    #[test]
    fn later_entries_of_a_span_have_its_trace() {
        let mut traces = SpanTraces::new(RunIds::new(UUID));
        let entry = |seq| SpanRow {
            instance: Some(9),
            ..row(seq, None)
        };
        traces.begin(&row(1, None));
        traces.fields(
            1,
            r#"{"trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331"}"#,
        );
        let first = traces.end(&entry(1));
        let second = traces.end(&entry(2));
        assert_eq!(first.trace, second.trace);
        assert_eq!(first.external, second.external);
        assert!(second.external.is_some());
        assert_ne!(first.id, second.id);
    }

    #[test]
    fn memory_is_bounded() {
        let mut traces = SpanTraces::new(RunIds::new(UUID));
        let json = format!(r#"{{"traceparent":"{HEADER}"}}"#);
        for seq in 1..200_000 {
            traces.begin(&row(seq, None));
            traces.fields(seq, &json);
            traces.end(&row(seq, None));
            // Late rows and fields.
            traces.change(&SpanRow {
                instance: Some(seq),
                ..row(seq, None)
            });
            if seq % 2 == 0 {
                traces.fields(seq, &json);
            }
        }
        assert!(traces.len() <= 3 * MAX_ENDED, "{}", traces.len());
    }

    #[test]
    fn late_fields_of_the_first_entry_are_the_trace_of_later_entries() {
        let mut traces = SpanTraces::new(RunIds::new(UUID));
        traces.begin(&row(1, None));
        traces.end(&row(1, None));
        let second = SpanRow {
            instance: Some(9),
            ..row(2, None)
        };
        traces.change(&SpanRow { seq: 1, ..second });
        traces.begin(&second);
        let json = format!(r#"{{"traceparent":"{HEADER}"}}"#);
        assert_eq!(traces.fields(1, &json), Some(1), "its node");
        assert_eq!(traces.fields(3, &json), None, "nothing is known of it");
        assert!(traces.find_trace(&second, |_| {}));
        let place = traces.end(&second);
        assert_eq!(place.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
    }
}
