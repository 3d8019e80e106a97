//! Tables of a run for export to other programs, denormalized so that they can be read
//! without the recording.

use energy_store::span_ids;
use rusqlite::types::ValueRef;

use super::{Recording, Run};
use crate::error::Result;

/// Type of a column. Any value may be null (unknown).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Integers: ids, counts, nanoseconds.
    Whole,
    /// Floating-point numbers: joules, watts.
    Real,
    /// Text; JSON in the columns `config` and `fields`.
    Text,
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CellValue<'v> {
    /// Unknown.
    Null,
    /// An integer.
    Whole(i64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(&'v str),
}

/// A column: its name, with the unit at the end, and its type.
pub type TableColumn = (&'static str, ColumnType);

/// A table to export.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoredTable {
    /// Name.
    pub name: &'static str,
    /// Columns.
    pub columns: &'static [TableColumn],
    /// Query. `?1` is the run, `?2` the shown attribution, `?3` and `?4` the first and last
    /// id of its spans.
    sql: &'static str,
}

use ColumnType::{Real, Text, Whole};

/// All tables except that of spans.
pub const TABLES: &[StoredTable] = &[
    StoredTable {
        name: "runs",
        columns: &[
            ("uuid", Text),
            ("name", Text),
            ("status", Text),
            ("start_unix_ns", Whole),
            ("end_ns", Whole),
            ("host", Text),
            ("os", Text),
            ("chip", Text),
            ("version", Text),
            ("model", Text),
            ("prompt", Text),
            ("response", Text),
            ("engine", Text),
            ("precision", Text),
            ("batch", Whole),
            ("input_tokens", Whole),
            ("output_tokens", Whole),
            ("experiment", Text),
            ("config", Text),
            ("method", Text),
            ("method_version", Whole),
            ("clock_offset_ns", Real),
            ("host_id", Text),
            ("service", Text),
            ("attribution", Whole),
            ("provenance", Text),
        ],
        sql: "SELECT r.uuid, r.name, r.status, r.start_unix_ns, r.end_ns, r.host, r.os, r.chip,
                     r.version, r.model, r.prompt, r.response, r.engine, r.precision, r.batch,
                     r.input_tokens, r.output_tokens, r.experiment, r.config, a.method,
                     a.version, a.clock_offset_ns, r.host_id,
                     (SELECT nullif(t.value, '') FROM run_tags t
                      WHERE t.run = r.no AND t.key = 'service'),
                     a.id,
                     (SELECT group_concat(provenance, '+') FROM (
                          SELECT DISTINCT l.provenance FROM rails l
                          WHERE l.run = r.no AND l.parent IS NULL ORDER BY l.provenance))
              FROM runs r LEFT JOIN attributions a ON a.run = r.no AND a.id = ?2
              WHERE r.no = ?1",
    },
    StoredTable {
        name: "tags",
        columns: &[("key", Text), ("value", Text)],
        sql: "SELECT key, value FROM run_tags WHERE run = ?1 ORDER BY key",
    },
    StoredTable {
        name: "conditions",
        columns: &[("time_point", Text), ("key", Text), ("value", Text)],
        sql: "SELECT time_point, key, value FROM conditions WHERE run = ?1
              ORDER BY time_point DESC, key",
    },
    StoredTable {
        name: "events",
        columns: &[
            ("time_ns", Whole),
            ("kind", Text),
            ("count", Whole),
            ("message", Text),
        ],
        sql: "SELECT time_ns, kind, count, message FROM events WHERE run = ?1 ORDER BY seq",
    },
    StoredTable {
        name: "rails",
        columns: &[
            ("id", Whole),
            ("source", Text),
            ("name", Text),
            ("parent", Whole),
            ("kind", Text),
            ("unit", Text),
            ("interval_ns", Whole),
            ("kernel", Text),
            ("provenance", Text),
            ("idle_w", Real),
        ],
        sql: "SELECT l.id, l.source, l.name, l.parent, l.kind, l.unit, l.interval_ns, l.kernel,
                     l.provenance, b.power_w
              FROM rails l LEFT JOIN baselines b ON b.run = l.run AND b.rail = l.id
              WHERE l.run = ?1 ORDER BY l.id",
    },
    StoredTable {
        name: "samples",
        columns: &[
            ("rail", Whole),
            ("start_ns", Whole),
            ("end_ns", Whole),
            ("energy_j", Real),
            ("phase", Text),
        ],
        sql: "SELECT s.rail, s.start_ns, s.end_ns, s.energy_j, n.label
              FROM samples s
              LEFT JOIN nodes n ON n.run = s.run AND n.id = s.phase AND EXISTS (
                  SELECT 1 FROM callsites c
                  WHERE c.run = n.run AND c.id = n.callsite AND c.role = 'phase')
              WHERE s.run = ?1 ORDER BY s.start_ns, s.rail",
    },
    StoredTable {
        name: "threads",
        columns: &[
            ("id", Whole),
            ("tid", Whole),
            ("name", Text),
            ("role", Text),
            ("pid", Whole),
        ],
        sql: "SELECT t.id, t.tid, t.name, t.role, coalesce(p.pid, r.pid)
              FROM threads t JOIN runs r ON r.no = t.run
              LEFT JOIN processes p ON p.run = t.run AND p.id = t.process
              WHERE t.run = ?1 ORDER BY t.id",
    },
    StoredTable {
        name: "nodes",
        columns: &[
            ("id", Whole),
            ("parent", Whole),
            ("depth", Whole),
            ("label", Text),
            ("name", Text),
            ("role", Text),
            ("target", Text),
            ("file", Text),
            ("line", Whole),
            ("domain", Text),
            ("phase", Whole),
            ("section", Whole),
            ("token", Whole),
            ("layer", Whole),
            ("component", Whole),
            ("op", Whole),
            ("kind", Text),
        ],
        sql: "SELECT n.id, n.parent, n.depth, n.label, c.name, c.role, c.target, c.file, c.line,
                     c.domain, n.phase, n.section, n.token, n.layer, n.component, n.op, n.kind
              FROM nodes n LEFT JOIN callsites c ON c.run = n.run AND c.id = n.callsite
              WHERE n.run = ?1 ORDER BY n.id",
    },
    StoredTable {
        name: "balance",
        columns: &[
            ("rail", Whole),
            ("measured_j", Real),
            ("idle_j", Real),
            ("spans_j", Real),
            ("unattributed_j", Real),
            ("other_processes_j", Real),
            ("profiler_j", Real),
            ("residual_j", Real),
            ("unknown_j", Real),
            ("extrapolated_j", Real),
            ("peak_w", Real),
            ("peak_ns", Whole),
            ("covered_ns", Whole),
            ("lo_j", Real),
            ("hi_j", Real),
            ("duration_ns", Whole),
        ],
        sql: "SELECT rail, measured_j, idle_j, spans_j, unattributed_j, other_processes_j, profiler_j,
                     residual_j, unknown_j, extrapolated_j, peak_w, peak_ns, covered_ns, lo_j,
                     hi_j, duration_ns
              FROM balance WHERE run = ?1 AND attribution = ?2 ORDER BY rail",
    },
    StoredTable {
        name: "node_energy",
        columns: &[
            ("rail", Whole),
            ("node", Whole),
            ("self_j", Real),
            ("lo_j", Real),
            ("hi_j", Real),
            ("inclusive_j", Real),
            ("idle_j", Real),
            ("self_ns", Whole),
            ("activations", Whole),
            ("instances", Whole),
            ("min_w", Real),
            ("avg_w", Real),
            ("peak_w", Real),
            ("basis", Text),
            ("covered_ns", Whole),
            ("kind", Text),
        ],
        sql: "SELECT e.rail, e.node, e.self_j, e.lo_j, e.hi_j, e.inclusive_j, e.idle_j, e.self_ns,
                     e.activations, e.instances, e.min_w, e.avg_w, e.peak_w, e.basis, e.covered_ns,
                     n.kind
              FROM node_energy e LEFT JOIN nodes n ON n.run = e.run AND n.id = e.node
              WHERE e.run = ?1 AND e.attribution = ?2 ORDER BY e.rail, e.node",
    },
    StoredTable {
        name: "kind_energy",
        columns: &[
            ("rail", Whole),
            ("kind", Whole),
            ("name", Text),
            ("self_j", Real),
            ("lo_j", Real),
            ("hi_j", Real),
            ("extrapolated_j", Real),
            ("self_ns", Whole),
            ("power_w", Real),
            ("basis", Text),
            ("grouping", Whole),
            ("covered_ns", Whole),
        ],
        sql: "SELECT rail, kind, name, self_j, lo_j, hi_j, extrapolated_j, self_ns, power_w,
                     basis, nullif(grouping, 0), covered_ns
              FROM kind_energy WHERE run = ?1 AND attribution = ?2 ORDER BY rail, kind",
    },
    StoredTable {
        name: "phase_energy",
        columns: &[
            ("rail", Whole),
            ("node", Whole),
            ("phase", Text),
            ("duration_ns", Whole),
            ("energy_j", Real),
            ("idle_j", Real),
            ("spans_j", Real),
            ("peak_w", Real),
            ("measured_j", Real),
            ("extrapolated_j", Real),
            ("covered_ns", Whole),
            ("lo_j", Real),
            ("hi_j", Real),
        ],
        sql: "SELECT p.rail, p.node, coalesce(n.label, '(between)'), p.duration_ns,
                     CASE WHEN p.covered_ns IS NULL THEN p.energy_j
                          WHEN p.covered_ns * 2 >= p.duration_ns
                          THEN p.energy_j + p.extrapolated_j END,
                     CASE WHEN p.covered_ns IS NULL OR p.covered_ns = p.duration_ns THEN p.idle_j
                          WHEN p.covered_ns * 2 >= p.duration_ns
                          THEN p.idle_j * p.duration_ns / p.covered_ns END,
                     p.spans_j, p.peak_w, p.energy_j, p.extrapolated_j, p.covered_ns,
                     CASE WHEN p.covered_ns * 2 >= p.duration_ns THEN p.lo_j END,
                     CASE WHEN p.covered_ns * 2 >= p.duration_ns THEN p.hi_j END
              FROM phase_energy p
              LEFT JOIN nodes n ON n.run = p.run AND n.id = p.node AND EXISTS (
                  SELECT 1 FROM callsites c
                  WHERE c.run = n.run AND c.id = n.callsite AND c.role = 'phase')
              WHERE p.run = ?1 AND p.attribution = ?2
              ORDER BY p.rail, p.node IS NULL, p.node",
    },
    StoredTable {
        name: "span_energy",
        columns: &[
            ("span", Whole),
            ("rail", Whole),
            ("energy_j", Real),
            ("idle_j", Real),
            ("spans_j", Real),
            ("lo_j", Real),
            ("hi_j", Real),
            ("peak_w", Real),
            ("basis", Text),
            ("measured_j", Real),
            ("extrapolated_j", Real),
            ("covered_ns", Whole),
        ],
        sql: "SELECT e.span & 1099511627775, e.rail,
                     CASE WHEN e.covered_ns IS NULL THEN e.energy_j
                          WHEN e.covered_ns * 2 >= s.end_ns - s.start_ns
                          THEN e.energy_j + e.extrapolated_j END,
                     CASE WHEN e.covered_ns IS NULL OR e.covered_ns = s.end_ns - s.start_ns
                          THEN e.idle_j
                          WHEN e.covered_ns * 2 >= s.end_ns - s.start_ns
                          THEN e.idle_j * (s.end_ns - s.start_ns) / e.covered_ns END,
                     e.spans_j,
                     CASE WHEN e.covered_ns IS NULL OR e.covered_ns * 2 >= s.end_ns - s.start_ns
                          THEN e.lo_j END,
                     CASE WHEN e.covered_ns IS NULL OR e.covered_ns * 2 >= s.end_ns - s.start_ns
                          THEN e.hi_j END,
                     e.peak_w, e.basis, e.energy_j, e.extrapolated_j, e.covered_ns
              FROM span_energy e CROSS JOIN spans s ON s.id = e.span
              WHERE e.span BETWEEN ?3 AND ?4 AND e.attribution = ?2
              ORDER BY e.span, e.rail",
    },
    StoredTable {
        name: "span_events",
        columns: &[
            ("time_ns", Whole),
            ("thread", Whole),
            ("span", Whole),
            ("name", Text),
            ("target", Text),
            ("level", Text),
            ("fields", Text),
        ],
        sql: "SELECT m.time_ns, m.thread, m.span & 1099511627775, c.name, c.target, c.level,
                     m.json
              FROM span_events m LEFT JOIN callsites c ON c.run = m.run AND c.id = m.callsite
              WHERE m.run = ?1 ORDER BY m.seq",
    },
];

/// Calls `emit` with each row of a table.
///
/// # Errors
/// If the file cannot be read, or `emit` fails.
pub fn table_rows(
    recording: &Recording,
    run: &Run,
    table: &StoredTable,
    mut emit: impl FnMut(&[CellValue<'_>]) -> Result<()>,
) -> Result<()> {
    let (first, last) = span_ids(run.no);
    let bounds = [Some(run.no), run.attribution, Some(first), Some(last)];
    let mut statement = recording.connection().prepare(table.sql)?;
    let named = statement.parameter_count();
    let mut rows = statement.query(rusqlite::params_from_iter(bounds.iter().take(named)))?;
    while let Some(r) = rows.next()? {
        let values = table.columns.iter().enumerate();
        let values = values.map(|(at, (_, kind))| Ok(value(r.get_ref(at)?, *kind)));
        emit(&values.collect::<Result<Vec<_>>>()?)?;
    }
    Ok(())
}

/// Converts a value to its column's type; a value of another type (damaged file) is null.
fn value(value: ValueRef<'_>, kind: ColumnType) -> CellValue<'_> {
    match (value, kind) {
        (ValueRef::Integer(value), Whole) => CellValue::Whole(value),
        (ValueRef::Integer(value), Real) => CellValue::Real(value as f64),
        (ValueRef::Real(value), Real) => CellValue::Real(value),
        (ValueRef::Text(text), Text) => {
            std::str::from_utf8(text).map_or(CellValue::Null, CellValue::Text)
        }
        _ => CellValue::Null,
    }
}
