//! Writes the rows of attributions.

use rusqlite::{Connection, params};

use super::chunked_transaction::ChunkedTransaction;
use super::insert::each;
use crate::span_ids::span_id;
use energy_data::rows::{
    AttributionRow, AttributionRows, BalanceRow, KindEnergyRow, KindFitRow, KindGroupRow,
    NodeEnergyRow, PhaseEnergyRow, SampleBalanceRow, SpanEnergyRow, WindowPowerRow,
};

/// Writes `rows`, except the head, as attribution `id` of run number `run`.
pub(super) fn rows(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    id: u32,
    rows: &AttributionRows,
) -> rusqlite::Result<()> {
    sample_balance(transaction, run, id, &rows.sample_balance)?;
    sample_phase(transaction, run, &rows.sample_balance)?;
    window_power(transaction, run, id, &rows.window_power)?;
    span_energy(transaction, run, id, &rows.span_energy)?;
    phase_energy(transaction, run, id, &rows.phase_energy)?;
    node_energy(transaction, run, id, &rows.node_energy)?;
    balance(transaction, run, id, &rows.balance)?;
    kind_energy(transaction, run, id, &rows.kind_energy)?;
    kind_groups(transaction, run, id, &rows.kind_groups)?;
    kind_fits(transaction, run, id, &rows.kind_fits)
}

/// `attributions`; a REPLACE would delete its rows by cascade.
pub(super) fn head(
    connection: &Connection,
    run: i64,
    id: u32,
    row: &AttributionRow,
    created_unix_ns: i64,
) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO attributions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT DO UPDATE SET method = ?3, version = ?4, params = ?5, clock_offset_ns = ?6,
            diagnostics = ?7";
    connection.prepare_cached(sql)?.execute(params![
        run,
        id,
        row.method,
        row.version,
        row.params,
        row.clock_offset_ns,
        row.diagnostics,
        created_unix_ns
    ])?;
    Ok(())
}

/// Defines one function per table: REPLACE, with a value for each column.
macro_rules! tables {
    ($($table:ident: $row:ty, |$run:ident, $id:ident, $r:ident| [$($value:expr),* $(,)?];)*) => {$(
        fn $table(
            transaction: &mut ChunkedTransaction<'_>,
            $run: i64,
            $id: u32,
            rows: &[$row],
        ) -> rusqlite::Result<()> {
            let columns = [$(stringify!($value)),*].map(|_| "?").join(", ");
            let sql = concat!("INSERT OR REPLACE INTO ", stringify!($table));
            each(transaction, &format!("{sql} VALUES ({columns})"), rows, |statement, $r| {
                statement.execute(params![$($value),*])
            })
        }
    )*};
}

tables! {
    sample_balance: SampleBalanceRow, |run, id, r| [
        run, id, r.rail, r.start_ns, r.end_ns, r.accounts.measured_j, r.accounts.idle_j,
        r.accounts.spans_j, r.accounts.unattributed_j, r.accounts.other_processes_j,
        r.accounts.profiler_j, r.accounts.residual_j, r.accounts.unknown_j, r.phase,
    ];
    window_power: WindowPowerRow, |run, id, r| [
        run, id, r.rail, r.start_ns, r.end_ns, r.thread.unwrap_or(0), r.kind.unwrap_or(0),
        r.power_w,
    ];
    span_energy: SpanEnergyRow, |run, id, r| [
        span_id(run, r.span), id, r.rail, r.covered_ns, r.energy_j, r.extrapolated_j, r.lo_j,
        r.hi_j, r.idle_j, r.spans_j, r.peak_w, r.basis.name(),
    ];
    phase_energy: PhaseEnergyRow, |run, id, r| [
        run, id, r.node, r.rail, r.duration_ns, r.covered_ns, r.energy_j, r.extrapolated_j,
        r.lo_j, r.hi_j, r.gap_j, r.edge_j, r.idle_j, r.spans_j, r.peak_w,
    ];
    node_energy: NodeEnergyRow, |run, id, r| [
        run, id, r.node, r.rail, r.self_j, r.lo_j, r.hi_j, r.inclusive_j, r.idle_j, r.self_ns,
        r.covered_ns, r.activations as i64, r.instances as i64, r.min_w, r.avg_w, r.peak_w,
        r.basis.name(),
    ];
    balance: BalanceRow, |run, id, r| [
        run, id, r.rail, r.accounts.measured_j, r.accounts.idle_j, r.accounts.spans_j,
        r.accounts.unattributed_j, r.accounts.other_processes_j, r.accounts.profiler_j,
        r.accounts.residual_j, r.accounts.unknown_j, r.extrapolated_j, r.duration_ns,
        r.covered_ns, r.lo_j, r.hi_j, r.peak_w, r.peak_ns,
    ];
    kind_energy: KindEnergyRow, |run, id, r| [
        run, id, r.rail, r.kind, r.name, r.self_j, r.lo_j, r.hi_j, r.extrapolated_j, r.self_ns,
        r.covered_ns, r.power_w, r.basis.name(), r.grouping.unwrap_or(0),
    ];
    kind_groups: KindGroupRow, |run, id, r| [
        run, id, r.rail, r.grouping, r.self_j, r.lo_j, r.hi_j,
    ];
    kind_fits: KindFitRow, |run, id, r| [
        run, id, r.rail, serde_json::json!(r.kinds).to_string(), bytes(&r.ln_power),
        bytes(&r.covariance),
    ];
}

/// Encodes numbers as little-endian f64.
fn bytes(numbers: &[f64]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

/// Sets the phase of samples. A balanced interval may begin inside its sample, at the run's
/// start.
fn sample_phase(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    rows: &[SampleBalanceRow],
) -> rusqlite::Result<()> {
    let sql = "
        UPDATE samples SET phase = ?4
        WHERE run = ?1 AND rail = ?2 AND start_ns = (
            SELECT s.start_ns FROM samples s
            WHERE s.run = ?1 AND s.rail = ?2 AND s.start_ns <= ?3
            ORDER BY s.start_ns DESC LIMIT 1)";
    each(transaction, sql, rows, |statement, r| {
        statement.execute(params![run, r.rail, r.start_ns, r.phase])
    })
}
