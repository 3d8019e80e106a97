//! Power samples of rails over time.

use std::collections::HashMap;

use serde::Serialize;

use super::{Recording, Run, average_w, rails};
use crate::error::Result;

/// A power sample of one rail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PowerSample {
    /// Rail name.
    pub rail: String,
    /// Rail source.
    pub source: String,
    /// Start, run time; negative before the run.
    pub start_ns: i64,
    /// End.
    pub end_ns: i64,
    /// Measured energy; `None` if the sensor failed to report it.
    pub energy_j: Option<f64>,
    /// Energy over time.
    pub power_w: Option<f64>,
    /// Phase that was active longest in it.
    pub phase: Option<String>,
    /// Id of the rail.
    #[serde(skip)]
    pub rail_id: i64,
    /// Usual length of the rail's samples.
    #[serde(skip)]
    pub interval_ns: i64,
}

/// Reads the samples of the root rails or of the named rail, by rail and time.
///
/// # Errors
/// If the file cannot be read, or the run has no rail of that name.
pub fn samples(recording: &Recording, run: &Run, rail: Option<&str>) -> Result<Vec<PowerSample>> {
    let sql = "
        SELECT l.name, l.source, s.start_ns, s.end_ns, s.energy_j, n.label, l.id, l.interval_ns
        FROM samples s CROSS JOIN rails l ON l.run = s.run AND l.id = s.rail
        LEFT JOIN nodes n ON n.run = s.run AND n.id = s.phase
        WHERE s.run = ?1";
    let wanted = rails(recording, run, rail)?;
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| {
        let (start_ns, end_ns): (i64, i64) = (r.get(2)?, r.get(3)?);
        let energy_j: Option<f64> = r.get(4)?;
        Ok(PowerSample {
            rail: r.get(0)?,
            source: r.get(1)?,
            start_ns,
            end_ns,
            energy_j,
            power_w: average_w(energy_j, Some(end_ns - start_ns)),
            phase: r.get(5)?,
            rail_id: r.get(6)?,
            interval_ns: r.get(7)?,
        })
    })?;
    let mut samples = rows.collect::<rusqlite::Result<Vec<PowerSample>>>()?;
    samples.retain(|sample| wanted.contains(&sample.rail_id));
    samples.sort_by_key(|sample| (sample.rail_id, sample.start_ns));
    Ok(samples)
}

/// Reads the known idle powers in watts, by rail id.
///
/// # Errors
/// If the file cannot be read.
pub fn idle_powers(recording: &Recording, run: &Run) -> Result<HashMap<i64, f64>> {
    let sql = "SELECT rail, power_w FROM baselines WHERE run = ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
