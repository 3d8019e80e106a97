//! The spans and marks that were read, and what they share.

use tracing_energy::rows::Domain;

use super::event::Event;
use super::fields::{Fields, shortened};
use crate::import::trace::{Detail, Kind, Mark, Numbered, Span, Trace};

/// The end of a span that has none yet.
pub(super) const OPEN: i64 = i64::MAX;
/// Names and keys past these go together; a trace that names each span anew would
/// otherwise have as many kinds as spans.
const MOST_KINDS: usize = 65_536;
const MOST_KEYS: usize = 65_536;
const OTHER: &str = "(other)";

/// Where and when something happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) time_ns: i64,
    pub(super) line: u64,
}

/// All that was read so far.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) spans: Vec<Span>,
    kinds: Numbered<Kind>,
    keys: Numbered<String>,
    details: Vec<Detail>,
    marks: Vec<Mark>,
    texts: String,
    /// Names that were too long, or too many.
    pub(super) cut: usize,
    pub(super) crowded: usize,
}

impl Book {
    pub(super) fn new() -> Self {
        let mut book = Self::default();
        book.keys.number(String::new());
        book
    }

    /// Begins a span; answers its place.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn begin(
        &mut self,
        (event, fields): (&Event<'_>, &Fields),
        (thread, parent): (u32, Option<u32>),
        at: Moment,
    ) -> Result<u32, String> {
        let place = u32::try_from(self.spans.len())
            .map_err(|_| "more than 4 billion spans; import a part of them".to_owned())?;
        let (kind, key, detail) = (self.kind(event), self.key(fields), self.detail(fields));
        self.spans.push(Span {
            parent,
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

    /// Ends a span; false if it would have ended before it began.
    pub(super) fn end(&mut self, place: u32, end_ns: i64) -> bool {
        let span = &mut self.spans[place as usize];
        span.end_ns = end_ns.max(span.start_ns);
        end_ns >= span.start_ns
    }

    /// Takes over what was told of a span after it began; its node stays.
    pub(super) fn tell(&mut self, place: u32, fields: &Fields) {
        let span = self.spans[place as usize];
        let known = (span.detail as usize).checked_sub(1);
        let known = known.map(|at| self.details[at]).unwrap_or_default();
        let text = self.texts.get(known.fields.0..known.fields.1);
        if text != Some(fields.json.as_str()) || known.token != fields.token {
            self.spans[place as usize].detail = self.detail(fields);
        }
    }

    /// Keeps an event of the program.
    pub(super) fn mark(
        &mut self,
        (event, fields): (&Event<'_>, &Fields),
        (thread, span): (u32, Option<u32>),
        time_ns: i64,
    ) {
        let kind = self.kind(event);
        let fields = self.keep(&fields.json);
        self.marks.push(Mark {
            time_ns,
            thread,
            span,
            kind,
            fields,
        });
    }

    /// Whether a span has that name and, if told, that category.
    pub(super) fn is_called(&self, place: u32, event: &Event<'_>) -> bool {
        let kind = self.kinds.get(self.spans[place as usize].kind);
        let is = |word: Option<&str>, own: &str| word.is_none_or(|word| shortened(word) == own);
        kind.name == OTHER
            || (is(event.name.text(), &kind.name) && is(event.cat.text(), &kind.target))
    }

    /// What follows from it, its threads being known.
    pub(super) fn close(mut self) -> Trace {
        self.marks.sort_by_key(|mark| mark.time_ns);
        Trace {
            spans: self.spans,
            kinds: self.kinds.into_all(),
            kinds_are_named: false,
            keys: self.keys.into_all(),
            threads: Vec::new(),
            details: self.details,
            marks: self.marks,
            texts: self.texts,
            oddities: Vec::new(),
        }
    }

    fn kind(&mut self, event: &Event<'_>) -> u32 {
        let is_room = self.kinds.len() < MOST_KINDS;
        let long = event.name.text().unwrap_or("(unnamed)");
        let name = shortened(long);
        self.cut += usize::from(name.len() < long.len());
        let owned = |word: Option<&str>| word.map(|word| shortened(word).to_owned());
        let line = event.line.number().filter(|line| *line >= 0.0);
        let kind = Kind {
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
            self.crowded += 1;
            self.kinds.number(Kind {
                name: OTHER.to_owned(),
                target: String::new(),
                file: None,
                line: None,
                domain: Domain::Cpu,
            })
        })
    }

    fn key(&mut self, fields: &Fields) -> u32 {
        if fields.key.is_empty() {
            return 0;
        }
        self.cut += fields.cut;
        if self.keys.len() < MOST_KEYS {
            return self.keys.number(fields.key.clone());
        }
        self.keys.known(&fields.key).unwrap_or_else(|| {
            self.crowded += 1;
            self.keys.number(OTHER.to_owned())
        })
    }

    fn detail(&mut self, fields: &Fields) -> u32 {
        if fields.token.is_none() && fields.json.is_empty() {
            return 0;
        }
        let kept = self.keep(&fields.json);
        self.details.push(Detail {
            token: fields.token,
            fields: kept,
        });
        self.details.len() as u32
    }

    fn keep(&mut self, text: &str) -> (usize, usize) {
        let start = self.texts.len();
        self.texts.push_str(text);
        (start, self.texts.len())
    }
}
