//! Reads a trace file, event by event.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::book::{Book, Moment};
use super::event::{Event, Loose};
use super::fields::Fields;
use super::split::{Events, Next, Piece};
use super::tasks::Tasks;
use super::threads::{Ended, Threads};
use crate::error::Result;
use crate::import::trace::{LATEST_NS, Trace};
use crate::import::{bad, odd};

/// If none of so many events can be used, none will be.
const PATIENCE: usize = 10_000;
/// As many phases that are left out are named.
const NAMED_PHASES: usize = 12;

/// What can be mended about events, in the order in which it is told.
const MENDED: [(&str, &str); 9] = [
    (
        "without_time",
        "events have no usable time (`ts`, or `dur` of a whole span); they were left out",
    ),
    (
        "without_id",
        "asynchronous events have no `id`; they were left out",
    ),
    (
        "unmatched_end",
        "ends belong to no begin; they were left out",
    ),
    (
        "out_of_order",
        "spans were left while others inside were still entered; each has its own time",
    ),
    (
        "negative_duration",
        "spans would end before they begin; they were given no time",
    ),
    (
        "open_at_end",
        "spans have no end; they end with the span around them, or with the trace",
    ),
    (
        "across",
        "whole spans lie across the end of the one before; they are inside of the next one that holds them",
    ),
    (
        "cut_text",
        "names or values were longer than 256 bytes and cut",
    ),
    (
        "crowded",
        "spans came when there were 65,536 names or values of key fields; they go together as `(other)`",
    ),
];

/// What was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) trace: Trace,
    /// Whether some spans tell their whole life, not when they were executed.
    pub(super) is_async: bool,
    /// First and last time of all events.
    pub(super) extent_ns: (i64, i64),
}

/// Reads the trace in `path`.
///
/// # Errors
/// When the file cannot be read or understood; the message has the line.
pub(super) fn read(path: &Path, key_fields: &[String]) -> Result<Read> {
    let file = tracing_energy::files::open(path).map_err(|error| {
        bad(
            path,
            format!("{error}; give the trace that tracing-chrome wrote"),
        )
    })?;
    let reader = Reader::new(key_fields);
    let read = reader.all(BufReader::with_capacity(1 << 18, file));
    read.map_err(|message| bad(path, message))
}

/// A trace while it is read.
#[derive(Debug)]
struct Reader<'a> {
    key_fields: &'a [String],
    book: Book,
    threads: Threads,
    tasks: Tasks,
    fields: Fields,
    counts: BTreeMap<&'static str, usize>,
    /// Phases that are left out.
    others: BTreeMap<String, usize>,
    /// Events of phases that are known, and those of them that have a time.
    known: usize,
    used: usize,
    extent_ns: (i64, i64),
}

impl<'a> Reader<'a> {
    fn new(key_fields: &'a [String]) -> Self {
        Self {
            key_fields,
            book: Book::new(),
            threads: Threads::default(),
            tasks: Tasks::default(),
            fields: Fields::default(),
            counts: BTreeMap::new(),
            others: BTreeMap::new(),
            known: 0,
            used: 0,
            extent_ns: (i64::MAX, i64::MIN),
        }
    }

    fn all(mut self, input: impl BufRead) -> std::result::Result<Read, String> {
        let mut events = Events::new(input);
        let mut seen = 0_usize;
        let is_cut = loop {
            let piece = match events.next()? {
                Next::Event(piece) => piece,
                Next::End => break false,
                Next::Cut => break true,
            };
            self.take(&piece).map_err(|why| {
                let Piece { line, number, .. } = piece;
                format!("line {line}, event {number}: {why}")
            })?;
            seen += 1;
            if seen == PATIENCE && self.known == 0 {
                return Err(format!(
                    "the first {PATIENCE} events tell of no span; this is no trace of spans"
                ));
            }
        };
        self.finish(is_cut)
    }

    fn take(&mut self, piece: &Piece<'_>) -> std::result::Result<(), String> {
        let event = Event::read(piece.text);
        let event = event.map_err(|why| format!("{why}; mend this event or take it out"))?;
        let phase = event.ph.text().unwrap_or_default();
        match phase {
            "M" => {
                self.known += 1;
                self.threads.name(&event);
                return Ok(());
            }
            "B" | "E" | "X" | "b" | "e" | "n" | "i" | "I" => self.known += 1,
            _ => {
                self.leave(phase);
                return Ok(());
            }
        }
        let Some(time_ns) = time_ns(&event.ts) else {
            self.count("without_time");
            return Ok(());
        };
        self.used += 1;
        self.extent_ns.0 = self.extent_ns.0.min(time_ns);
        self.extent_ns.1 = self.extent_ns.1.max(time_ns);
        self.fields.read(&event.args, self.key_fields);
        let at = Moment {
            time_ns,
            line: piece.line,
        };
        match phase {
            "X" => self.whole(&event, at),
            "b" | "e" | "n" => self.of_task(&event, phase, at),
            _ => self.on_thread(&event, phase, at),
        }
    }

    fn on_thread(
        &mut self,
        event: &Event<'_>,
        phase: &str,
        at: Moment,
    ) -> std::result::Result<(), String> {
        let told = (event, &self.fields);
        match phase {
            "B" => return self.threads.begin(&mut self.book, told, at),
            "E" => {
                let ended = self.threads.end(&mut self.book, told, at.time_ns);
                self.ended(ended);
            }
            _ => self.threads.mark(&mut self.book, told, at.time_ns),
        }
        Ok(())
    }

    fn whole(&mut self, event: &Event<'_>, at: Moment) -> std::result::Result<(), String> {
        let end_ns = time_ns(&event.dur).map(|dur_ns| at.time_ns + dur_ns);
        let Some(end_ns) = end_ns.filter(|end_ns| end_ns.abs() <= LATEST_NS) else {
            self.count("without_time");
            return Ok(());
        };
        self.extent_ns.1 = self.extent_ns.1.max(end_ns);
        let told = (event, &self.fields);
        if !self.threads.whole(&mut self.book, told, at, end_ns)? {
            self.count("negative_duration");
        }
        Ok(())
    }

    fn of_task(
        &mut self,
        event: &Event<'_>,
        phase: &str,
        at: Moment,
    ) -> std::result::Result<(), String> {
        let Some(id) = event.id.id() else {
            self.count("without_id");
            return Ok(());
        };
        let told = (event, &self.fields);
        match phase {
            "b" => return self.tasks.begin(&mut self.book, told, id, at),
            "e" => {
                let ended = self.tasks.end(&mut self.book, told, id, at.time_ns);
                self.ended(ended);
            }
            _ => self.threads.mark(&mut self.book, told, at.time_ns),
        }
        Ok(())
    }

    fn ended(&mut self, ended: Ended) {
        match ended {
            Ended::InOrder => {}
            Ended::OutOfOrder => self.count("out_of_order"),
            Ended::Negative => self.count("negative_duration"),
            Ended::Unmatched => self.count("unmatched_end"),
        }
    }

    fn leave(&mut self, phase: &str) {
        let is_plain = phase.len() == 1 && phase.chars().all(|char| char.is_ascii_graphic());
        let phase = if is_plain { phase } else { "unknown" };
        let is_room = self.others.len() < NAMED_PHASES;
        let phase = if is_room || self.others.contains_key(phase) {
            phase
        } else {
            "other"
        };
        *self.others.entry(phase.to_owned()).or_default() += 1;
    }

    fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    fn add(&mut self, what: &'static str, count: usize) {
        *self.counts.entry(what).or_default() += count;
    }

    fn finish(mut self, is_cut: bool) -> std::result::Result<Read, String> {
        let last_ns = self.extent_ns.1;
        let (open, across) = self.threads.finish(&mut self.book, last_ns);
        let first = self.threads.len();
        let (unfinished, lanes) = self.tasks.finish(&mut self.book, last_ns, first);
        self.add("open_at_end", open + unfinished);
        self.add("across", across);
        self.add("cut_text", self.book.cut);
        self.add("crowded", self.book.crowded);
        if self.book.spans.is_empty() {
            return Err(self.nothing(is_cut));
        }
        let threads = [self.threads.rows(), lanes].concat();
        let mut trace = self.book.close();
        trace.threads = threads;
        for (kind, what) in MENDED {
            let count = self.counts.get(kind).copied().unwrap_or(0);
            odd(&mut trace.oddities, (kind, count), what);
        }
        let phases: Vec<&str> = self.others.keys().map(String::as_str).collect();
        odd(
            &mut trace.oddities,
            ("other_phases", self.others.values().sum()),
            &format!(
                "events are no spans (phase {}); they were left out",
                phases.join(", ")
            ),
        );
        let cut = "trace file ends without its end: the program exited without dropping the \
                   guard of the layer, or still runs; all whole events were read";
        odd(&mut trace.oddities, ("cut_file", usize::from(is_cut)), cut);
        Ok(Read {
            trace,
            is_async: !self.tasks.is_empty(),
            extent_ns: self.extent_ns,
        })
    }

    fn nothing(&self, is_cut: bool) -> String {
        let seen = match (self.used, is_cut) {
            (0, false) => "it holds no span",
            (0, true) => "it ends before its first span",
            _ => "it holds events, but no span",
        };
        format!(
            "{seen}; let the layer of tracing-chrome see spans, and drop its guard before the \
             program ends"
        )
    }
}

/// Microseconds, as whole nanoseconds.
fn time_ns(time: &Loose<'_>) -> Option<i64> {
    let ns = time.number()? * 1e3;
    (ns.abs() <= LATEST_NS as f64).then_some(ns.round() as i64)
}
