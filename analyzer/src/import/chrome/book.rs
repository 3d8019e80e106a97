//! The spans and marks that were read, and what they share.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

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
const MOST_WORDS: usize = 2 * MOST_KINDS;
const OTHER: &str = "(other)";

/// Where and when something happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) time_ns: i64,
    pub(super) line: u64,
}

/// What an end holds of its span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// Numbers of words; 0 is none.
    name: u32,
    target: u32,
    /// Key field values and details, where it has arguments at all.
    key: u32,
    detail: u32,
}

/// An end without arguments, or with those of no span.
const NO_ARGS: u32 = u32::MAX;

/// All that was read so far.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) spans: Vec<Span>,
    kinds: Numbered<Kind>,
    keys: Numbered<String>,
    details: Vec<Detail>,
    /// Details by their content: an end repeats those of its begin.
    known_details: HashMap<u64, u32>,
    marks: Vec<Mark>,
    texts: String,
    /// Names and targets of ends.
    words: Vec<Box<str>>,
    known_words: HashMap<Box<str>, u32>,
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

    /// Begins a span without a parent; answers its place.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn begin(
        &mut self,
        (event, fields): (&Event<'_>, &Fields),
        thread: u32,
        at: Moment,
    ) -> Result<u32, String> {
        let place = u32::try_from(self.spans.len())
            .map_err(|_| "more than 4 billion spans; import a part of them".to_owned())?;
        let (kind, key, detail) = (self.kind(event), self.key(fields), self.detail(fields));
        self.spans.push(Span {
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

    /// Ends a span; false if it would have ended before it began.
    pub(super) fn end(&mut self, place: u32, end_ns: i64) -> bool {
        let span = &mut self.spans[place as usize];
        span.end_ns = end_ns.max(span.start_ns);
        end_ns >= span.start_ns
    }

    /// Takes over the details that an end has, if it has any; the span's node stays.
    pub(super) fn tell(&mut self, place: u32, end: End) {
        if end.detail != NO_ARGS {
            self.spans[place as usize].detail = end.detail;
        }
    }

    /// Keeps an event of the program; answers its place.
    pub(super) fn mark(
        &mut self,
        (event, fields): (&Event<'_>, &Fields),
        thread: u32,
        time_ns: i64,
    ) -> u32 {
        let kind = self.kind(event);
        let fields = self.keep(&fields.json);
        self.marks.push(Mark {
            time_ns,
            thread,
            span: None,
            kind,
            fields,
        });
        self.marks.len() as u32 - 1
    }

    /// Puts a mark into a span.
    pub(super) fn place_mark(&mut self, mark: u32, span: u32) {
        self.marks[mark as usize].span = Some(span);
    }

    /// What an end holds of its span.
    pub(super) fn end_of(&mut self, event: &Event<'_>, fields: &Fields) -> End {
        let has_args = !event.args.0.is_empty();
        let key = match fields.key.is_empty() {
            true => Some(0),
            false => self.keys.known(&fields.key),
        };
        End {
            name: event.name.text().map_or(0, |name| self.word(name)),
            target: event.cat.text().map_or(0, |cat| self.word(cat)),
            key: key.unwrap_or(NO_ARGS),
            detail: if has_args {
                self.detail(fields)
            } else {
                NO_ARGS
            },
        }
    }

    /// Whether a span has the name and, if given, the category of an end.
    pub(super) fn is_called(&self, place: u32, end: End) -> bool {
        let kind = self.kinds.get(self.spans[place as usize].kind);
        let is = |word: u32, own: &str| {
            let word = (word as usize).checked_sub(1).map(|at| &self.words[at]);
            word.is_none_or(|word| **word == *own)
        };
        kind.name == OTHER || (is(end.name, &kind.name) && is(end.target, &kind.target))
    }

    /// Whether a span has the arguments of an end.
    pub(super) fn has_args(&self, place: u32, end: End) -> bool {
        let span = &self.spans[place as usize];
        let detail = if end.detail == NO_ARGS { 0 } else { end.detail };
        span.key == end.key && span.detail == detail
    }

    /// The details of an event: one more than their place, 0 for none.
    fn detail(&mut self, fields: &Fields) -> u32 {
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
        self.details.push(Detail {
            token: fields.token,
            fields: kept,
        });
        let detail = self.details.len() as u32;
        self.known_details.insert(content, detail);
        detail
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

    /// The number of a word, from 1; past very many words it is unknown.
    fn word(&mut self, word: &str) -> u32 {
        let word = shortened(word);
        if let Some(&known) = self.known_words.get(word) {
            return known;
        }
        if self.words.len() >= MOST_WORDS {
            return 0;
        }
        self.words.push(word.into());
        let number = self.words.len() as u32;
        self.known_words.insert(word.into(), number);
        number
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

    fn keep(&mut self, text: &str) -> (usize, usize) {
        let start = self.texts.len();
        self.texts.push_str(text);
        (start, self.texts.len())
    }
}
