//! Spans that wait for the trace of a span around them.
//!
//! ```text
//! request   [-----------------------] closed: its fields, with the trace, are known only now
//! query        [-----] ended first: waits
//! ```
//!
//! A recorder writes the fields of a span when it is closed. Spans inside a call path whose fields
//! have contained a trace wait for them. At the start nothing is known of a call path: its spans wait
//! some seconds.

use std::collections::{HashMap, VecDeque};

use energy_attribution::ended::EndedActivation;
use energy_data::rows::SpanRow;

use super::traces::SpanTraces;

/// Maximum number of waiting spans; beyond it the oldest are sent in the trace that is known.
const MAX_HELD: usize = 65_536;
/// Longest time that a span waits for a trace that a call path usually has.
const TRACED_NS: i64 = 30_000_000_000;
/// Time after the first span of a call path in which its spans wait.
const UNKNOWN_NS: i64 = 5_000_000_000;

/// Ended spans whose trace is not known yet.
#[derive(Debug, Default)]
pub(super) struct HeldSpans {
    nodes: HashMap<u32, NodeTraces>,
    held: VecDeque<EndedActivation>,
    untraced: u64,
}

/// What a span waits for.
#[derive(Debug, Clone, Copy, Default)]
struct Waiting {
    must_wait: bool,
    /// Whether a call path around it has had a trace, and this span has none.
    lacks_trace: bool,
}

/// What is known of a call path.
#[derive(Debug, Clone, Copy)]
struct NodeTraces {
    /// Start of its first span.
    first_ns: i64,
    /// Whether fields of a span contained a trace.
    is_traced: bool,
}

impl HeldSpans {
    /// Adds a span that has begun.
    pub(super) fn begin(&mut self, row: &SpanRow) {
        self.nodes.entry(row.node).or_insert(NodeTraces {
            first_ns: row.start_ns,
            is_traced: false,
        });
    }

    /// Notes that the fields of a span of that call path contained a trace.
    pub(super) fn traced(&mut self, node: u32) {
        if let Some(known) = self.nodes.get_mut(&node) {
            known.is_traced = true;
        }
    }

    /// Adds an ended span.
    pub(super) fn push(&mut self, ended: EndedActivation) {
        self.held.push_back(ended);
    }

    /// Replaces the rows of waiting spans that were written again, and adds fields, which come when a
    /// span is closed.
    pub(super) fn update(&mut self, rows: &HashMap<u64, SpanRow>, fields: &HashMap<u64, &str>) {
        if rows.is_empty() && fields.is_empty() {
            return;
        }
        for ended in &mut self.held {
            let seq = ended.span.seq;
            if let Some(row) = rows.get(&seq) {
                ended.span = *row;
            }
            if let Some(json) = fields.get(&seq) {
                ended.fields = Some((*json).to_owned());
            }
        }
    }

    /// Returns the number of spans that did not wait until their trace was known, in call paths that
    /// have had one.
    pub(super) fn untraced(&self) -> u64 {
        self.untraced
    }

    /// Removes and returns the spans that do not wait any more at `now_ns`.
    pub(super) fn take(&mut self, now_ns: i64, traces: &SpanTraces) -> Vec<EndedActivation> {
        let mut excess = self.held.len().saturating_sub(MAX_HELD);
        let mut ready = Vec::new();
        for ended in std::mem::take(&mut self.held) {
            let waiting = self.waiting(&ended, now_ns, traces);
            if waiting.must_wait && excess == 0 {
                self.held.push_back(ended);
                continue;
            }
            excess = excess.saturating_sub(1);
            self.untraced += u64::from(waiting.lacks_trace);
            ready.push(ended);
        }
        ready
    }

    fn waiting(&self, ended: &EndedActivation, now_ns: i64, traces: &SpanTraces) -> Waiting {
        let mut waiting = Waiting::default();
        let has_trace = traces.find_trace(&ended.span, |node| {
            waiting.must_wait |= self.is_awaited(node, ended.end_ns, now_ns);
            let known = self.nodes.get(&node);
            waiting.lacks_trace |= known.is_some_and(|known| known.is_traced);
        });
        match has_trace {
            true => Waiting::default(),
            false => waiting,
        }
    }

    fn is_awaited(&self, node: u32, end_ns: i64, now_ns: i64) -> bool {
        let Some(known) = self.nodes.get(&node) else {
            return false;
        };
        let until_ns = match known.is_traced {
            true => end_ns.saturating_add(TRACED_NS),
            false => known.first_ns.saturating_add(UNKNOWN_NS),
        };
        now_ns < until_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::ids::RunIds;

    const SECOND: i64 = 1_000_000_000;
    const TRACE: &str = r#"{"trace_id":"0af7651916cd43dd8448eb211c80319c"}"#;

    fn ended(seq: u64, parent: Option<u64>, (start_s, end_s): (i64, i64)) -> EndedActivation {
        EndedActivation {
            span: SpanRow {
                seq,
                node: if parent.is_some() { 2 } else { 1 },
                instance: None,
                parent,
                thread: 1,
                start_ns: start_s * SECOND,
                end_ns: Some(end_s * SECOND),
                token: None,
            },
            end_ns: end_s * SECOND,
            energy: None,
            self_energy: None,
            fields: None,
        }
    }

    struct Case(HeldSpans, SpanTraces);

    impl Case {
        fn begin(&mut self, ended: &EndedActivation) {
            self.0.begin(&ended.span);
            self.1.begin(&ended.span);
        }

        fn ready(&mut self, now_s: i64) -> Vec<u64> {
            let ready = self.0.take(now_s * SECOND, &self.1);
            ready.iter().map(|ended| ended.span.seq).collect()
        }
    }

    #[test]
    fn spans_wait_for_the_trace_of_the_request_around_them() {
        let ids = RunIds::new("67e55044-10b1-426f-9247-bb680e5fe0c8");
        let mut case = Case(HeldSpans::default(), SpanTraces::new(ids));
        let (request, query) = (ended(1, None, (0, 3)), ended(2, Some(1), (1, 2)));
        case.begin(&request);
        case.begin(&query);
        case.0.push(query);
        assert!(
            case.ready(2).is_empty(),
            "nothing is known of its call path"
        );
        case.1.fields(1, TRACE);
        case.0.traced(1);
        assert_eq!(case.ready(3), [2]);
        // Later than the first seconds, spans of this path still wait.
        let (request, query) = (ended(3, None, (60, 63)), ended(4, Some(3), (61, 62)));
        case.begin(&request);
        case.begin(&query);
        case.0.push(query);
        assert!(case.ready(62).is_empty());
        assert_eq!(case.0.untraced(), 0);
        assert_eq!(case.ready(93), [4], "the trace does not come");
        assert_eq!(case.0.untraced(), 1);
    }

    #[test]
    fn a_waiting_span_gets_its_late_fields_and_instance() {
        let ids = RunIds::new("67e55044-10b1-426f-9247-bb680e5fe0c8");
        let mut case = Case(HeldSpans::default(), SpanTraces::new(ids));
        let request = ended(1, None, (0, 1));
        case.begin(&request);
        let again = SpanRow {
            instance: Some(9),
            ..request.span
        };
        case.0.push(request);
        assert!(case.ready(2).is_empty());
        let fields = HashMap::from([(1, TRACE), (7, TRACE)]);
        case.0.update(&HashMap::from([(1, again)]), &fields);
        case.1.fields(1, TRACE);
        let ready = case.0.take(3 * SECOND, &case.1);
        assert_eq!(ready.len(), 1);
        assert_eq!(ready[0].fields.as_deref(), Some(TRACE));
        assert_eq!(ready[0].span.instance, Some(9));
    }

    #[test]
    fn spans_without_traces_wait_only_at_the_start() {
        let ids = RunIds::new("67e55044-10b1-426f-9247-bb680e5fe0c8");
        let mut case = Case(HeldSpans::default(), SpanTraces::new(ids));
        let (run, op) = (ended(1, None, (0, 100)), ended(2, Some(1), (0, 1)));
        case.begin(&run);
        case.begin(&op);
        case.0.push(op);
        assert!(case.ready(1).is_empty());
        assert_eq!(case.ready(5), [2]);
        let later = ended(3, Some(1), (6, 7));
        case.begin(&later);
        case.0.push(later);
        assert_eq!(case.ready(7), [3]);
    }
}
