//! Self time: on each thread the innermost open span.
//!
//! ```text
//! request  |==========|
//! op          |==|
//! segments |rr|oo|rrrr|
//! ```

use std::collections::BTreeMap;

use super::trace::SimulatedSpan;

/// A time in which one span was the innermost one of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanSegment {
    /// Begin, ns.
    pub start_ns: i64,
    /// End, ns; after the begin.
    pub end_ns: i64,
    /// The span, a place in the list of spans.
    pub span: usize,
}

/// The self time of all spans: per thread, segments in the order of time.
#[must_use]
pub fn self_segments(spans: &[SimulatedSpan]) -> Vec<Vec<SpanSegment>> {
    let mut threads: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (place, span) in spans.iter().enumerate() {
        threads.entry(span.thread).or_default().push(place);
    }
    threads
        .into_values()
        .map(|places| of_thread(spans, places))
        .collect()
}

fn of_thread(spans: &[SimulatedSpan], mut places: Vec<usize>) -> Vec<SpanSegment> {
    places.sort_by_key(|&place| (spans[place].start_ns, -spans[place].end_ns, place));
    let mut segments = Vec::with_capacity(places.len() * 2);
    let mut open: Vec<usize> = Vec::new();
    let mut reached = i64::MIN;
    for place in places {
        let start = spans[place].start_ns;
        close_until(spans, &mut open, &mut reached, start, &mut segments);
        if let Some(&outer) = open.last() {
            push(&mut segments, reached, start, outer);
        }
        reached = start;
        open.push(place);
    }
    close_until(spans, &mut open, &mut reached, i64::MAX, &mut segments);
    segments
}

/// Ends the open spans that end by `time`.
fn close_until(
    spans: &[SimulatedSpan],
    open: &mut Vec<usize>,
    reached: &mut i64,
    time: i64,
    segments: &mut Vec<SpanSegment>,
) {
    while let Some(&inner) = open.last() {
        let end = spans[inner].end_ns;
        if end > time {
            return;
        }
        open.pop();
        push(segments, *reached, end, inner);
        *reached = end.max(*reached);
    }
}

fn push(segments: &mut Vec<SpanSegment>, start_ns: i64, end_ns: i64, span: usize) {
    if end_ns > start_ns {
        segments.push(SpanSegment {
            start_ns,
            end_ns,
            span,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::SimulatedRail;

    fn span(thread: u32, start_ns: i64, end_ns: i64) -> SimulatedSpan {
        SimulatedSpan {
            parent: 0,
            thread,
            kind: 0,
            start_ns,
            end_ns,
            rail: SimulatedRail::Cpu,
        }
    }

    /// ```text
    /// thread 0   0|=========|
    ///              1|==|3|=|
    ///               2|
    ///           4 |empty
    /// thread 7    5|==|
    /// ```
    #[test]
    fn self_time_is_that_of_the_innermost_span_of_each_thread() {
        let spans = [
            span(0, 0, 90),
            span(0, 10, 40),
            span(0, 20, 30),
            span(0, 40, 90),
            span(0, 5, 5),
            span(7, 20, 50),
        ];
        let threads = self_segments(&spans);
        let drawn: Vec<Vec<(i64, i64, usize)>> = threads
            .iter()
            .map(|segments| {
                segments
                    .iter()
                    .map(|one| (one.start_ns, one.end_ns, one.span))
                    .collect()
            })
            .collect();
        let first = vec![
            (0, 5, 0),
            (5, 10, 0),
            (10, 20, 1),
            (20, 30, 2),
            (30, 40, 1),
            (40, 90, 3),
        ];
        assert_eq!(drawn, [first, vec![(20, 50, 5)]]);
    }
}
