//! Reads the table of spans.
//!
//! Rows may be in any order.

use std::collections::HashMap;
use std::path::Path;

use energy_data::rows::Domain;
use energy_power::table::{self, Table, TableRow};

use super::anomaly::{Anomaly, invalid_input, push_anomaly};
use super::trace::{ImportedTrace, Interner, LATEST_NS, SpanKind, TraceSpan, TraceThread};
use crate::error::Result;

const COLUMNS: [&str; 7] = [
    "span_id",
    "parent_id",
    "thread",
    "kind",
    "start_ns",
    "end_ns",
    "rail",
];
const EXAMPLE: &str = "`span_id,parent_id,thread,kind,start_ns,end_ns,rail` in any order, other \
                       columns are ignored";
/// Reads the spans in `path`.
///
/// # Errors
/// Fails if the file cannot be read or is invalid; the message includes the line.
pub(super) fn read(path: &Path) -> Result<ImportedTrace> {
    let file = energy_host::files::open(path)
        .map_err(|error| invalid_input(path, format!("{error}; give the table of spans")))?;
    read_table(file).map_err(|message| invalid_input(path, message))
}

fn read_table(file: impl std::io::Read) -> std::result::Result<ImportedTrace, String> {
    let (mut table, places) = Table::open(file, places)?;
    let mut spans = SpanTable::default();
    table.read(|row| {
        let mut fields = [""; 7];
        for (field, place) in fields.iter_mut().zip(places) {
            *field = row.field(place)?;
        }
        spans.add(fields, row)
    })?;
    let left_out = table.left_out().map(|(kind, count, what)| Anomaly {
        kind,
        count,
        message: format!("{count} {what}"),
    });
    let left_out: Vec<Anomaly> = left_out.collect();
    let mut trace = spans.finish()?;
    trace.anomalies.extend(left_out);
    Ok(trace)
}

/// Returns the index of each of [`COLUMNS`].
fn places(header: &[&str]) -> std::result::Result<[usize; 7], String> {
    let mut places = [0; 7];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        *place = table::column(header, column)?.ok_or_else(|| {
            let header = table::excerpt(header);
            format!("the header `{header}` lacks the column `{column}`; it must be {EXAMPLE}")
        })?;
    }
    Ok(places)
}

/// State of spans being read.
#[derive(Debug, Default)]
struct SpanTable {
    trace: ImportedTrace,
    /// Index by id in the file.
    by_id: HashMap<u64, u32>,
    parents: Vec<u64>,
    /// Number of duplicate rows.
    duplicates: usize,
    threads: Interner<String>,
    kinds: Interner<SpanKind>,
}

impl SpanTable {
    fn add(&mut self, fields: [&str; 7], row: &TableRow<'_>) -> std::result::Result<(), String> {
        let [id, parent, thread, kind, start, end, rail] = fields;
        let (id, parent) = (number("span_id", id)?, number("parent_id", parent)?);
        if id == 0 {
            return Err("span_id 0 means no span; number spans from 1".into());
        }
        if kind.is_empty() {
            return Err("the kind is empty".into());
        }
        let domain = domain(rail)?;
        let (start_ns, end_ns) = (time("start_ns", start)?, time("end_ns", end)?);
        if end_ns < start_ns {
            return Err(format!(
                "the span ends ({end_ns}) before it starts ({start_ns})"
            ));
        }
        let thread = self.threads.number(thread.to_owned());
        let kind = self.kinds.number(SpanKind {
            name: kind.to_owned(),
            target: "import".to_owned(),
            file: None,
            line: None,
            domain,
        });
        let span = TraceSpan {
            parent: None,
            thread,
            kind,
            key: 0,
            detail: 0,
            start_ns,
            end_ns,
            line: row.line,
        };
        if let Some(&known) = self.by_id.get(&id) {
            return self.add_duplicate(known, (id, parent), span);
        }
        let place = u32::try_from(self.trace.spans.len())
            .map_err(|_| "more than 4 billion spans; import only a part of them".to_owned())?;
        self.by_id.insert(id, place);
        self.parents.push(parent);
        self.trace.spans.push(span);
        Ok(())
    }

    /// Accepts a span whose id is known if it is a duplicate: a file that was merged with
    /// itself contains each span twice.
    fn add_duplicate(
        &mut self,
        known: u32,
        (id, parent): (u64, u64),
        span: TraceSpan,
    ) -> std::result::Result<(), String> {
        let first = self.trace.spans[known as usize];
        let line = first.line;
        let is_same = TraceSpan { line, ..span } == first && self.parents[known as usize] == parent;
        if !is_same {
            return Err(format!(
                "span_id {id} is also used in line {line}; ids must be unique"
            ));
        }
        self.duplicates += 1;
        Ok(())
    }

    fn finish(mut self) -> std::result::Result<ImportedTrace, String> {
        if self.trace.spans.is_empty() {
            return Err("it contains no span".into());
        }
        for (span, &parent) in self.trace.spans.iter_mut().zip(&self.parents) {
            if parent == 0 {
                continue;
            }
            let found = self.by_id.get(&parent).ok_or_else(|| {
                let line = span.line;
                format!("line {line}: no span has the id {parent} of its parent; 0 means none")
            })?;
            span.parent = Some(*found);
        }
        let pairs = self.trace.spans.windows(2);
        let unsorted = pairs.filter(|pair| pair[1].start_ns < pair[0].start_ns);
        push_anomaly(
            &mut self.trace.anomalies,
            ("unsorted", unsorted.count()),
            "spans start before the span of the previous line; all were sorted by start",
        );
        push_anomaly(
            &mut self.trace.anomalies,
            ("duplicate", self.duplicates),
            "spans occur twice; one of each was kept",
        );
        let strays = self.trace.drop_strays();
        push_anomaly(
            &mut self.trace.anomalies,
            ("stray_time", strays),
            "spans are half a year or more from all others, or last as long; they were dropped",
        );
        self.trace.kinds_are_named = true;
        self.trace.keys.push(String::new());
        self.trace.kinds = self.kinds.into_all();
        self.trace.threads = self.threads.into_all().into_iter().map(thread).collect();
        Ok(self.trace)
    }
}

/// Numeric names become the thread's id.
fn thread(name: String) -> TraceThread {
    match name.parse() {
        Ok(tid) => TraceThread {
            tid: Some(tid),
            name: None,
        },
        Err(_) => TraceThread {
            tid: None,
            name: Some(name),
        },
    }
}

fn number(column: &str, text: &str) -> std::result::Result<u64, String> {
    text.parse()
        .map_err(|_| format!("{column} {text:?} is not a whole number of at least 0"))
}

fn time(column: &str, text: &str) -> std::result::Result<i64, String> {
    let time = text.parse::<i64>().ok();
    time.filter(|time| time.abs() <= LATEST_NS)
        .ok_or_else(|| format!("{column} {text:?} is not a time in whole nanoseconds"))
}

/// Returns the processor that does a span's work; an empty field is the CPU.
fn domain(rail: &str) -> std::result::Result<Domain, String> {
    match rail {
        "" => Ok(Domain::Cpu),
        name => Domain::from_name(name).ok_or_else(|| {
            format!(
                "rail {name:?} of a span is unknown: give the processor that does its work: \
                     cpu, gpu or ane"
            )
        }),
    }
}
