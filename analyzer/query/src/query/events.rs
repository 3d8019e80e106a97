//! Events of a run: losses, gaps, restarts, warnings.

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde::Serialize;

use super::bad_values::text_in;
use super::{Recording, Run};
use crate::error::Result;

/// An event of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredEvent {
    /// Time of its first occurrence, run time.
    pub time_ns: i64,
    /// Stable identifier.
    pub kind: String,
    /// Number of occurrences or lost items.
    pub count: i64,
    /// The text.
    pub message: String,
}

/// Reads the run's events in order of time, grouped by kind and message.
///
/// # Errors
/// If the file cannot be read.
pub fn events(recording: &Recording, run: &Run) -> Result<Vec<StoredEvent>> {
    events_of(recording.connection(), run.no)
}

/// Reads what [`events`] reads, of the run with that number.
///
/// # Errors
/// If the file cannot be read.
pub fn events_of(connection: &Connection, run: i64) -> Result<Vec<StoredEvent>> {
    let sql = "SELECT min(time_ns), kind, sum(count), message FROM events
               WHERE run = ?1 GROUP BY kind, message ORDER BY min(seq)";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([run], |r| {
        Ok(StoredEvent {
            time_ns: r.get(0)?,
            kind: r.get(1)?,
            count: r.get(2)?,
            message: r.get(3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

impl StoredEvent {
    /// Returns whether the machine was slowed down, or changed, during the run.
    pub fn is_of_throttling(&self) -> bool {
        ["throttled", "thermal_pressure", "conditions_changed"].contains(&self.kind.as_str())
    }
}

/// Event kinds that concern the conditions of a run: a busy or hot machine, or other clients of the
/// server that answered.
const CONDITIONS: [&str; 6] = [
    "busy_machine",
    "busy_baseline",
    "throttled",
    "thermal_pressure",
    "conditions_changed",
    "other_clients",
];

/// Reads the run's events about a busy or hot machine and changed conditions.
///
/// # Errors
/// If the file cannot be read.
pub fn condition_warnings(recording: &Recording, run: &Run) -> Result<Vec<StoredEvent>> {
    condition_events(recording.connection(), run.no)
}

/// Returns the numbers of the runs with such warnings.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn disturbed_runs(recording: &Recording) -> Result<BTreeSet<i64>> {
    let mut statement = recording
        .connection()
        .prepare_cached("SELECT DISTINCT run, kind FROM events")?;
    let mut rows = statement.query([])?;
    let mut runs = BTreeSet::new();
    while let Some(r) = rows.next()? {
        let kind = text_in(r, 1)?;
        if kind.is_some_and(|kind| CONDITIONS.contains(&kind.as_str())) {
            runs.insert(r.get(0)?);
        }
    }
    Ok(runs)
}

/// Reads what [`condition_warnings`] reads, of the run with that number.
///
/// # Errors
/// If the file cannot be read.
pub fn condition_events(connection: &Connection, run: i64) -> Result<Vec<StoredEvent>> {
    let mut events = events_of(connection, run)?;
    events.retain(|event| CONDITIONS.contains(&event.kind.as_str()));
    Ok(events)
}
