//! Finds the span that each end belongs to, and what spans lie in.
//!
//! The format lets events stand in any order. Viewers sort them by time; yet a clock that
//! differs between processors may put an end a nanosecond before its begin, and sorting
//! would tear the two apart. Events that do not stand in the order of time are therefore
//! matched twice, by time and as they stand, and the way with fewer odd ends counts.

use super::book::{Book, End};

/// So far below the innermost span of a thread the one that ends is looked for.
const LOOK: usize = 256;

/// One event of a thread or of a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Op {
    pub(super) time_ns: i64,
    pub(super) what: What,
}

/// What an event does; spans and marks by their places in the book.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Begin(u32),
    End(End),
    Mark(u32),
}

/// Which of the open spans an end belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The innermost one of its name; those inside of it stay in it.
    Thread,
    /// The last one of its name with its arguments, else of its name; those begun later go
    /// to the one around.
    Task,
}

/// What was odd about ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Odd {
    /// Ends of a span that was not the innermost one.
    pub(super) out_of_order: usize,
    /// Ends before their begins.
    pub(super) negative: usize,
    /// Ends of no span.
    pub(super) unmatched: usize,
    /// Spans without an end.
    pub(super) open: usize,
}

impl Odd {
    pub(super) fn add(&mut self, other: Self) {
        self.out_of_order += other.out_of_order;
        self.negative += other.negative;
        self.unmatched += other.unmatched;
        self.open += other.open;
    }
}

#[derive(Debug, Default)]
struct Matched {
    parents: Vec<(u32, Option<u32>)>,
    ends: Vec<(u32, i64, End)>,
    marks: Vec<(u32, u32)>,
    open: Vec<u32>,
    odd: Odd,
}

/// Matches the events of one thread or task, which are in the order of time or not, and
/// writes the outcome to the book. Returns what was odd, and the spans without an end.
pub(super) fn place(book: &mut Book, ops: &[Op], rule: Rule, is_ordered: bool) -> (Odd, Vec<u32>) {
    let as_written = matched(book, ops, rule);
    let best = match is_ordered {
        true => as_written,
        false => {
            let mut sorted = ops.to_vec();
            sorted.sort_by_key(|op| op.time_ns);
            let by_time = matched(book, &sorted, rule);
            match by_time.oddness() <= as_written.oddness() {
                true => by_time,
                false => as_written,
            }
        }
    };
    best.write(book)
}

fn matched(book: &Book, ops: &[Op], rule: Rule) -> Matched {
    let mut matched = Matched::default();
    // Spans that have begun, innermost last, and their parents.
    let mut open: Vec<(u32, Option<u32>)> = Vec::new();
    for op in ops {
        let innermost = open.last().map(|open| open.0);
        match op.what {
            What::Begin(span) => open.push((span, innermost)),
            What::Mark(mark) => matched.marks.extend(innermost.map(|span| (mark, span))),
            What::End(end) => match ended(book, &open, end, rule) {
                Some(found) => {
                    let span = leave(&mut open, found, rule);
                    let is_innermost = found == open.len();
                    let is_out_of_order = !is_innermost && rule == Rule::Thread;
                    matched.odd.out_of_order += usize::from(is_out_of_order);
                    let is_negative = op.time_ns < book.spans[span.0 as usize].start_ns;
                    matched.odd.negative += usize::from(is_negative);
                    matched.parents.push(span);
                    matched.ends.push((span.0, op.time_ns, end));
                }
                None => matched.odd.unmatched += 1,
            },
        }
    }
    matched.odd.open = open.len();
    matched.open = open.iter().map(|open| open.0).collect();
    matched.parents.extend(open);
    matched
}

/// The place in `open` of the span that an end belongs to.
fn ended(book: &Book, open: &[(u32, Option<u32>)], end: End, rule: Rule) -> Option<usize> {
    let called = |open: &(u32, Option<u32>)| book.is_called(open.0, end);
    match rule {
        Rule::Thread => (0..open.len())
            .rev()
            .take(LOOK)
            .find(|&at| called(&open[at])),
        Rule::Task => open
            .iter()
            .rposition(|open| book.has_args(open.0, end) && called(open))
            .or_else(|| open.iter().rposition(called)),
    }
}

/// Takes a span out of those that are open.
fn leave(open: &mut Vec<(u32, Option<u32>)>, found: usize, rule: Rule) -> (u32, Option<u32>) {
    let (span, parent) = open.remove(found);
    if rule == Rule::Task {
        let later = open[found..].iter_mut().filter(|one| one.1 == Some(span));
        later.for_each(|one| one.1 = parent);
    }
    (span, parent)
}

impl Matched {
    const fn oddness(&self) -> usize {
        self.odd.negative + self.odd.unmatched + self.odd.open
    }

    fn write(self, book: &mut Book) -> (Odd, Vec<u32>) {
        for (span, parent) in self.parents {
            book.spans[span as usize].parent = parent;
        }
        for (span, end_ns, end) in self.ends {
            book.end(span, end_ns);
            book.tell(span, end);
        }
        for (mark, span) in self.marks {
            book.place_mark(mark, span);
        }
        (self.odd, self.open)
    }
}
