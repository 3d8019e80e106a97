//! Writes rows of a recording to their tables.

use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension, params};

use super::chunked_transaction::ChunkedTransaction;
use crate::span_ids::span_id;
use energy_data::rows::{
    BaselineRow, CallsiteRow, ConditionRow, CpuRow, CpuScope, DeviceUseRow, EventRow, FieldsRow,
    InstanceRow, LinkRow, NodeRow, NodeWindowRow, ProcessRow, RailRow, Role, RunRow, SampleRow,
    SensorMetricRow, SpanEventRow, SpanRow, ThreadRow,
};

/// Writes each row with one prepared statement.
pub(super) fn each<T>(
    transaction: &mut ChunkedTransaction<'_>,
    sql: &str,
    rows: &[T],
    bind: impl Fn(&mut rusqlite::CachedStatement<'_>, &T) -> rusqlite::Result<usize>,
) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut statement = transaction.connection().prepare_cached(sql)?;
    for row in rows {
        bind(&mut statement, row)?;
        transaction.count_row()?;
    }
    Ok(())
}

/// Returns the number of the run with that uuid, or the next free number for a new one.
pub(super) fn run_number(connection: &Connection, uuid: &str) -> rusqlite::Result<i64> {
    let known = connection
        .query_row("SELECT no FROM runs WHERE uuid = ?1", [uuid], |r| r.get(0))
        .optional()?;
    match known {
        Some(no) => Ok(no),
        None => connection.query_row("SELECT coalesce(max(no), 0) + 1 FROM runs", [], |r| {
            r.get(0)
        }),
    }
}

/// Writes the run; a REPLACE would delete its rows by cascade.
pub(super) fn run(
    connection: &Connection,
    no: i64,
    row: &RunRow,
    heartbeat_unix_ns: i64,
) -> rusqlite::Result<()> {
    let m = &row.metadata;
    let values: [&dyn ToSql; 26] = [
        &no,
        &row.uuid,
        &m.name,
        &row.status.name(),
        &row.pid,
        &row.pid_start,
        &row.boot_id,
        &heartbeat_unix_ns,
        &row.start_unix_ns,
        &row.end_ns,
        &row.host,
        &row.os,
        &row.chip,
        &row.version,
        &m.model,
        &m.prompt,
        &m.response,
        &m.engine,
        &m.precision,
        &m.batch,
        &m.input_tokens,
        &m.output_tokens,
        &m.experiment,
        &m.config,
        &row.parent_run,
        &row.host_id,
    ];
    connection.prepare_cached(RUN)?.execute(&values[..])?;
    connection
        .prepare_cached("DELETE FROM run_tags WHERE run = ?1")?
        .execute([no])?;
    let mut tag =
        connection.prepare_cached("INSERT OR REPLACE INTO run_tags VALUES (?1, ?2, ?3)")?;
    for (key, value) in &m.tags {
        tag.execute(params![no, key, value])?;
    }
    Ok(())
}

const RUN: &str = "
    INSERT INTO runs (no, uuid, name, status, pid, pid_start, boot_id, heartbeat_unix_ns,
        start_unix_ns, end_ns, host, os, chip, version, model, prompt, response, engine,
        precision, batch, input_tokens, output_tokens, experiment, config, parent_run, host_id)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
        ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)
    ON CONFLICT (no) DO UPDATE SET name = ?3, status = ?4, pid = ?5, pid_start = ?6,
        boot_id = ?7, heartbeat_unix_ns = ?8, start_unix_ns = ?9, end_ns = ?10, host = ?11,
        os = ?12, chip = ?13, version = ?14, model = ?15, prompt = ?16, response = ?17,
        engine = ?18, precision = ?19, batch = ?20, input_tokens = ?21, output_tokens = ?22,
        experiment = ?23, config = ?24, parent_run = ?25,
        host_id = ?26";

/// `rails`.
pub(super) fn rails(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[RailRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO rails VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![
            run,
            r.id,
            r.source,
            r.name,
            r.parent,
            r.kind.name(),
            r.unit,
            r.interval_ns,
            r.kernel.to_string(),
            r.provenance.name()
        ])
    })
}

/// `threads`.
pub(super) fn threads(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[ThreadRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO threads VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![run, r.id, r.tid, r.name, r.role.name(), r.process])
    })
}

/// `sensor_metrics`.
pub(super) fn sensor_metrics(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[SensorMetricRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO sensor_metrics VALUES (?1, ?2, ?3, ?4, ?5)";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![run, r.name, r.start_ns, r.end_ns, r.value])
    })
}

/// `device_use`.
pub(super) fn device_use(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[DeviceUseRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO device_use VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![
            run,
            r.rail,
            r.start_ns,
            r.end_ns,
            r.own_ns,
            r.other_processes_ns,
            r.unknown_ns
        ])
    })
}

/// `processes`.
pub(super) fn processes(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[ProcessRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO processes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    each(transaction, sql, rows, |statement, r| {
        let observed = (r.start_ns, r.end_ns);
        statement.execute(params![
            run,
            r.id,
            r.pid,
            r.pid_start,
            r.name,
            observed.0,
            observed.1,
            r.has_spans
        ])
    })
}

/// `callsites`.
pub(super) fn callsites(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[CallsiteRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO callsites VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![
            run,
            r.id,
            r.name,
            r.target,
            r.level,
            r.file,
            r.line,
            r.domain.name(),
            r.role.map(Role::name)
        ])
    })
}

/// `nodes`: each inherits its parent's topmost node of each role; the first node of a role
/// on a path is itself the topmost. A kind without a name is the path, as in
/// [`Kinds`](crate::attribution::Kinds).
pub(super) fn nodes(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[NodeRow],
) -> rusqlite::Result<()> {
    each(transaction, NODE, rows, |statement, r| {
        statement.execute(params![
            run, r.id, r.parent, r.callsite, r.label, r.depth, r.kind
        ])
    })
}

const NODE: &str = "
    INSERT OR REPLACE INTO nodes
    SELECT ?1, ?2, ?3, ?4, ?5, ?6,
           coalesce(p.phase, iif(c.role = 'phase', ?2, NULL)),
           coalesce(p.section, iif(c.role = 'section', ?2, NULL)),
           coalesce(p.token, iif(c.role = 'token', ?2, NULL)),
           coalesce(p.layer, iif(c.role = 'layer', ?2, NULL)),
           coalesce(p.component, iif(c.role = 'component', ?2, NULL)),
           coalesce(p.op, iif(c.role = 'op', ?2, NULL)),
           coalesce(?7, coalesce(p.kind || ' > ', '') || coalesce(c.name, ?5))
    FROM (SELECT 1)
    LEFT JOIN nodes p ON p.run = ?1 AND p.id = ?3
    LEFT JOIN callsites c ON c.run = ?1 AND c.id = ?4";

/// `instances`.
pub(super) fn instances(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[InstanceRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO instances VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![
            run,
            r.id as i64,
            r.callsite,
            r.parent.map(|id| id as i64),
            r.created_ns,
            r.closed_ns
        ])
    })
}

/// `spans`: REPLACE, because an open row's end is written later. Measured: 1.4 M rows per
/// CPU second with 32 rows in a statement, 1.15 M with 8, 0.9 M with one.
pub(super) fn spans(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[SpanRow],
) -> rusqlite::Result<()> {
    let (groups, remainder) = rows.as_chunks::<SPANS>();
    each(
        transaction,
        &insert_spans(SPANS),
        groups,
        |statement, group| bind_spans(statement, run, group),
    )?;
    each(
        transaction,
        &insert_spans(1),
        remainder,
        |statement, row| bind_spans(statement, run, std::slice::from_ref(row)),
    )
}

/// Number of spans in one statement.
const SPANS: usize = 32;

fn insert_spans(count: usize) -> String {
    let rows = vec!["(?, ?, ?, ?, ?, ?, ?, ?)"; count];
    format!("INSERT OR REPLACE INTO spans VALUES {}", rows.join(", "))
}

fn bind_spans(
    statement: &mut rusqlite::CachedStatement<'_>,
    run: i64,
    rows: &[SpanRow],
) -> rusqlite::Result<usize> {
    for (r, first) in rows.iter().zip((1..).step_by(8)) {
        statement.raw_bind_parameter(first, span_id(run, r.seq))?;
        statement.raw_bind_parameter(first + 1, r.node)?;
        statement.raw_bind_parameter(first + 2, r.instance.map(|id| id as i64))?;
        statement.raw_bind_parameter(first + 3, r.parent.map(|seq| seq as i64))?;
        statement.raw_bind_parameter(first + 4, r.thread)?;
        statement.raw_bind_parameter(first + 5, r.start_ns)?;
        statement.raw_bind_parameter(first + 6, r.end_ns)?;
        statement.raw_bind_parameter(first + 7, r.token)?;
    }
    statement.raw_execute()
}

/// `span_fields`.
pub(super) fn fields(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[FieldsRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO span_fields VALUES (?1, ?2)";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![span_id(run, r.span), r.json])
    })
}

/// `node_windows`: a later row for the same window is added to it.
pub(super) fn node_windows(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[NodeWindowRow],
) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO node_windows VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT DO UPDATE SET self_ns = self_ns + ?6, activations = activations + ?7";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![
            run,
            r.node,
            r.thread,
            r.start_ns,
            r.end_ns,
            r.self_ns,
            r.activations as i64
        ])
    })
}

/// `links`.
pub(super) fn links(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[LinkRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO links VALUES (?1, ?2, ?3)";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![run, span_id(run, r.span), span_id(run, r.follows)])
    })
}

/// `span_events`, numbered after the last one.
pub(super) fn span_events(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[SpanEventRow],
) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO span_events
        SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4, ?5, ?6 FROM span_events WHERE run = ?1";
    each(transaction, sql, rows, |statement, r| {
        let span = r.span.map(|seq| span_id(run, seq));
        statement.execute(params![run, r.time_ns, r.thread, span, r.callsite, r.json])
    })
}

/// `cpu`.
pub(super) fn cpu(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[CpuRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO cpu VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    each(transaction, sql, rows, |statement, r| {
        let (scope, thread) = scope_of(r.scope);
        statement.execute(params![
            run,
            scope,
            thread,
            r.start_ns,
            r.end_ns,
            r.on_cpu_ns
        ])
    })
}

/// Returns scope and thread of a row of `cpu`.
fn scope_of(scope: CpuScope) -> (&'static str, u32) {
    match scope {
        CpuScope::Thread(id) => ("thread", id),
        CpuScope::Process => ("process", 0),
        CpuScope::Machine => ("machine", 0),
        CpuScope::Sensor => ("sensor", 0),
        CpuScope::Child(id) => ("child", id),
    }
}

/// `samples`; attribution sets the phase later.
pub(super) fn samples(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[SampleRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO samples VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![run, r.rail, r.start_ns, r.end_ns, r.energy_j])
    })
}

/// `baselines`.
pub(super) fn baselines(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[BaselineRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO baselines VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![
            run, r.rail, r.start_ns, r.end_ns, r.power_w, r.samples, r.spread_w
        ])
    })
}

/// `conditions`.
pub(super) fn conditions(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[ConditionRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO conditions VALUES (?1, ?2, ?3, ?4)";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![run, r.time_point.name(), r.key, r.value])
    })
}

/// `events`, numbered after the last one; never split over transactions.
pub(super) fn events(connection: &Connection, run: i64, rows: &[EventRow]) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO events
        SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4, ?5 FROM events WHERE run = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    for r in rows {
        statement.execute(params![run, r.time_ns, r.kind, r.count as i64, r.message])?;
    }
    Ok(())
}
