//! Reads a trace file, event by event.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use tracing_energy::power::replay::main_group;

use super::book::{Book, Moment};
use super::event::Event;
use super::fields::Fields;
use super::matching::Odd;
use super::split::{Events, Next, Piece};
use super::tasks::{TaskId, Tasks};
use super::threads::Threads;
use crate::error::Result;
use crate::import::trace::{LATEST_NS, LONGEST_NS, Trace};
use crate::import::{Oddity, bad, odd};

/// If none of so many objects is an event at all, none will be.
const PATIENCE: usize = 10_000;
/// As many phases that are left out are named.
const NAMED_PHASES: usize = 12;

/// What can be mended about events, in the order in which it is told.
const MENDED: [(&str, &str); 12] = [
    (
        "without_time",
        "events have no usable time (`ts`, or `dur` of a whole span); they were left out",
    ),
    (
        "without_id",
        "asynchronous events have no usable `id` or `id2`; they were left out",
    ),
    (
        "unsorted",
        "events stood behind later ones of their thread or task; they were sorted by time",
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
        "stray_time",
        "spans are half a year or more from all others, or last as long; they were left out",
    ),
    ("text_before", "lines before the trace were skipped"),
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
    /// Objects that are events, and those of spans and marks that have a time.
    known: usize,
    used: usize,
    /// Events that are no JSON, and the first of them with the reason.
    unreadable: usize,
    first_unreadable: String,
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
            unreadable: 0,
            first_unreadable: String::new(),
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
            self.take(&piece)?;
            seen += 1;
            if seen == PATIENCE && self.known == 0 {
                return Err(format!(
                    "the first {PATIENCE} events tell of no span; this is no trace of spans"
                ));
            }
        };
        self.add("text_before", events.stray_lines());
        let has_more = !is_cut && events.has_more()?;
        self.finish(is_cut, has_more)
    }

    fn take(&mut self, piece: &Piece<'_>) -> std::result::Result<(), String> {
        let event = match Event::read(piece.text) {
            Ok(event) => event,
            Err(why) => {
                self.unreadable += 1;
                if self.first_unreadable.is_empty() {
                    let Piece { line, number, .. } = piece;
                    self.first_unreadable = format!("line {line}, event {number}: {why}");
                }
                return Ok(());
            }
        };
        let phase = event.ph.text().unwrap_or_default();
        self.known += usize::from(!phase.is_empty());
        match phase {
            "M" => {
                self.threads.name(&event);
                return Ok(());
            }
            "B" | "E" | "X" | "b" | "e" | "n" | "i" | "I" => {}
            _ => {
                self.leave(phase);
                return Ok(());
            }
        }
        let Some(time_ns) = event.ts.micros_as_nanos() else {
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
            "E" => self.threads.end(&mut self.book, told, at.time_ns),
            _ => self.threads.mark(&mut self.book, told, at.time_ns),
        }
        Ok(())
    }

    fn whole(&mut self, event: &Event<'_>, at: Moment) -> std::result::Result<(), String> {
        let end_ns = event.dur.micros_as_nanos();
        let end_ns = end_ns.map(|dur_ns| at.time_ns + dur_ns);
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
        let Some(id) = TaskId::of(event) else {
            self.count("without_id");
            return Ok(());
        };
        let told = (event, &self.fields);
        match phase {
            "b" => return self.tasks.begin(&mut self.book, told, id, at),
            "e" => self.tasks.end(&mut self.book, told, id, at.time_ns),
            _ => self.threads.mark(&mut self.book, told, at.time_ns),
        }
        Ok(())
    }

    fn odd(&mut self, odd: Odd) {
        self.add("out_of_order", odd.out_of_order);
        self.add("negative_duration", odd.negative);
        self.add("unmatched_end", odd.unmatched);
        self.add("open_at_end", odd.open);
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

    fn finish(mut self, is_cut: bool, has_more: bool) -> std::result::Result<Read, String> {
        let last_ns = self.last_ns();
        let threads = self.threads.finish(&mut self.book, last_ns);
        self.odd(threads.odd);
        let first = self.threads.len();
        let tasks = self.tasks.finish(&mut self.book, last_ns, first);
        self.odd(tasks.odd);
        self.add("unsorted", threads.unsorted + tasks.unsorted);
        self.add("across", threads.across);
        self.add("cut_text", self.book.cut);
        self.add("crowded", self.book.crowded);
        if self.book.spans.is_empty() {
            return Err(self.nothing(is_cut));
        }
        let rows = [self.threads.rows(), tasks.lanes].concat();
        let mut trace = std::mem::take(&mut self.book).close();
        trace.threads = rows;
        let strays = trace.drop_strays();
        self.add("stray_time", strays);
        self.tell(&mut trace.oddities, (is_cut, has_more));
        let extent_ns = match strays {
            0 => self.extent_ns,
            _ => trace.extent(),
        };
        Ok(Read {
            trace,
            is_async: !self.tasks.is_empty(),
            extent_ns,
        })
    }

    /// When the trace ends: one event of another time does not move that by years.
    fn last_ns(&self) -> i64 {
        let starts = self.book.spans.iter().map(|span| span.start_ns);
        let (first, last) = match main_group(starts.clone()) {
            Some(most) => most,
            None => (starts.clone().min().unwrap_or(0), starts.max().unwrap_or(0)),
        };
        let until = last.saturating_add(LONGEST_NS);
        if (first..until).contains(&self.extent_ns.1) {
            return self.extent_ns.1;
        }
        let ends = self.book.spans.iter().map(|span| span.end_ns);
        let times = self.threads.times().chain(self.tasks.times()).chain(ends);
        times
            .filter(|time| (first..until).contains(time))
            .max()
            .unwrap_or(last)
    }

    /// All that was mended or left out.
    fn tell(&self, oddities: &mut Vec<Oddity>, (is_cut, has_more): (bool, bool)) {
        odd(
            oddities,
            ("unreadable_event", self.unreadable),
            &format!(
                "events cannot be read and were left out (the first: {})",
                self.first_unreadable
            ),
        );
        for (kind, what) in MENDED {
            let count = self.counts.get(kind).copied().unwrap_or(0);
            odd(oddities, (kind, count), what);
        }
        let phases: Vec<&str> = self.others.keys().map(String::as_str).collect();
        odd(
            oddities,
            ("other_phases", self.others.values().sum()),
            &format!(
                "events are no spans (phase {}); they were left out",
                phases.join(", ")
            ),
        );
        let cut = "trace file ends without its end: the program exited without dropping the \
                   guard of the layer, or still runs; all whole events were read";
        odd(oddities, ("cut_file", usize::from(is_cut)), cut);
        let more = "trace file goes on after the end of its list of events: that was left out \
                    (import each list as a file of its own)";
        odd(oddities, ("text_after", usize::from(has_more)), more);
    }

    fn nothing(&self, is_cut: bool) -> String {
        let seen = match (self.used, is_cut) {
            (0, false) => "it holds no span",
            (0, true) => "it ends before its first span",
            _ => "it holds events, but no span",
        };
        let unusable = self.counts.get("without_time").copied().unwrap_or(0)
            + self.counts.get("without_id").copied().unwrap_or(0);
        let unusable = match unusable {
            0 => String::new(),
            count => format!("; {count} events have no usable `ts`, `dur` or `id`"),
        };
        let unreadable = match self.unreadable {
            0 => String::new(),
            count => format!(
                "; {count} events cannot be read and were left out (the first: {}): mend them",
                self.first_unreadable
            ),
        };
        format!(
            "{seen}{unusable}{unreadable}; let the layer of tracing-chrome see spans, and drop its \
             guard before the program ends"
        )
    }
}
