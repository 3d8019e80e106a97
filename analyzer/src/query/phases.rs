//! What did each phase cost? The interval reading: all that the root rails
//! measured during it.

use rusqlite::Row;
use serde::Serialize;

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
}

/// The phases in the order in which they first began, `(between)` last. They sum
/// to the run's totals.
///
/// # Errors
/// When the file cannot be read.
pub fn phases(recording: &Recording, run: &Run) -> Result<Vec<Phase>> {
    let sql = "
        SELECT phase, duration_ns, energy_j, active_j, idle_j, spans_j, power_w, peak_w
        FROM v_phases WHERE run = ?1 AND (node IS NOT NULL OR phase = ?2)
        ORDER BY node IS NULL, node";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map(rusqlite::params![run.no, BETWEEN], read)?;
    let mut phases = rows.collect::<rusqlite::Result<Vec<Phase>>>()?;
    let total = sum_known(phases.iter().map(|phase| phase.energy_j));
    for phase in &mut phases {
        phase.share = share(phase.energy_j, total);
    }
    Ok(phases)
}

pub(super) fn share(part: Option<f64>, total: Option<f64>) -> Option<f64> {
    let share = part? / total.filter(|total| *total != 0.0)?;
    share.is_finite().then_some(share)
}

fn read(r: &Row<'_>) -> rusqlite::Result<Phase> {
    Ok(Phase {
        phase: r.get(0)?,
        duration_ns: r.get(1)?,
        energy_j: r.get(2)?,
        active_j: r.get(3)?,
        idle_j: r.get(4)?,
        spans_j: r.get(5)?,
        avg_w: r.get(6)?,
        peak_w: r.get(7)?,
        share: None,
    })
}
