//! Builds a trace from events: spans and span events, with shared data interned.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use energy_data::rows::Domain;

use super::event::ChromeEvent;
use super::fields::{EventFields, shortened};
use crate::import::trace::{ImportedTrace, Interner, SpanDetail, SpanEvent, SpanKind, TraceSpan};

/// End time of a span that has not ended.
pub(super) const OPEN: i64 = i64::MAX;
/// Limits beyond which names and keys are merged as `(other)`; otherwise a trace that gives
/// each span its own name would have as many kinds as spans.
const MAX_KINDS: usize = 65_536;
const MAX_KEYS: usize = 65_536;
const MAX_NAMES: usize = 2 * MAX_KINDS;
const OTHER: &str = "(other)";

/// Time and line of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimePoint {
    pub(super) time_ns: i64,
    pub(super) line: u64,
}

/// Data of an end event that identifies its span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndEvent {
    /// Interned names, from 1; 0 is none.
    name: u32,
    target: u32,
    /// Key field values and details, if it has arguments.
    key: u32,
    detail: u32,
}

/// Marks an end without arguments, or with arguments of no known span.
const NO_ARGS: u32 = u32::MAX;

/// Builds a trace from events.
#[derive(Debug, Default)]
pub(super) struct TraceBuilder {
    pub(super) spans: Vec<TraceSpan>,
    kinds: Interner<SpanKind>,
    keys: Interner<String>,
    details: Vec<SpanDetail>,
    /// Details by content hash: an end repeats those of its begin.
    known_details: HashMap<u64, u32>,
    span_events: Vec<SpanEvent>,
    texts: String,
    /// Interned names and targets of ends.
    names: Vec<Box<str>>,
    known_names: HashMap<Box<str>, u32>,
    /// Number of names that were shortened, and of names and keys merged as `(other)`.
    pub(super) shortened: usize,
    pub(super) merged_as_other: usize,
}

impl TraceBuilder {
    pub(super) fn new() -> Self {
        let mut builder = Self::default();
        builder.keys.number(String::new());
        builder
    }

    /// Starts a span without a parent and returns its index.
    ///
    /// # Errors
    /// Returns a message if there are too many spans.
    pub(super) fn begin(
        &mut self,
        (event, fields): (&ChromeEvent<'_>, &EventFields),
        thread: u32,
        at: TimePoint,
    ) -> Result<u32, String> {
        let place = u32::try_from(self.spans.len())
            .map_err(|_| "more than 4 billion spans; import only a part of them".to_owned())?;
        let (kind, key, detail) = (self.kind(event), self.key(fields), self.detail(fields));
        self.spans.push(TraceSpan {
            parent: None,
            thread,
            kind,
            key,
            detail,
            start_ns: at.time_ns,
            end_ns: OPEN,
            line: at.line,
        });
        Ok(place)
    }

    /// Ends a span; returns false if it would end before it starts.
    pub(super) fn end(&mut self, place: u32, end_ns: i64) -> bool {
        let span = &mut self.spans[place as usize];
        span.end_ns = end_ns.max(span.start_ns);
        end_ns >= span.start_ns
    }

    /// Sets the details of a span from its end, if that has any; the span's node does not
    /// change.
    pub(super) fn set_details(&mut self, place: u32, end: EndEvent) {
        if end.detail != NO_ARGS {
            self.spans[place as usize].detail = end.detail;
        }
    }

    /// Adds an event of the program and returns its index.
    pub(super) fn span_event(
        &mut self,
        (event, fields): (&ChromeEvent<'_>, &EventFields),
        thread: u32,
        time_ns: i64,
    ) -> u32 {
        let kind = self.kind(event);
        let fields = self.keep(&fields.json);
        self.span_events.push(SpanEvent {
            time_ns,
            thread,
            span: None,
            kind,
            fields,
        });
        self.span_events.len() as u32 - 1
    }

    /// Assigns an event to a span.
    pub(super) fn assign_span_event(&mut self, span_event: u32, span: u32) {
        self.span_events[span_event as usize].span = Some(span);
    }

    /// Returns the data by which an end is matched.
    pub(super) fn end_of(&mut self, event: &ChromeEvent<'_>, fields: &EventFields) -> EndEvent {
        let has_args = !event.args.0.is_empty();
        let key = match fields.key.is_empty() {
            true => Some(0),
            false => self.keys.known(&fields.key),
        };
        EndEvent {
            name: event.name.text().map_or(0, |name| self.intern_name(name)),
            target: event.cat.text().map_or(0, |cat| self.intern_name(cat)),
            key: key.unwrap_or(NO_ARGS),
            detail: if has_args {
                self.detail(fields)
            } else {
                NO_ARGS
            },
        }
    }

    /// Returns whether a span has the name and, if given, the category of an end.
    pub(super) fn has_name(&self, place: u32, end: EndEvent) -> bool {
        let kind = self.kinds.get(self.spans[place as usize].kind);
        let is = |name: u32, own: &str| {
            let name = (name as usize).checked_sub(1).map(|at| &self.names[at]);
            name.is_none_or(|name| **name == *own)
        };
        kind.name == OTHER || (is(end.name, &kind.name) && is(end.target, &kind.target))
    }

    /// Returns whether a span has the arguments of an end.
    pub(super) fn has_args(&self, place: u32, end: EndEvent) -> bool {
        let span = &self.spans[place as usize];
        let detail = if end.detail == NO_ARGS { 0 } else { end.detail };
        span.key == end.key && span.detail == detail
    }

    /// Interns the details of an event: returns their index plus one, or 0 for none.
    fn detail(&mut self, fields: &EventFields) -> u32 {
        if fields.token.is_none() && fields.json.is_empty() {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        (fields.token, &fields.json).hash(&mut hasher);
        let content = hasher.finish();
        if let Some(&known) = self.known_details.get(&content) {
            return known;
        }
        let kept = self.keep(&fields.json);
        self.details.push(SpanDetail {
            token: fields.token,
            fields: kept,
        });
        let detail = self.details.len() as u32;
        self.known_details.insert(content, detail);
        detail
    }

    /// Returns the trace, without its threads.
    pub(super) fn finish(mut self) -> ImportedTrace {
        self.span_events
            .sort_by_key(|span_event| span_event.time_ns);
        ImportedTrace {
            spans: self.spans,
            kinds: self.kinds.into_all(),
            kinds_are_named: false,
            keys: self.keys.into_all(),
            threads: Vec::new(),
            details: self.details,
            span_events: self.span_events,
            texts: self.texts,
            anomalies: Vec::new(),
        }
    }

    /// Interns a name, from 1; beyond the limit returns 0.
    fn intern_name(&mut self, name: &str) -> u32 {
        let name = shortened(name);
        if let Some(&known) = self.known_names.get(name) {
            return known;
        }
        if self.names.len() >= MAX_NAMES {
            return 0;
        }
        self.names.push(name.into());
        let number = self.names.len() as u32;
        self.known_names.insert(name.into(), number);
        number
    }

    fn kind(&mut self, event: &ChromeEvent<'_>) -> u32 {
        let is_room = self.kinds.len() < MAX_KINDS;
        let long = event.name.text().unwrap_or("(unnamed)");
        let name = shortened(long);
        self.shortened += usize::from(name.len() < long.len());
        let owned = |word: Option<&str>| word.map(|word| shortened(word).to_owned());
        let line = event.line.number().filter(|line| *line >= 0.0);
        let kind = SpanKind {
            name: name.to_owned(),
            target: owned(event.cat.text()).unwrap_or_default(),
            file: owned(event.file.text()),
            line: line.map(|line| line as u32),
            domain: Domain::Cpu,
        };
        if is_room {
            return self.kinds.number(kind);
        }
        self.kinds.known(&kind).unwrap_or_else(|| {
            self.merged_as_other += 1;
            self.kinds.number(SpanKind {
                name: OTHER.to_owned(),
                target: String::new(),
                file: None,
                line: None,
                domain: Domain::Cpu,
            })
        })
    }

    fn key(&mut self, fields: &EventFields) -> u32 {
        if fields.key.is_empty() {
            return 0;
        }
        self.shortened += fields.shortened;
        if self.keys.len() < MAX_KEYS {
            return self.keys.number(fields.key.clone());
        }
        self.keys.known(&fields.key).unwrap_or_else(|| {
            self.merged_as_other += 1;
            self.keys.number(OTHER.to_owned())
        })
    }

    fn keep(&mut self, text: &str) -> (usize, usize) {
        let start = self.texts.len();
        self.texts.push_str(text);
        (start, self.texts.len())
    }
}
