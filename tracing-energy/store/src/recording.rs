//! Reads the rows of a recording one by one: memory does not grow with the run.

use std::path::Path;

use rusqlite::{CachedStatement, OptionalExtension, Row, params};

use super::error::from_sqlite;
use crate::Error;
use crate::span_ids::{span_id, span_ids, split_span_id};
use crate::store::Store;
use energy_data::rows::{
    BaselineRow, CallsiteRow, ConditionRow, ConditionTime, CpuRow, CpuScope, DeviceUseRow, Domain,
    EventRow, FieldsRow, InstanceRow, LinkRow, NodeRow, NodeWindowRow, ProcessRow, RailRow, Role,
    SampleRow, SensorMetricRow, SpanEventRow, SpanRow, ThreadRole, ThreadRow,
};
use energy_data::{Provenance, RailKind};

/// A prepared reader of the rows of one table and run.
pub struct RowReader<'s, T> {
    statement: CachedStatement<'s>,
    bounds: (i64, i64),
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
    path: &'s Path,
}

impl<'s, T> RowReader<'s, T> {
    /// Iterates over the rows.
    ///
    /// # Errors
    /// When the file cannot be read; each row may fail as well.
    pub fn iter(
        &mut self,
    ) -> Result<impl Iterator<Item = Result<T, Error>> + use<'_, 's, T>, Error> {
        let (path, read) = (self.path, self.read);
        let (low, high) = self.bounds;
        let rows = self
            .statement
            .query_map(params![low, high], read)
            .map_err(from_sqlite(path))?;
        Ok(rows.map(move |row| row.map_err(from_sqlite(path))))
    }

    /// Reads all rows.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn all(mut self) -> Result<Vec<T>, Error> {
        self.iter()?.collect()
    }
}

pub(super) const CALLSITES: &str = "
    SELECT id, name, target, level, file, line, domain, role
    FROM callsites WHERE run = ?1 AND ?2 ORDER BY id";
pub(super) const NODES: &str = "
    SELECT id, parent, callsite, label, depth, kind
    FROM nodes WHERE run = ?1 AND ?2 ORDER BY id";

const SPANS: &str = "
    SELECT id, node, instance, parent, thread, start_ns, end_ns, token
    FROM spans WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
const FIELDS: &str = "
    SELECT span, json FROM span_fields WHERE span BETWEEN ?1 AND ?2 ORDER BY span";

/// In these queries `?1` is the run's number or its first span id, and `?2` its last span
/// id.
macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident, $row:ty, $bounds:ident, $sql:expr, $read:expr;)*) => {
        impl Store {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// When the file cannot be read.
            pub fn $name(&self, run: i64) -> Result<RowReader<'_, $row>, Error> {
                self.rows($sql, $bounds(run), $read)
            }
        )*}
    };
}

readers! {
    /// `rails` of a run, by id.
    rails, RailRow, by_number,
    "SELECT id, source, name, parent, kind, unit, interval_ns, kernel, provenance
     FROM rails WHERE run = ?1 AND ?2 ORDER BY id", rail;
    /// `sensor_metrics` of a run, by name and time.
    sensor_metrics, SensorMetricRow, by_number,
    "SELECT name, start_ns, end_ns, value FROM sensor_metrics WHERE run = ?1 AND ?2
     ORDER BY name, start_ns", sensor_metric;
    /// `device_use` of a run, by rail and time.
    device_use, DeviceUseRow, by_number,
    "SELECT rail, start_ns, end_ns, own_ns, other_processes_ns, unknown_ns FROM device_use
     WHERE run = ?1 AND ?2 ORDER BY rail, start_ns", device_use;
    /// `processes` of a run, by id.
    processes, ProcessRow, by_number,
    "SELECT id, pid, pid_start, name, start_ns, end_ns, has_spans
     FROM processes WHERE run = ?1 AND ?2 ORDER BY id", process;
    /// `threads` of a run, by id.
    threads, ThreadRow, by_number,
    "SELECT id, tid, name, role, process FROM threads WHERE run = ?1 AND ?2 ORDER BY id", thread;
    /// `callsites` of a run, by id.
    callsites, CallsiteRow, by_number,
    CALLSITES, callsite;
    /// `nodes` of a run, by id: parents first.
    nodes, NodeRow, by_number,
    NODES, node;
    /// `baselines` of a run, by rail.
    baselines, BaselineRow, by_number,
    "SELECT rail, start_ns, end_ns, power_w, samples, spread_w
     FROM baselines WHERE run = ?1 AND ?2 ORDER BY rail", baseline;
    /// `conditions` of a run: those of its start, then those of its end, by key.
    conditions, ConditionRow, by_number,
    "SELECT time_point, key, value FROM conditions WHERE run = ?1 AND ?2
     ORDER BY time_point DESC, key", condition;
    /// `instances` of a run, by id.
    instances, InstanceRow, by_number,
    "SELECT id, callsite, parent, created_ns, closed_ns
     FROM instances WHERE run = ?1 AND ?2 ORDER BY id", instance;
    /// `spans` of a run, by number: ascending with their start.
    spans, SpanRow, by_span,
    SPANS, span;
    /// `span_fields` of a run, by span.
    fields, FieldsRow, by_span,
    FIELDS, fields_of;
    /// `node_windows` of a run, by start.
    node_windows, NodeWindowRow, by_number,
    "SELECT node, thread, start_ns, end_ns, self_ns, activations
     FROM node_windows WHERE run = ?1 AND ?2 ORDER BY start_ns, node, thread", node_window;
    /// `links` of a run, by span.
    links, LinkRow, by_number,
    "SELECT span, follows FROM links WHERE run = ?1 AND ?2 ORDER BY span, follows", link;
    /// `span_events` of a run, in the order they were written.
    span_events, SpanEventRow, by_number,
    "SELECT time_ns, thread, span, callsite, json
     FROM span_events WHERE run = ?1 AND ?2 ORDER BY seq", span_event;
    /// `cpu` of a run, by end.
    cpu, CpuRow, by_number,
    "SELECT scope, thread, start_ns, end_ns, on_cpu_ns
     FROM cpu WHERE run = ?1 AND ?2 ORDER BY end_ns, scope, thread", cpu_time;
    /// `samples` of a run, by start.
    samples, SampleRow, by_number,
    "SELECT rail, start_ns, end_ns, energy_j
     FROM samples WHERE run = ?1 AND ?2 ORDER BY start_ns, rail", sample;
    /// `events` of a run, in the order they were written.
    events, EventRow, by_number,
    "SELECT time_ns, kind, count, message FROM events WHERE run = ?1 AND ?2 ORDER BY seq", event;
}

impl Store {
    /// Returns the length of the longest `cpu` row of a run, in ns.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn longest_cpu_row(&self, run: i64) -> Result<i64, Error> {
        let sql = "SELECT coalesce(max(end_ns - start_ns), 0) FROM cpu WHERE run = ?1";
        let statement = self.connection.prepare_cached(sql);
        let longest = statement.and_then(|mut query| query.query_row([run], |row| row.get(0)));
        longest.map_err(from_sqlite(&self.path))
    }

    /// Reads `spans` of a run from activation `seq` on.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn spans_from(&self, run: i64, seq: u64) -> Result<RowReader<'_, SpanRow>, Error> {
        self.rows(SPANS, (span_id(run, seq), span_ids(run).1), span)
    }

    /// Reads `span_fields` of a run from activation `seq` on.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn fields_from(&self, run: i64, seq: u64) -> Result<RowReader<'_, FieldsRow>, Error> {
        self.rows(FIELDS, (span_id(run, seq), span_ids(run).1), fields_of)
    }

    /// Returns the number that divides the activations of a run: those before it start before
    /// `time_ns`, the others at `time_ns` or later. Numbers ascend with starts, so a binary
    /// search over them reads few rows.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn first_span_at(&self, run: i64, time_ns: i64) -> Result<u64, Error> {
        let (lowest, highest) = span_ids(run);
        let search = || -> rusqlite::Result<i64> {
            let last = "SELECT max(id) FROM spans WHERE id BETWEEN ?1 AND ?2";
            let last: Option<i64> = self
                .connection
                .query_row(last, [lowest, highest], |r| r.get(0))?;
            // Numbers may have gaps: `next` is the first activation from a number on.
            let next = "SELECT id, start_ns FROM spans WHERE id BETWEEN ?1 AND ?2
                        ORDER BY id LIMIT 1";
            let mut next = self.connection.prepare_cached(next)?;
            let (mut low, mut high) = (lowest, last.map_or(lowest, |id| id + 1));
            while low < high {
                let middle = low + (high - low) / 2;
                let found: Option<(i64, i64)> = next
                    .query_row([middle, highest], |r| Ok((r.get(0)?, r.get(1)?)))
                    .optional()?;
                match found {
                    Some((id, start_ns)) if start_ns < time_ns => low = id + 1,
                    Some((_, _)) | None => high = middle,
                }
            }
            Ok(low)
        };
        let found = search().map_err(from_sqlite(&self.path))?;
        Ok(split_span_id(found).1)
    }

    /// Returns the activations of a run with these numbers that end after `time_ns` or are open.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn spans_open_at(
        &self,
        run: i64,
        numbers: std::ops::Range<u64>,
        time_ns: i64,
    ) -> Result<Vec<SpanRow>, Error> {
        let sql = "SELECT id, node, instance, parent, thread, start_ns, end_ns, token FROM spans
                   WHERE id >= ?1 AND id < ?2 AND (end_ns > ?3 OR end_ns IS NULL) ORDER BY id";
        let (first, end) = (span_id(run, numbers.start), span_id(run, numbers.end));
        let bounds = [first, end, time_ns];
        let read = || -> rusqlite::Result<Vec<SpanRow>> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map(bounds, span)?.collect()
        };
        read().map_err(from_sqlite(&self.path))
    }

    /// Returns the fields of one activation: a JSON object.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn fields_of(&self, run: i64, seq: u64) -> Result<Option<String>, Error> {
        let sql = "SELECT json FROM span_fields WHERE span = ?1";
        let statement = self.connection.prepare_cached(sql);
        let fields = statement.and_then(|mut query| {
            query
                .query_row([span_id(run, seq)], |r| r.get(0))
                .optional()
        });
        fields.map_err(from_sqlite(&self.path))
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        bounds: (i64, i64),
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<RowReader<'_, T>, Error> {
        let statement = self.connection.prepare_cached(sql);
        Ok(RowReader {
            statement: statement.map_err(from_sqlite(&self.path))?,
            bounds,
            read,
            path: &self.path,
        })
    }
}

/// Bounds of queries by run number: `?1` is the number, `?2` is true.
fn by_number(run: i64) -> (i64, i64) {
    (run, 1)
}

fn by_span(run: i64) -> (i64, i64) {
    span_ids(run)
}

fn rail(r: &Row<'_>) -> rusqlite::Result<RailRow> {
    Ok(RailRow {
        id: r.get(0)?,
        source: r.get(1)?,
        name: r.get(2)?,
        parent: r.get(3)?,
        kind: RailKind::from_name(&text(r, 4)?).unwrap_or(RailKind::Other),
        unit: r.get(5)?,
        interval_ns: r.get(6)?,
        kernel: named(r, 7, |name| name.parse().ok())?,
        provenance: named(r, 8, Provenance::from_name)?,
    })
}

fn sensor_metric(r: &Row<'_>) -> rusqlite::Result<SensorMetricRow> {
    Ok(SensorMetricRow {
        name: r.get(0)?,
        start_ns: r.get(1)?,
        end_ns: r.get(2)?,
        value: r.get(3)?,
    })
}

fn device_use(r: &Row<'_>) -> rusqlite::Result<DeviceUseRow> {
    Ok(DeviceUseRow {
        rail: r.get(0)?,
        start_ns: r.get(1)?,
        end_ns: r.get(2)?,
        own_ns: r.get(3)?,
        other_processes_ns: r.get(4)?,
        unknown_ns: r.get(5)?,
    })
}

fn process(r: &Row<'_>) -> rusqlite::Result<ProcessRow> {
    Ok(ProcessRow {
        id: r.get(0)?,
        pid: r.get(1)?,
        pid_start: r.get(2)?,
        name: r.get(3)?,
        start_ns: r.get(4)?,
        end_ns: r.get(5)?,
        has_spans: r.get(6)?,
    })
}

fn thread(r: &Row<'_>) -> rusqlite::Result<ThreadRow> {
    let profiler = text(r, 3)? == ThreadRole::Profiler.name();
    Ok(ThreadRow {
        id: r.get(0)?,
        tid: r.get(1)?,
        name: r.get(2)?,
        role: if profiler {
            ThreadRole::Profiler
        } else {
            ThreadRole::Program
        },
        process: r.get(4)?,
    })
}

pub(super) fn callsite(r: &Row<'_>) -> rusqlite::Result<CallsiteRow> {
    let role: Option<String> = r.get(7)?;
    Ok(CallsiteRow {
        id: r.get(0)?,
        name: r.get(1)?,
        target: r.get(2)?,
        level: r.get(3)?,
        file: r.get(4)?,
        line: r.get(5)?,
        domain: named(r, 6, Domain::from_name)?,
        role: role.and_then(|role| Role::from_name(&role)),
    })
}

pub(super) fn node(r: &Row<'_>) -> rusqlite::Result<NodeRow> {
    Ok(NodeRow {
        id: r.get(0)?,
        parent: r.get(1)?,
        callsite: r.get(2)?,
        label: r.get(3)?,
        depth: r.get(4)?,
        kind: r.get(5)?,
    })
}

fn baseline(r: &Row<'_>) -> rusqlite::Result<BaselineRow> {
    Ok(BaselineRow {
        rail: r.get(0)?,
        start_ns: r.get(1)?,
        end_ns: r.get(2)?,
        power_w: r.get(3)?,
        samples: r.get(4)?,
        spread_w: r.get(5)?,
    })
}

fn condition(r: &Row<'_>) -> rusqlite::Result<ConditionRow> {
    Ok(ConditionRow {
        time_point: named(r, 0, ConditionTime::from_name)?,
        key: r.get(1)?,
        value: r.get(2)?,
    })
}

fn instance(r: &Row<'_>) -> rusqlite::Result<InstanceRow> {
    Ok(InstanceRow {
        id: number(r, 0)?,
        callsite: r.get(1)?,
        parent: optional_number(r, 2)?,
        created_ns: r.get(3)?,
        closed_ns: r.get(4)?,
    })
}

pub(super) fn span(r: &Row<'_>) -> rusqlite::Result<SpanRow> {
    Ok(SpanRow {
        seq: seq(r, 0)?,
        node: r.get(1)?,
        instance: optional_number(r, 2)?,
        parent: optional_number(r, 3)?,
        thread: r.get(4)?,
        start_ns: r.get(5)?,
        end_ns: r.get(6)?,
        token: r.get(7)?,
    })
}

fn fields_of(r: &Row<'_>) -> rusqlite::Result<FieldsRow> {
    Ok(FieldsRow {
        span: seq(r, 0)?,
        json: r.get(1)?,
    })
}

fn node_window(r: &Row<'_>) -> rusqlite::Result<NodeWindowRow> {
    Ok(NodeWindowRow {
        node: r.get(0)?,
        thread: r.get(1)?,
        start_ns: r.get(2)?,
        end_ns: r.get(3)?,
        self_ns: r.get(4)?,
        activations: number(r, 5)?,
    })
}

fn link(r: &Row<'_>) -> rusqlite::Result<LinkRow> {
    Ok(LinkRow {
        span: seq(r, 0)?,
        follows: seq(r, 1)?,
    })
}

pub(super) fn span_event(r: &Row<'_>) -> rusqlite::Result<SpanEventRow> {
    let span: Option<i64> = r.get(2)?;
    Ok(SpanEventRow {
        time_ns: r.get(0)?,
        thread: r.get(1)?,
        span: span.map(|id| split_span_id(id).1),
        callsite: r.get(3)?,
        json: r.get(4)?,
    })
}

fn cpu_time(r: &Row<'_>) -> rusqlite::Result<CpuRow> {
    Ok(CpuRow {
        scope: match r.get_ref(0)?.as_str()? {
            "thread" => CpuScope::Thread(r.get(1)?),
            "process" => CpuScope::Process,
            "machine" => CpuScope::Machine,
            "child" => CpuScope::Child(r.get(1)?),
            _ => CpuScope::Sensor,
        },
        start_ns: r.get(2)?,
        end_ns: r.get(3)?,
        on_cpu_ns: r.get(4)?,
    })
}

pub(super) fn sample(r: &Row<'_>) -> rusqlite::Result<SampleRow> {
    Ok(SampleRow {
        rail: r.get(0)?,
        start_ns: r.get(1)?,
        end_ns: r.get(2)?,
        energy_j: r.get(3)?,
    })
}

pub(super) fn event(r: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        time_ns: r.get(0)?,
        kind: r.get(1)?,
        count: number(r, 2)?,
        message: r.get(3)?,
    })
}

fn text(r: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    r.get(column)
}

fn number(r: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(r.get::<_, i64>(column)? as u64)
}

fn optional_number(r: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(r.get::<_, Option<i64>>(column)?.map(|n| n as u64))
}

fn seq(r: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(split_span_id(r.get(column)?).1)
}

/// Reads a name and parses it; an unknown name is an error.
pub(super) fn named<T>(
    r: &Row<'_>,
    column: usize,
    from_name: fn(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let name = text(r, column)?;
    from_name(&name).ok_or_else(|| {
        let why = format!("unknown name `{name}`").into();
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, why)
    })
}
