//! Metadata of a run other than energies.

use serde::Serialize;

use super::{Attribution, Condition, Recording, Run, attributions, conditions};
use crate::error::Result;

/// Metadata of a run other than energies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunDetail {
    /// Attributions, oldest first.
    pub attributions: Vec<Attribution>,
    /// Idle power of rails.
    pub baselines: Vec<Baseline>,
    /// Conditions at the start and end.
    pub conditions: Vec<Condition>,
    /// Numbers of recorded rows.
    pub rows: RowCounts,
}

/// Idle power of one rail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baseline {
    /// Rail name.
    pub rail: String,
    /// Mean or configured power.
    pub power_w: f64,
    /// Duration of the measurement.
    pub duration_ns: i64,
    /// Number of samples; 0 for a configured power.
    pub samples: i64,
}

/// Numbers of recorded rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RowCounts {
    /// Spans.
    pub spans: i64,
    /// Activations: a span that is entered again has several.
    pub activations: i64,
    /// Nodes of the calling-context tree.
    pub nodes: i64,
    /// Power samples.
    pub samples: i64,
    /// Threads, including the recorder's.
    pub threads: i64,
    /// `tracing` events.
    pub span_events: i64,
}

/// Reads attributions, baselines, conditions and row counts of a run.
///
/// # Errors
/// If the file cannot be read.
pub fn detail(recording: &Recording, run: &Run) -> Result<RunDetail> {
    Ok(RunDetail {
        attributions: attributions(recording, run)?,
        baselines: baselines(recording, run.no)?,
        conditions: conditions(recording, run)?,
        rows: rows(recording, run.no)?,
    })
}

fn baselines(recording: &Recording, run: i64) -> Result<Vec<Baseline>> {
    let sql = "SELECT l.name, b.power_w, b.end_ns - b.start_ns, b.samples
               FROM baselines b JOIN rails l ON l.run = b.run AND l.id = b.rail
               WHERE b.run = ?1 ORDER BY b.rail";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let found = statement.query_map([run], |r| {
        Ok(Baseline {
            rail: r.get(0)?,
            power_w: r.get(1)?,
            duration_ns: r.get(2)?,
            samples: r.get(3)?,
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn rows(recording: &Recording, run: i64) -> Result<RowCounts> {
    let (first, last) = energy_store::span_ids(run);
    let count = |sql: &str| -> Result<i64> {
        Ok(recording.connection().query_row(sql, [run], |r| r.get(0))?)
    };
    // An activation without an instance is the only one of its span.
    let spans = "SELECT count(*) - count(instance) + count(DISTINCT instance), count(*)
                 FROM spans WHERE id BETWEEN ?1 AND ?2";
    let connection = recording.connection();
    let both = connection.query_row(spans, [first, last], |r| Ok((r.get(0)?, r.get(1)?)));
    let (spans, activations) = both?;
    Ok(RowCounts {
        spans,
        activations,
        nodes: count("SELECT count(*) FROM nodes WHERE run = ?1")?,
        samples: count("SELECT count(*) FROM samples WHERE run = ?1")?,
        threads: count("SELECT count(*) FROM threads WHERE run = ?1")?,
        span_events: count("SELECT count(*) FROM span_events WHERE run = ?1")?,
    })
}
