//! Reads a trace file, event by event.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use energy_power::replay::main_group;

use super::event::ChromeEvent;
use super::fields::EventFields;
use super::matching::AnomalyCounts;
use super::split::{EventText, Events, NextEvent};
use super::tasks::{TaskId, Tasks};
use super::threads::ChromeThreads;
use super::trace_builder::{TimePoint, TraceBuilder};
use crate::error::Result;
use crate::import::anomaly::{Anomaly, invalid_input, push_anomaly};
use crate::import::trace::{ImportedTrace, LATEST_NS, LONGEST_NS};

/// Number of objects after which a file without any event is rejected.
const MAX_NON_EVENTS: usize = 10_000;
/// Maximum number of listed phases of ignored events.
const NAMED_PHASES: usize = 12;

/// Anomalies of events and how they are handled, in the order of the report.
const CORRECTIONS: [(&str, &str); 12] = [
    (
        "without_time",
        "events have no usable time (`ts`, or `dur` of a complete event); they were dropped",
    ),
    (
        "without_id",
        "asynchronous events have no usable `id` or `id2`; they were dropped",
    ),
    (
        "unsorted",
        "events came after later ones of their thread or task; they were sorted by time",
    ),
    (
        "unmatched_end",
        "ends have no matching begin; they were dropped",
    ),
    (
        "out_of_order",
        "spans were exited before nested ones; each keeps its own time",
    ),
    (
        "negative_duration",
        "spans end before they begin; their duration was set to zero",
    ),
    (
        "open_at_end",
        "spans have no end; they end with their enclosing span, or with the trace",
    ),
    (
        "across",
        "complete events overlap the end of the previous one; they are nested in the innermost \
         span that contains them",
    ),
    (
        "stray_time",
        "spans are half a year or more from all others, or last as long; they were dropped",
    ),
    ("text_before", "lines before the trace were skipped"),
    (
        "cut_text",
        "names or values were longer than 256 bytes and shortened",
    ),
    (
        "crowded",
        "spans exceed the limit of 65,536 names or key field values; they are merged as `(other)`",
    ),
];

/// Result of reading a trace.
#[derive(Debug)]
pub(super) struct ParsedTrace {
    pub(super) trace: ImportedTrace,
    /// Whether some spans record their lifetime, not their execution.
    pub(super) is_async: bool,
    /// First and last time of all events.
    pub(super) extent_ns: (i64, i64),
}

/// Reads the trace in `path`.
///
/// # Errors
/// Fails if the file cannot be read or is invalid; the message includes the line.
pub(super) fn read(path: &Path, key_fields: &[String]) -> Result<ParsedTrace> {
    let file = energy_host::files::open(path).map_err(|error| {
        invalid_input(
            path,
            format!("{error}; give the trace that tracing-chrome wrote"),
        )
    })?;
    let reader = TraceReader::new(key_fields);
    let read = reader.all(BufReader::with_capacity(1 << 18, file));
    read.map_err(|message| invalid_input(path, message))
}

/// State of a trace being read.
#[derive(Debug)]
struct TraceReader<'a> {
    key_fields: &'a [String],
    builder: TraceBuilder,
    threads: ChromeThreads,
    tasks: Tasks,
    fields: EventFields,
    counts: BTreeMap<&'static str, usize>,
    /// Ignored events by phase.
    ignored_phases: BTreeMap<String, usize>,
    /// Number of objects that are events, and of spans and span events with a time.
    known: usize,
    used: usize,
    /// Number of events with invalid JSON, and the first of them with the reason.
    unreadable: usize,
    first_unreadable: String,
    extent_ns: (i64, i64),
}

impl<'a> TraceReader<'a> {
    fn new(key_fields: &'a [String]) -> Self {
        Self {
            key_fields,
            builder: TraceBuilder::new(),
            threads: ChromeThreads::default(),
            tasks: Tasks::default(),
            fields: EventFields::default(),
            counts: BTreeMap::new(),
            ignored_phases: BTreeMap::new(),
            known: 0,
            used: 0,
            unreadable: 0,
            first_unreadable: String::new(),
            extent_ns: (i64::MAX, i64::MIN),
        }
    }

    fn all(mut self, input: impl BufRead) -> std::result::Result<ParsedTrace, String> {
        let mut events = Events::new(input);
        let mut seen = 0_usize;
        let is_cut = loop {
            let piece = match events.next()? {
                NextEvent::Event(piece) => piece,
                NextEvent::End => break false,
                NextEvent::Truncated => break true,
            };
            self.add_event(&piece)?;
            seen += 1;
            if seen == MAX_NON_EVENTS && self.known == 0 {
                return Err(format!(
                    "the first {MAX_NON_EVENTS} events contain no span; this is not a trace of spans"
                ));
            }
        };
        self.add("text_before", events.stray_lines());
        let has_more = !is_cut && events.has_more()?;
        self.finish(is_cut, has_more)
    }

    fn add_event(&mut self, piece: &EventText<'_>) -> std::result::Result<(), String> {
        let event = match ChromeEvent::read(piece.text) {
            Ok(event) => event,
            Err(why) => {
                self.unreadable += 1;
                if self.first_unreadable.is_empty() {
                    let EventText { line, number, .. } = piece;
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
                self.ignore(phase);
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
        let at = TimePoint {
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
        event: &ChromeEvent<'_>,
        phase: &str,
        at: TimePoint,
    ) -> std::result::Result<(), String> {
        let parsed = (event, &self.fields);
        match phase {
            "B" => return self.threads.begin(&mut self.builder, parsed, at),
            "E" => self.threads.end(&mut self.builder, parsed, at.time_ns),
            _ => self
                .threads
                .span_event(&mut self.builder, parsed, at.time_ns),
        }
        Ok(())
    }

    fn whole(&mut self, event: &ChromeEvent<'_>, at: TimePoint) -> std::result::Result<(), String> {
        let end_ns = event.dur.micros_as_nanos();
        let end_ns = end_ns.map(|dur_ns| at.time_ns + dur_ns);
        let Some(end_ns) = end_ns.filter(|end_ns| end_ns.abs() <= LATEST_NS) else {
            self.count("without_time");
            return Ok(());
        };
        self.extent_ns.1 = self.extent_ns.1.max(end_ns);
        let parsed = (event, &self.fields);
        if !self
            .threads
            .complete(&mut self.builder, parsed, at, end_ns)?
        {
            self.count("negative_duration");
        }
        Ok(())
    }

    fn of_task(
        &mut self,
        event: &ChromeEvent<'_>,
        phase: &str,
        at: TimePoint,
    ) -> std::result::Result<(), String> {
        let Some(id) = TaskId::from_event(event) else {
            self.count("without_id");
            return Ok(());
        };
        let parsed = (event, &self.fields);
        match phase {
            "b" => return self.tasks.begin(&mut self.builder, parsed, id, at),
            "e" => self.tasks.end(&mut self.builder, parsed, id, at.time_ns),
            _ => self
                .threads
                .span_event(&mut self.builder, parsed, at.time_ns),
        }
        Ok(())
    }

    fn add_counts(&mut self, counts: AnomalyCounts) {
        self.add("out_of_order", counts.out_of_order);
        self.add("negative_duration", counts.negative);
        self.add("unmatched_end", counts.unmatched);
        self.add("open_at_end", counts.open);
    }

    fn ignore(&mut self, phase: &str) {
        let is_plain = phase.len() == 1 && phase.chars().all(|char| char.is_ascii_graphic());
        let phase = if is_plain { phase } else { "unknown" };
        let is_room = self.ignored_phases.len() < NAMED_PHASES;
        let phase = if is_room || self.ignored_phases.contains_key(phase) {
            phase
        } else {
            "other"
        };
        *self.ignored_phases.entry(phase.to_owned()).or_default() += 1;
    }

    fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    fn add(&mut self, what: &'static str, count: usize) {
        *self.counts.entry(what).or_default() += count;
    }

    fn finish(mut self, is_cut: bool, has_more: bool) -> std::result::Result<ParsedTrace, String> {
        let last_ns = self.last_ns();
        let threads = self.threads.finish(&mut self.builder, last_ns);
        self.add_counts(threads.anomalies);
        let first = self.threads.len();
        let tasks = self.tasks.finish(&mut self.builder, last_ns, first);
        self.add_counts(tasks.anomalies);
        self.add("unsorted", threads.unsorted + tasks.unsorted);
        self.add("across", threads.across);
        self.add("cut_text", self.builder.shortened);
        self.add("crowded", self.builder.merged_as_other);
        if self.builder.spans.is_empty() {
            return Err(self.no_spans_error(is_cut));
        }
        let rows = [self.threads.rows(), tasks.lanes].concat();
        let mut trace = std::mem::take(&mut self.builder).finish();
        trace.threads = rows;
        let strays = trace.drop_strays();
        self.add("stray_time", strays);
        self.report(&mut trace.anomalies, (is_cut, has_more));
        let extent_ns = match strays {
            0 => self.extent_ns,
            _ => trace.extent(),
        };
        Ok(ParsedTrace {
            trace,
            is_async: !self.tasks.is_empty(),
            extent_ns,
        })
    }

    /// Returns the end of the trace. Outliers do not count: one event of another time must not
    /// move it by years.
    fn last_ns(&self) -> i64 {
        let starts = self.builder.spans.iter().map(|span| span.start_ns);
        let (first, last) = match main_group(starts.clone()) {
            Some(most) => most,
            None => (starts.clone().min().unwrap_or(0), starts.max().unwrap_or(0)),
        };
        let until = last.saturating_add(LONGEST_NS);
        if (first..until).contains(&self.extent_ns.1) {
            return self.extent_ns.1;
        }
        let ends = self.builder.spans.iter().map(|span| span.end_ns);
        let times = self.threads.times().chain(self.tasks.times()).chain(ends);
        times
            .filter(|time| (first..until).contains(time))
            .max()
            .unwrap_or(last)
    }

    /// Adds anomalies for everything that was corrected or dropped.
    fn report(&self, anomalies: &mut Vec<Anomaly>, (is_cut, has_more): (bool, bool)) {
        push_anomaly(
            anomalies,
            ("unreadable_event", self.unreadable),
            &format!(
                "events cannot be parsed and were dropped (the first: {})",
                self.first_unreadable
            ),
        );
        for (kind, what) in CORRECTIONS {
            let count = self.counts.get(kind).copied().unwrap_or(0);
            push_anomaly(anomalies, (kind, count), what);
        }
        let phases: Vec<&str> = self.ignored_phases.keys().map(String::as_str).collect();
        push_anomaly(
            anomalies,
            ("other_phases", self.ignored_phases.values().sum()),
            &format!(
                "events are not spans (phase {}); they were dropped",
                phases.join(", ")
            ),
        );
        let cut = "trace file is truncated: the program exited without dropping the \
                   guard of the layer, or is still running; all complete events were read";
        push_anomaly(anomalies, ("cut_file", usize::from(is_cut)), cut);
        let more = "trace file continues after its list of events: the remainder was ignored \
                    (import each list as a separate file)";
        push_anomaly(anomalies, ("text_after", usize::from(has_more)), more);
    }

    fn no_spans_error(&self, is_cut: bool) -> String {
        let seen = match (self.used, is_cut) {
            (0, false) => "it contains no span",
            (0, true) => "it ends before its first span",
            _ => "it contains events, but no span",
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
                "; {count} events cannot be parsed and were dropped (the first: {}): correct them",
                self.first_unreadable
            ),
        };
        format!(
            "{seen}{unusable}{unreadable}; check that spans reach the layer of tracing-chrome, \
             and drop its \
             guard before the program ends"
        )
    }
}
