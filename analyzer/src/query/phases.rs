//! What did each phase cost? The interval reading: all that the root rails
//! measured during it.

use std::collections::BTreeMap;

use rusqlite::Row;
use serde::Serialize;

use super::ledger::rails;
use super::{Recording, Run, sum_known};
use crate::error::Result;

/// The row of time outside every phase.
pub const BETWEEN: &str = "(between)";

/// One phase, all its activations together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Phase {
    /// Its span's name, or [`BETWEEN`].
    pub phase: String,
    /// Its time.
    pub duration_ns: Option<i64>,
    /// All that the root rails measured in its time.
    pub energy_j: Option<f64>,
    /// `energy_j - idle_j`.
    pub active_j: Option<f64>,
    /// Idle part.
    pub idle_j: Option<f64>,
    /// Its inclusive share of the ledger.
    pub spans_j: Option<f64>,
    /// Energy over time.
    pub avg_w: Option<f64>,
    /// Highest mean power of a sample in its time, of any root rail.
    pub peak_w: Option<f64>,
    /// Its part of the energy of all phases.
    pub share: Option<f64>,
    /// Energy x time.
    pub energy_delay_js: Option<f64>,
}

/// The phases in the order in which they first began, `(between)` last. They sum
/// to the run's totals.
///
/// # Errors
/// When the file cannot be read.
pub fn phases(recording: &Recording, run: &Run) -> Result<Vec<Phase>> {
    phases_on(recording, run, None)
}

/// As [`phases`], on root rails or on the rail of that name.
///
/// # Errors
/// When the file cannot be read, or the run has no rail of that name.
pub fn phases_on(recording: &Recording, run: &Run, rail: Option<&str>) -> Result<Vec<Phase>> {
    let rails: Vec<String> = rails(recording, run, rail)?
        .iter()
        .map(i64::to_string)
        .collect();
    // As the view `v_phases`, of the attribution that is looked at.
    let sql = format!(
        "
        SELECT {FIGURES}
        FROM phase_energy p
        LEFT JOIN nodes n ON n.run = p.run AND n.id = p.node
        WHERE p.run = ?1 AND p.attribution = ?2 AND p.rail IN ({})
        GROUP BY p.node ORDER BY p.node IS NULL, p.node",
        rails.join(",")
    );
    let mut statement = recording.connection().prepare_cached(&sql)?;
    let rows = statement.query_map((run.no, run.attribution), read)?;
    let mut phases = rows.collect::<rusqlite::Result<Vec<Phase>>>()?;
    // Between what? There is nothing else.
    if let [only] = phases.as_mut_slice()
        && only.phase == "(between)"
    {
        only.phase = "(no phase)".to_owned();
    }
    let total = sum_known(phases.iter().map(|phase| phase.energy_j));
    for phase in &mut phases {
        phase.share = share(phase.energy_j, total);
    }
    Ok(phases)
}

/// What is read of a phase: of `phase_energy` as `p`, grouped by node, `n`.
const FIGURES: &str = "
    coalesce(n.label, '(between)') AS phase, max(p.duration_ns),
    CASE WHEN count(p.energy_j) = count(*) THEN sum(p.energy_j) END,
    CASE WHEN count(p.idle_j) = count(*) THEN sum(p.idle_j) END,
    CASE WHEN count(p.spans_j) = count(*) THEN sum(p.spans_j) END,
    max(p.peak_w)";

/// As [`phases`] of every run by the attribution that it shows, without shares, in one
/// query; by the run's number.
pub(super) fn phases_of_all(recording: &Recording) -> Result<BTreeMap<i64, Vec<Phase>>> {
    let sql = format!(
        "
        SELECT {FIGURES}, a.run
        FROM (SELECT run, max(id) AS id FROM attributions GROUP BY run) a
        CROSS JOIN phase_energy p ON p.run = a.run AND p.attribution = a.id
        CROSS JOIN rails r ON r.run = p.run AND r.id = p.rail AND r.parent IS NULL
        LEFT JOIN nodes n ON n.run = p.run AND n.id = p.node
        GROUP BY p.run, p.node ORDER BY p.run, p.node IS NULL, p.node"
    );
    let mut statement = recording.connection().prepare_cached(&sql)?;
    let rows = statement.query_map([], |r| Ok((r.get::<_, i64>(6)?, read(r)?)))?;
    let mut all: BTreeMap<i64, Vec<Phase>> = BTreeMap::new();
    for row in rows {
        let (run, phase) = row?;
        all.entry(run).or_default().push(phase);
    }
    Ok(all)
}

pub(super) fn share(part: Option<f64>, total: Option<f64>) -> Option<f64> {
    let share = part? / total.filter(|total| *total != 0.0)?;
    share.is_finite().then_some(share)
}

fn read(r: &Row<'_>) -> rusqlite::Result<Phase> {
    let (duration_ns, energy_j): (Option<i64>, Option<f64>) = (r.get(1)?, r.get(2)?);
    let idle_j: Option<f64> = r.get(3)?;
    let time = duration_ns.filter(|ns| *ns != 0);
    Ok(Phase {
        phase: r.get(0)?,
        duration_ns,
        energy_j,
        active_j: energy_j.zip(idle_j).map(|(energy, idle)| energy - idle),
        idle_j,
        spans_j: r.get(4)?,
        avg_w: energy_j
            .zip(time)
            .map(|(energy, ns)| energy * 1e9 / ns as f64),
        peak_w: r.get(5)?,
        share: None,
        energy_delay_js: energy_j
            .zip(duration_ns)
            .map(|(energy, ns)| energy * ns as f64 / 1e9),
    })
}
