//! Rows of the attribution that the recorder writes.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Row;

use super::numbered::rows;
use super::windows::{WindowCursor, WindowRow, WindowTable};
use crate::recording::named;
use crate::span_ids::span_id;
use crate::{Error, Store};
use energy_data::rows::{
    Accounts, AttributionRow, AttributionRows, Basis, PhaseEnergyRow, RailRow, Role,
    SampleBalanceRow, SpanEnergyRow, SpanRow, WindowPowerRow,
};

const HEAD: &str = "
    SELECT id, method, version, params, clock_offset_ns, diagnostics
    FROM attributions WHERE run = ?1 AND id = ?2";
const SAMPLE_BALANCE: &str = "
    SELECT rail, start_ns, end_ns, measured_j, idle_j, spans_j, unattributed_j,
           other_processes_j, profiler_j, residual_j, unknown_j, phase
    FROM sample_balance WHERE run = ?1 AND attribution = ?2 AND start_ns >= ?3
    ORDER BY start_ns, rail LIMIT ?4";
const WINDOW_POWER: &str = "
    SELECT rail, start_ns, end_ns, nullif(thread, 0), nullif(kind, 0), power_w
    FROM window_power WHERE run = ?1 AND attribution = ?2 AND start_ns >= ?3
    ORDER BY start_ns, thread, rail, kind LIMIT ?4";
const BALANCE_COUNT: &str = "
    SELECT count(*) FROM sample_balance
    WHERE run = ?1 AND attribution = ?2 AND start_ns >= ?3";
const POWER_COUNT: &str = "
    SELECT count(*) FROM window_power
    WHERE run = ?1 AND attribution = ?2 AND start_ns >= ?3";
const SPAN_ENERGY: &str = "
    SELECT rail, energy_j, idle_j, spans_j, lo_j, hi_j, peak_w, basis, covered_ns,
           extrapolated_j
    FROM span_energy WHERE span = ?1 AND attribution = ?2 ORDER BY rail";
const PHASE_ENERGY: &str = "
    SELECT node, rail, duration_ns, energy_j, idle_j, spans_j, peak_w, covered_ns,
           extrapolated_j, lo_j, hi_j, gap_j, edge_j
    FROM phase_energy WHERE run = ?1 AND attribution = ?2 ORDER BY node, rail";

/// Time after the end of a span after which no energy of it is expected any more.
const LATEST_NS: i64 = 120_000_000_000;
/// Maximum number of spans that are looked up in one poll.
const LOOK_UP: usize = 4_096;

/// A span that has ended and waits for its energies.
#[derive(Debug, Clone, Copy)]
struct AwaitedSpan {
    row: SpanRow,
    /// Whether its role gives it a row for each rail.
    always: bool,
}

/// The rows that were read.
#[derive(Debug)]
pub(super) struct EnergyCursor {
    /// The attribution.
    shown: Option<u32>,
    head: Option<AttributionRow>,
    balances: WindowCursor<SampleBalanceRow>,
    powers: WindowCursor<WindowPowerRow>,
    awaited: BTreeMap<u64, AwaitedSpan>,
    newest_ns: i64,
    phases: Vec<PhaseEnergyRow>,
    totals: Vec<energy_data::rows::BalanceRow>,
}

impl EnergyCursor {
    pub(super) fn new() -> Self {
        Self {
            shown: None,
            head: None,
            balances: WindowCursor::new(WindowTable {
                rows: SAMPLE_BALANCE,
                count: BALANCE_COUNT,
                read: sample_balance,
            }),
            powers: WindowCursor::new(WindowTable {
                rows: WINDOW_POWER,
                count: POWER_COUNT,
                read: window_power,
            }),
            awaited: BTreeMap::new(),
            newest_ns: i64::MIN,
            phases: Vec::new(),
            totals: Vec::new(),
        }
    }

    /// Continues after the windows that are in the file, of which `newest_ns` is the last start.
    pub(super) fn skip(
        &mut self,
        store: &Store,
        key: (i64, u32),
        newest_ns: i64,
    ) -> Result<(), Error> {
        self.balances.skip(store, key, newest_ns)?;
        self.powers.skip(store, key, newest_ns)
    }

    /// Returns the number of windows that are not reported.
    pub(super) fn skipped(&self) -> i64 {
        self.balances.skipped() + self.powers.skipped()
    }

    /// Returns the attribution that is followed.
    pub(super) fn shown(&self) -> Option<u32> {
        self.shown
    }

    /// Returns whether the totals of a run that ended at `end_ns` were read.
    pub(super) fn has_totals(&self, end_ns: i64) -> bool {
        let is_whole = |row: &energy_data::rows::BalanceRow| row.duration_ns >= Some(end_ns);
        !self.totals.is_empty() && self.totals.iter().all(is_whole)
    }

    /// Waits for the energies of spans that have ended.
    pub(super) fn await_spans(
        &mut self,
        spans: &[SpanRow],
        rails: &BTreeMap<u32, RailRow>,
        role: impl Fn(u32) -> Option<Role>,
    ) {
        let shortest = rails.values().map(|rail| rail.interval_ns).min();
        for row in spans.iter().filter(|row| row.end_ns.is_some()) {
            let always = matches!(
                role(row.node),
                Some(Role::Run | Role::Phase | Role::Section | Role::Token)
            );
            if always || shortest.is_some_and(|shortest| is_long(row, shortest)) {
                self.awaited
                    .insert(row.seq, AwaitedSpan { row: *row, always });
            }
        }
    }

    /// Adds new rows to `new`, of which `left` are allowed. `is_ended`: totals and all remaining
    /// rows are read. What was added before an error is not read again.
    pub(super) fn read(
        &mut self,
        store: &Store,
        run: i64,
        rails: &BTreeMap<u32, RailRow>,
        (left, is_ended): (&mut usize, bool),
        new: &mut AttributionRows,
    ) -> Result<(), Error> {
        self.shown = match self.shown {
            Some(id) => Some(id),
            None => store.shown_attribution(run)?,
        };
        let Some(id) = self.shown else {
            return Ok(());
        };
        let head = rows(store, HEAD, (run, id), head)?.pop();
        if head != self.head {
            new.head.clone_from(&head);
            self.head = head;
        }
        let key = (run, id);
        new.sample_balance = self
            .balances
            .read(store, key, (left, rails.len(), is_ended))?;
        new.window_power = self
            .powers
            .read(store, key, (left, rails.len(), is_ended))?;
        if is_ended {
            let late = self.balances.read_late(store, key, left)?;
            new.sample_balance.extend(late);
            let late = self.powers.read_late(store, key, left)?;
            new.window_power.extend(late);
        }
        let ends = new.sample_balance.iter().map(|row| row.end_ns);
        self.newest_ns = ends.fold(self.newest_ns, i64::max);
        new.span_energy = self.span_energies(store, key, rails)?;
        if is_ended {
            let phases = rows(store, PHASE_ENERGY, key, phase_energy)?;
            let is_new = |row: &&PhaseEnergyRow| !self.phases.contains(row);
            new.phase_energy = phases.iter().filter(is_new).copied().collect();
            self.phases = phases;
            let totals = store.balances(run, id)?.all()?;
            let is_new = |row: &&energy_data::rows::BalanceRow| !self.totals.contains(row);
            new.balance = totals.iter().filter(is_new).copied().collect();
            self.totals = totals;
        }
        Ok(())
    }

    /// Looks up the energies of awaited spans that windows cover.
    fn span_energies(
        &mut self,
        store: &Store,
        (run, id): (i64, u32),
        rails: &BTreeMap<u32, RailRow>,
    ) -> Result<Vec<SpanEnergyRow>, Error> {
        let mut found = Vec::new();
        let mut done = BTreeSet::new();
        let is_due = |awaited: &AwaitedSpan| awaited.row.end_ns <= Some(self.newest_ns);
        let due = self.awaited.iter().filter(|(_, awaited)| is_due(awaited));
        for (seq, awaited) in due.take(LOOK_UP) {
            let read = |r: &Row<'_>| span_energy(*seq, r);
            let energies = rows(store, SPAN_ENERGY, (span_id(run, *seq), id), read)?;
            let is_long_on = |rail: &&RailRow| is_long(&awaited.row, rail.interval_ns);
            let expected = match awaited.always {
                true => rails.len(),
                false => rails.values().filter(is_long_on).count(),
            };
            let end_ns = awaited.row.end_ns.unwrap_or(i64::MAX);
            let is_late = end_ns < self.newest_ns.saturating_sub(LATEST_NS);
            if energies.len() >= expected || is_late {
                done.insert(*seq);
                found.extend(energies);
            }
        }
        self.awaited.retain(|seq, _| !done.contains(seq));
        Ok(found)
    }

    /// Returns the energies of spans that still wait, whatever rails they have. Called once, when
    /// the run has ended.
    pub(super) fn remaining(
        &mut self,
        store: &Store,
        run: i64,
    ) -> Result<Vec<SpanEnergyRow>, Error> {
        let mut found = Vec::new();
        if let Some(id) = self.shown {
            for seq in self.awaited.keys() {
                let read = |r: &Row<'_>| span_energy(*seq, r);
                found.extend(rows(store, SPAN_ENERGY, (span_id(run, *seq), id), read)?);
            }
        }
        self.awaited.clear();
        Ok(found)
    }
}

/// Returns whether a span lasts more than two windows: it then has its own energy.
fn is_long(row: &SpanRow, window_ns: i64) -> bool {
    let end_ns = row.end_ns.unwrap_or(row.start_ns);
    end_ns.saturating_sub(row.start_ns) > window_ns.saturating_mul(2)
}

fn head(r: &Row<'_>) -> rusqlite::Result<AttributionRow> {
    Ok(AttributionRow {
        id: r.get(0)?,
        method: r.get(1)?,
        version: r.get(2)?,
        params: r.get(3)?,
        clock_offset_ns: r.get(4)?,
        diagnostics: r.get(5)?,
    })
}

fn sample_balance(r: &Row<'_>) -> rusqlite::Result<WindowRow<SampleBalanceRow>> {
    let row = SampleBalanceRow {
        rail: r.get(0)?,
        start_ns: r.get(1)?,
        end_ns: r.get(2)?,
        accounts: Accounts {
            measured_j: r.get(3)?,
            idle_j: r.get(4)?,
            spans_j: r.get(5)?,
            unattributed_j: r.get(6)?,
            other_processes_j: r.get(7)?,
            profiler_j: r.get(8)?,
            residual_j: r.get(9)?,
            unknown_j: r.get(10)?,
        },
        phase: r.get(11)?,
    };
    Ok(((row.start_ns, row.rail, 0, 0), row.end_ns, row))
}

fn window_power(r: &Row<'_>) -> rusqlite::Result<WindowRow<WindowPowerRow>> {
    let row = WindowPowerRow {
        rail: r.get(0)?,
        start_ns: r.get(1)?,
        end_ns: r.get(2)?,
        thread: r.get(3)?,
        kind: r.get(4)?,
        power_w: r.get(5)?,
    };
    let (thread, kind) = (row.thread.unwrap_or(0), row.kind.unwrap_or(0));
    Ok(((row.start_ns, row.rail, thread, kind), row.end_ns, row))
}

fn span_energy(span: u64, r: &Row<'_>) -> rusqlite::Result<SpanEnergyRow> {
    Ok(SpanEnergyRow {
        span,
        rail: r.get(0)?,
        energy_j: r.get(1)?,
        idle_j: r.get(2)?,
        spans_j: r.get(3)?,
        lo_j: r.get(4)?,
        hi_j: r.get(5)?,
        peak_w: r.get(6)?,
        basis: named(r, 7, Basis::from_name)?,
        covered_ns: r.get::<_, Option<i64>>(8)?.unwrap_or(0),
        extrapolated_j: r.get::<_, Option<f64>>(9)?.unwrap_or(0.0),
    })
}

fn phase_energy(r: &Row<'_>) -> rusqlite::Result<PhaseEnergyRow> {
    Ok(PhaseEnergyRow {
        node: r.get(0)?,
        rail: r.get(1)?,
        duration_ns: r.get(2)?,
        energy_j: r.get(3)?,
        idle_j: r.get(4)?,
        spans_j: r.get(5)?,
        peak_w: r.get(6)?,
        covered_ns: r.get::<_, Option<i64>>(7)?.unwrap_or(0),
        extrapolated_j: r.get(8)?,
        lo_j: r.get(9)?,
        hi_j: r.get(10)?,
        gap_j: r.get(11)?,
        edge_j: r.get(12)?,
    })
}
