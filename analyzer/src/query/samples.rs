//! What did each rail draw over time?

use std::collections::HashMap;

use serde::Serialize;

use super::{Recording, Run, rails};
use crate::error::Result;

/// One sample of one rail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// Its rail's name.
    pub rail: String,
    /// Its rail's source.
    pub source: String,
    /// Begin, run time; below zero before the run.
    pub start_ns: i64,
    /// End.
    pub end_ns: i64,
    /// What the sensor gave; none where it gave nothing.
    pub energy_j: Option<f64>,
    /// Energy over time.
    pub power_w: Option<f64>,
    /// The phase that was active longest in it.
    pub phase: Option<String>,
    #[serde(skip)]
    pub(crate) rail_id: i64,
}

/// Samples of the root rails, or of the rail with that name, by rail and time.
///
/// # Errors
/// When the file cannot be read, or the run has no rail of that name.
pub fn samples(recording: &Recording, run: &Run, rail: Option<&str>) -> Result<Vec<Sample>> {
    let sql = "
        SELECT l.name, l.source, s.start_ns, s.end_ns, s.energy_j, n.label, l.id
        FROM samples s CROSS JOIN rails l ON l.run = s.run AND l.id = s.rail
        LEFT JOIN nodes n ON n.run = s.run AND n.id = s.phase
        WHERE s.run = ?1";
    let wanted = rails(recording, run, rail)?;
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| {
        let (start_ns, end_ns): (i64, i64) = (r.get(2)?, r.get(3)?);
        let energy_j: Option<f64> = r.get(4)?;
        let time = Some(end_ns - start_ns).filter(|ns| *ns > 0);
        Ok(Sample {
            rail: r.get(0)?,
            source: r.get(1)?,
            start_ns,
            end_ns,
            energy_j,
            power_w: energy_j
                .zip(time)
                .map(|(joules, ns)| joules * 1e9 / ns as f64),
            phase: r.get(5)?,
            rail_id: r.get(6)?,
        })
    })?;
    let mut samples = rows.collect::<rusqlite::Result<Vec<Sample>>>()?;
    samples.retain(|sample| wanted.contains(&sample.rail_id));
    samples.sort_by_key(|sample| (sample.rail_id, sample.start_ns));
    Ok(samples)
}

/// Idle power of each rail for which it is known, in watts, by the rail's id.
///
/// # Errors
/// When the file cannot be read.
pub fn idle_powers(recording: &Recording, run: &Run) -> Result<HashMap<i64, f64>> {
    let sql = "SELECT rail, power_w FROM baselines WHERE run = ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
