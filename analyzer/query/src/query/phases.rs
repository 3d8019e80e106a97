//! Interval energies of phases: all energy measured by the root rails during them.

use std::collections::BTreeMap;

use energy_data::interval_energy::{IntervalEnergy, RailInterval};
use rusqlite::Row;
use serde::Serialize;

use super::coverage;
use super::ledger::rails;
use super::run_filter::numbers;
use super::{Recording, Run, average_w, sum_known};
use crate::error::Result;

/// Name of the row for time outside of phases; the only row if no span has the role
/// `phase`.
pub const BETWEEN: &str = "(between)";

/// Returns `rows`, or nothing if the only row is the time outside of phases.
pub fn named_phases(rows: &[Phase]) -> &[Phase] {
    match rows.iter().all(|row| row.phase == BETWEEN) {
        true => &[],
        false => rows,
    }
}

/// One phase, summed over its activations.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Phase {
    /// Span name, or [`BETWEEN`].
    pub phase: String,
    /// Number of entered spans; `None` if only totals were kept, and for [`BETWEEN`].
    pub instances: Option<i64>,
    /// Duration.
    pub duration_ns: Option<i64>,
    /// Energy of the root rails in its time: measured plus extrapolated. `None` if samples
    /// cover less than half of it.
    pub energy_j: Option<f64>,
    /// Lower end of its 90 % interval.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Measured part of `energy_j`.
    pub measured_j: Option<f64>,
    /// Part of `energy_j` that is estimated for time without samples.
    pub extrapolated_j: Option<f64>,
    /// Share of its time covered by samples, if known.
    pub coverage: Option<f64>,
    /// Why its energy is unknown, if samples are missing.
    pub reason: Option<String>,
    /// `energy_j - idle_j`, clamped to 0 on each rail.
    pub active_j: Option<f64>,
    /// Idle part of `energy_j`.
    pub idle_j: Option<f64>,
    /// Inclusive ledger energy of its spans.
    pub spans_j: Option<f64>,
    /// Energy over time.
    pub avg_w: Option<f64>,
    /// Highest mean power of samples in its time that are long enough together. `None` with several
    /// root rails, which have peaks at different times. Also `None` if the mean power of the phase is
    /// higher: the phase is shorter than such a sample.
    pub peak_w: Option<f64>,
    /// Share of the energy of all phases.
    pub share: Option<f64>,
    /// Energy-delay product in joule-seconds.
    pub energy_delay_js: Option<f64>,
    /// Energies of the rails, in the order of rails.
    #[serde(skip)]
    pub(super) rails: Vec<RailInterval>,
}

/// Reads the phases in the order of their first start, `(between)` last. They sum to the
/// run's totals.
///
/// # Errors
/// If the file cannot be read.
pub fn phases(recording: &Recording, run: &Run) -> Result<Vec<Phase>> {
    phases_on(recording, run, None)
}

/// Like [`phases`], on root rails or on the named rail.
///
/// # Errors
/// If the file cannot be read, or the run has no rail of that name.
pub fn phases_on(recording: &Recording, run: &Run, rail: Option<&str>) -> Result<Vec<Phase>> {
    let rails: Vec<String> = rails(recording, run, rail)?
        .iter()
        .map(i64::to_string)
        .collect();
    // Same as the view `v_phases`, for the shown attribution.
    let sql = format!(
        "
        SELECT {PHASE_COLUMNS}
        FROM phase_energy p
        LEFT JOIN nodes n ON n.run = p.run AND n.id = p.node AND {IS_PHASE}
        WHERE p.run = ?1 AND p.attribution = ?2 AND p.rail IN ({})
        ORDER BY n.id IS NULL, n.id, p.rail",
        rails.join(",")
    );
    let mut statement = recording.connection().prepare_cached(&sql)?;
    let rows = statement.query_map((run.no, run.attribution), read)?;
    let rows = rows.collect::<rusqlite::Result<Vec<PhaseOnRail>>>()?;
    let by_node = rows.chunk_by(|a, b| a.node == b.node);
    let mut phases: Vec<Phase> = by_node.map(Phase::of).collect();
    let total = whole(&phases).energy_j;
    for phase in &mut phases {
        phase.share = share(phase.energy_j, total);
    }
    Ok(phases)
}

/// SQL condition: node `n` is a phase. Older recordings reference root spans if no span has
/// the role `phase`; that time counts as outside of phases.
/// The topmost phase of its path is its own phase, which needs no look at its callsite.
pub(super) const IS_PHASE: &str = "(n.phase = n.id OR EXISTS (
    SELECT 1 FROM callsites c
    WHERE c.run = n.run AND c.id = n.callsite AND c.role = 'phase'))";

/// Columns read of a phase: from `phase_energy` as `p` and its node as `n`.
const PHASE_COLUMNS: &str = "
    p.run, n.id, coalesce(n.label, '(between)') AS phase, p.duration_ns, p.energy_j, p.idle_j,
    p.spans_j, p.peak_w, p.covered_ns, p.extrapolated_j, p.gap_j, p.edge_j, p.rail,
    p.lo_j, p.hi_j,
    (SELECT max(e.instances) FROM node_energy e
     WHERE e.run = p.run AND e.attribution = p.attribution AND e.node = n.id)";

/// Reads the [`phases`] of the shown attribution of all runs, or of those of the numbers `only`,
/// in one query, without shares; keyed by the run's number.
pub(super) fn phases_of_several(
    recording: &Recording,
    only: Option<&[i64]>,
) -> Result<BTreeMap<i64, Vec<Phase>>> {
    let sql = format!(
        "SELECT {PHASE_COLUMNS} FROM {} CROSS JOIN {ROOT_RAIL}
         LEFT JOIN nodes n ON n.run = p.run AND n.id = p.node AND {IS_PHASE}",
        shown_phases(only)
    );
    let mut statement = recording.connection().prepare(&sql)?;
    let rows = statement.query_map([], read)?;
    let mut rows = rows.collect::<rusqlite::Result<Vec<PhaseOnRail>>>()?;
    // They are nearly in this order already, which SQLite does not know.
    rows.sort_by_key(|row| (row.run, row.node.is_none(), row.node, row.rail));
    let mut all: BTreeMap<i64, Vec<Phase>> = BTreeMap::new();
    for phase in rows.chunk_by(|a, b| (a.run, a.node) == (b.run, b.node)) {
        all.entry(phase[0].run).or_default().push(Phase::of(phase));
    }
    Ok(all)
}

/// Table of root rails `r`, for a join with phases `p`.
pub(super) const ROOT_RAIL: &str =
    "rails r ON r.run = p.run AND r.id = p.rail AND r.parent IS NULL";

/// Returns the tables of phases on all rails, by the shown attribution of all runs or of those of the
/// numbers `only`: `phase_energy` as `p`.
pub(super) fn shown_phases(only: Option<&[i64]>) -> String {
    let is_read = match only {
        Some(only) => format!("run IN ({})", numbers(only)),
        None => "TRUE".to_owned(),
    };
    format!(
        "(SELECT run, max(id) AS id FROM attributions WHERE {is_read} GROUP BY run) a
         CROSS JOIN phase_energy p ON p.run = a.run AND p.attribution = a.id"
    )
}

/// Returns the energy of all these phases, summed over their rails.
pub(super) fn whole(phases: &[Phase]) -> IntervalEnergy {
    let rails: Vec<&[RailInterval]> = phases.iter().map(|p| p.rails.as_slice()).collect();
    whole_of(&rails)
}

/// Returns the energy of phases, of which each is given by its rails.
pub(super) fn whole_of(phases: &[&[RailInterval]]) -> IntervalEnergy {
    let rails = phases.iter().map(|rails| rails.len()).max();
    let on_rail = |at: usize| {
        let parts = phases.iter().filter_map(|rails| rails.get(at).copied());
        RailInterval::over_time(&parts.collect::<Vec<RailInterval>>())
    };
    let rails: Vec<RailInterval> = (0..rails.unwrap_or(0)).map(on_rail).collect();
    IntervalEnergy::over_rails(&rails)
}

/// Returns the energy of all phases with these names; `None` if there are none, or samples cover too
/// little of them together.
pub(super) fn energy_of(phases: &[Phase], names: &[&str]) -> Option<f64> {
    let is_named = |phase: &&Phase| names.contains(&phase.phase.as_str());
    let named: Vec<Phase> = phases.iter().filter(is_named).cloned().collect();
    whole(&named).energy_j
}

/// Returns whether a mean power exceeds a peak by more than rounding.
pub(super) fn is_above(average_w: Option<f64>, peak_w: f64) -> bool {
    average_w.is_some_and(|average_w| average_w > peak_w + 1e-9 * peak_w.abs())
}

pub(super) fn share(part: Option<f64>, total: Option<f64>) -> Option<f64> {
    let share = part? / total.filter(|total| *total != 0.0)?;
    share.is_finite().then_some(share)
}

/// One row of one phase on one rail.
#[derive(Debug)]
struct PhaseOnRail {
    run: i64,
    rail: i64,
    node: Option<i64>,
    instances: Option<i64>,
    phase: String,
    spans_j: Option<f64>,
    peak_w: Option<f64>,
    interval: RailInterval,
}

fn read(r: &Row<'_>) -> rusqlite::Result<PhaseOnRail> {
    let interval = RailInterval {
        duration_ns: r.get(3)?,
        covered_ns: r.get(8)?,
        measured_j: r.get(4)?,
        idle_j: r.get(5)?,
        extrapolated_j: r.get(9)?,
        gap_j: r.get(10)?,
        edge_j: r.get(11)?,
        ends_j: r.get::<_, Option<f64>>(13)?.zip(r.get(14)?),
    };
    Ok(PhaseOnRail {
        run: r.get(0)?,
        rail: r.get(12)?,
        node: r.get(1)?,
        instances: r.get(15)?,
        phase: r.get(2)?,
        spans_j: r.get(6)?,
        peak_w: r.get(7)?,
        interval,
    })
}

impl Phase {
    /// Creates a phase from its rows, in the order of rails. Time outside of phases may
    /// have several rows per rail.
    fn of(rows: &[PhaseOnRail]) -> Self {
        let by_rail = rows.chunk_by(|a, b| a.rail == b.rail);
        let interval = |rows: &[PhaseOnRail]| match rows {
            [only] => only.interval,
            several => {
                let parts: Vec<RailInterval> = several.iter().map(|row| row.interval).collect();
                RailInterval::over_time(&parts)
            }
        };
        let intervals: Vec<RailInterval> = by_rail.map(interval).collect();
        let sum = IntervalEnergy::over_rails(&intervals);
        let energy_j = sum.energy_j;
        let duration_ns = intervals.iter().map(|on| on.duration_ns).max();
        // A phase cannot end before its start.
        let duration_ns = duration_ns.filter(|ns| *ns >= 0);
        Self {
            phase: rows
                .first()
                .map(|row| row.phase.clone())
                .unwrap_or_default(),
            instances: rows
                .iter()
                .filter_map(|row| row.instances)
                .max()
                .filter(|count| *count > 0),
            duration_ns,
            energy_j,
            lo_j: sum.lo_j,
            hi_j: sum.hi_j,
            measured_j: sum.measured_j,
            extrapolated_j: sum.extrapolated_j,
            coverage: sum.coverage,
            reason: coverage::missing(&sum),
            active_j: sum.active_j,
            idle_j: sum.idle_j,
            spans_j: sum_known(rows.iter().map(|row| row.spans_j)),
            avg_w: average_w(energy_j, duration_ns),
            peak_w: match intervals.as_slice() {
                [_] => rows.iter().filter_map(|row| row.peak_w).reduce(f64::max),
                _ => None,
            }
            .filter(|peak_w| !is_above(average_w(energy_j, duration_ns), *peak_w)),
            share: None,
            energy_delay_js: energy_j
                .zip(duration_ns)
                .map(|(energy, ns)| energy * ns as f64 / 1e9),
            rails: intervals,
        }
    }
}
