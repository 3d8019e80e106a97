//! Mean and peak power of each rail.

use std::collections::HashMap;

use serde::Serialize;

use super::phases::IS_PHASE;
use super::{Balance, Recording, Run, average_w};
use crate::error::Result;

/// Mean and highest power of one rail over the whole recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RailPower {
    /// Rail name as in its balance.
    pub rail: String,
    /// Energy of its samples over their duration.
    pub avg_w: Option<f64>,
    /// Highest mean power of samples that have at least half of the usual length together.
    pub peak_w: Option<f64>,
    /// Middle of the peak sample, run time.
    pub peak_ns: Option<i64>,
    /// Phase that was active longest in the peak sample.
    pub peak_phase: Option<String>,
    /// `peak_w` over `avg_w`.
    pub peak_over_average: Option<f64>,
}

/// Reads the powers of the rails of `balance`, in that order.
///
/// # Errors
/// If the file cannot be read.
pub fn rail_powers(
    recording: &Recording,
    run: &Run,
    balance: &[Balance],
) -> Result<Vec<RailPower>> {
    let mut sampled = sampled(recording, run)?;
    let power = |rail: &Balance| {
        let Sampled { avg_w, peak_phase } = sampled.remove(&rail.id).unwrap_or_default();
        RailPower {
            rail: rail.rail.clone(),
            avg_w,
            peak_w: rail.peak_w,
            peak_ns: rail.peak_ns,
            peak_phase,
            peak_over_average: avg_w
                .filter(|avg| *avg > 0.0)
                .and_then(|avg| Some(rail.peak_w? / avg)),
        }
    };
    Ok(balance.iter().map(power).collect())
}

/// Mean power and peak phase of a rail's samples.
#[derive(Debug, Default)]
struct Sampled {
    avg_w: Option<f64>,
    peak_phase: Option<String>,
}

/// Reads them by rail id. Samples before the run only measure idle power and are skipped.
fn sampled(recording: &Recording, run: &Run) -> Result<HashMap<i64, Sampled>> {
    // With max(), SQLite takes bare columns from the row with the maximum. The condition is that of
    // `energy_data::gives_peak`.
    let sql = format!(
        "
        SELECT t.rail, t.energy_j, t.time_ns, n.label, t.peak FROM (
            SELECT s.rail, sum(s.energy_j) AS energy_j, sum(s.end_ns - s.start_ns) AS time_ns,
                   s.phase,
                   max(CASE WHEN (s.end_ns - s.start_ns) * 2 >= l.interval_ns
                            THEN s.energy_j / (s.end_ns - s.start_ns) END) AS peak
            FROM samples s JOIN rails l ON l.run = s.run AND l.id = s.rail
            WHERE s.run = ?1 AND s.start_ns >= 0 AND s.end_ns > s.start_ns
                  AND s.energy_j IS NOT NULL
            GROUP BY s.rail) t
        LEFT JOIN nodes n ON n.run = ?1 AND n.id = t.phase AND t.peak IS NOT NULL AND {IS_PHASE}"
    );
    let mut statement = recording.connection().prepare_cached(&sql)?;
    let rows = statement.query_map([run.no], |r| {
        let (energy_j, time_ns): (f64, i64) = (r.get(1)?, r.get(2)?);
        let sampled = Sampled {
            avg_w: average_w(Some(energy_j), Some(time_ns)),
            peak_phase: r.get(3)?,
        };
        Ok((r.get(0)?, sampled))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
