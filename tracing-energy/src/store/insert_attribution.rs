//! Writes what attribution made of a recording.

use rusqlite::{Connection, params};

use super::insert::each;
use super::pace::Pace;
use super::span_id;
use crate::sink::{
    AttributionRow, AttributionRows, BalanceRow, NodeEnergyRow, PhaseEnergyRow, SampleBalanceRow,
    SpanEnergyRow, WindowPowerRow,
};

/// Writes `rows` as attribution `id` of run number `run`; the head is not among them.
pub(super) fn rows(
    pace: &mut Pace<'_>,
    run: i64,
    id: u32,
    rows: &AttributionRows,
) -> rusqlite::Result<()> {
    sample_balance(pace, run, id, &rows.sample_balance)?;
    window_power(pace, run, id, &rows.window_power)?;
    span_energy(pace, run, id, &rows.span_energy)?;
    phase_energy(pace, run, id, &rows.phase_energy)?;
    node_energy(pace, run, id, &rows.node_energy)?;
    balance(pace, run, id, &rows.balance)
}

/// `attributions`; a REPLACE would cascade to everything it owns.
pub(super) fn head(
    connection: &Connection,
    run: i64,
    id: u32,
    row: &AttributionRow,
    created_unix_ns: i64,
) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO attributions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT DO UPDATE SET method = ?3, version = ?4, params = ?5, offset_ms = ?6,
            diagnostics = ?7";
    connection.prepare_cached(sql)?.execute(params![
        run,
        id,
        row.method,
        row.version,
        row.params,
        row.offset_ms,
        row.diagnostics,
        created_unix_ns
    ])?;
    Ok(())
}

fn sample_balance(
    pace: &mut Pace<'_>,
    run: i64,
    id: u32,
    rows: &[SampleBalanceRow],
) -> rusqlite::Result<()> {
    let sql = "
        INSERT OR REPLACE INTO sample_balance
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    each(pace, sql, rows, |statement, r| {
        let a = &r.accounts;
        statement.execute(params![
            run,
            id,
            r.rail,
            r.start_ns,
            r.end_ns,
            a.measured_j,
            a.idle_j,
            a.spans_j,
            a.outside_j,
            a.others_j,
            a.profiler_j,
            a.residual_j,
            r.phase
        ])
    })?;
    each(pace, SAMPLE_PHASE, rows, |statement, r| {
        statement.execute(params![run, r.rail, r.start_ns, r.phase])
    })
}

/// The balanced part may begin inside the sample, which the run's start cut.
const SAMPLE_PHASE: &str = "
    UPDATE samples SET phase = ?4
    WHERE run = ?1 AND rail = ?2 AND start_ns = (
        SELECT s.start_ns FROM samples s
        WHERE s.run = ?1 AND s.rail = ?2 AND s.start_ns <= ?3
        ORDER BY s.start_ns DESC LIMIT 1)";

fn window_power(
    pace: &mut Pace<'_>,
    run: i64,
    id: u32,
    rows: &[WindowPowerRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO window_power VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    each(pace, sql, rows, |statement, r| {
        statement.execute(params![
            run,
            id,
            r.rail,
            r.start_ns,
            r.end_ns,
            r.thread.unwrap_or(0),
            r.kind.unwrap_or(0),
            r.power_w
        ])
    })
}

fn span_energy(
    pace: &mut Pace<'_>,
    run: i64,
    id: u32,
    rows: &[SpanEnergyRow],
) -> rusqlite::Result<()> {
    let sql = "
        INSERT OR REPLACE INTO span_energy
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    each(pace, sql, rows, |statement, r| {
        statement.execute(params![
            span_id(run, r.span),
            id,
            r.rail,
            r.energy_j,
            r.idle_j,
            r.spans_j,
            r.lo_j,
            r.hi_j,
            r.peak_w,
            r.basis.name()
        ])
    })
}

fn phase_energy(
    pace: &mut Pace<'_>,
    run: i64,
    id: u32,
    rows: &[PhaseEnergyRow],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO phase_energy VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    each(pace, sql, rows, |statement, r| {
        statement.execute(params![
            run,
            id,
            r.node,
            r.rail,
            r.duration_ns,
            r.energy_j,
            r.idle_j,
            r.spans_j,
            r.peak_w
        ])
    })
}

fn node_energy(
    pace: &mut Pace<'_>,
    run: i64,
    id: u32,
    rows: &[NodeEnergyRow],
) -> rusqlite::Result<()> {
    let sql = "
        INSERT OR REPLACE INTO node_energy
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    each(pace, sql, rows, |statement, r| {
        statement.execute(params![
            run,
            id,
            r.node,
            r.rail,
            r.self_j,
            r.lo_j,
            r.hi_j,
            r.inclusive_j,
            r.idle_j,
            r.self_ns,
            r.activations as i64,
            r.instances as i64,
            r.min_w,
            r.avg_w,
            r.peak_w,
            r.basis.name()
        ])
    })
}

fn balance(pace: &mut Pace<'_>, run: i64, id: u32, rows: &[BalanceRow]) -> rusqlite::Result<()> {
    let sql = "
        INSERT OR REPLACE INTO balance
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    each(pace, sql, rows, |statement, r| {
        let a = &r.accounts;
        statement.execute(params![
            run,
            id,
            r.rail,
            a.measured_j,
            a.idle_j,
            a.spans_j,
            a.outside_j,
            a.others_j,
            a.profiler_j,
            a.residual_j,
            r.extrapolated_j,
            r.peak_w,
            r.peak_ns
        ])
    })
}
