//! What readers of traces yield: spans, and what they share.
//!
//! Text is kept once or in one piece: kinds, keys and threads are numbers, a span is
//! 56 bytes.

use std::collections::HashMap;
use std::hash::Hash;

use tracing_energy::rows::Domain;

use super::Oddity;

/// A quarter of the range, so that no sum or difference overflows.
pub(super) const LATEST_NS: i64 = i64::MAX / 4;

/// A span as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Its parent's place among the spans.
    pub(super) parent: Option<u32>,
    /// Index into [`Trace::threads`].
    pub(super) thread: u32,
    /// Index into [`Trace::kinds`].
    pub(super) kind: u32,
    /// Index into [`Trace::keys`].
    pub(super) key: u32,
    /// One more than the index into [`Trace::details`]; 0 is none.
    pub(super) detail: u32,
    pub(super) start_ns: i64,
    pub(super) end_ns: i64,
    pub(super) line: u64,
}

/// What spans of one place in a program have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    pub(super) name: String,
    pub(super) target: String,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) domain: Domain,
}

/// A thread as it is called in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Thread {
    pub(super) tid: Option<i64>,
    pub(super) name: Option<String>,
}

/// What only some spans have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Detail {
    /// Value of the field `token`.
    pub(super) token: Option<i64>,
    /// Where its data fields stand in [`Trace::texts`]: a JSON object, or nothing.
    pub(super) fields: (usize, usize),
}

/// Something that happened at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) time_ns: i64,
    pub(super) thread: u32,
    /// Place of the span that it happened in.
    pub(super) span: Option<u32>,
    pub(super) kind: u32,
    /// Where its fields stand in [`Trace::texts`].
    pub(super) fields: (usize, usize),
}

/// All that a file holds.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) spans: Vec<Span>,
    pub(super) kinds: Vec<Kind>,
    /// Whether power is estimated by the name of the kind wherever it stands; else by
    /// the path of names, as for what the layer records.
    pub(super) kinds_are_named: bool,
    /// Values of key fields; the first is that of spans without.
    pub(super) keys: Vec<String>,
    pub(super) threads: Vec<Thread>,
    pub(super) details: Vec<Detail>,
    /// By time.
    pub(super) marks: Vec<Mark>,
    pub(super) texts: String,
    pub(super) oddities: Vec<Oddity>,
}

impl Trace {
    /// The first start and the last end of spans.
    pub(super) fn extent(&self) -> (i64, i64) {
        extent(self.spans.iter().map(|span| (span.start_ns, span.end_ns)))
    }

    /// What only this span has.
    pub(super) fn detail(&self, span: &Span) -> Detail {
        let at = (span.detail as usize).checked_sub(1);
        at.map(|at| self.details[at]).unwrap_or_default()
    }

    /// A text by its place.
    pub(super) fn text(&self, (start, end): (usize, usize)) -> &str {
        self.texts.get(start..end).unwrap_or_default()
    }
}

/// The first start and the last end.
pub(super) fn extent(times: impl Iterator<Item = (i64, i64)>) -> (i64, i64) {
    times.fold((i64::MAX, i64::MIN), |(first, last), (start, end)| {
        (first.min(start), last.max(end))
    })
}

/// Gives equal things one number, from 0 up.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    known: HashMap<T, u32>,
    all: Vec<T>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            all: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    /// The number of `thing`, a new one if it was not seen before.
    pub(super) fn number(&mut self, thing: T) -> u32 {
        if let Some(&number) = self.known.get(&thing) {
            return number;
        }
        let number = self.all.len() as u32;
        self.all.push(thing.clone());
        self.known.insert(thing, number);
        number
    }

    /// The number of `thing`, if it was seen before.
    pub(super) fn known(&self, thing: &T) -> Option<u32> {
        self.known.get(thing).copied()
    }

    /// The thing of a number that was given.
    pub(super) fn get(&self, number: u32) -> &T {
        &self.all[number as usize]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// All of them by number.
    pub(super) fn into_all(self) -> Vec<T> {
        self.all
    }
}
