//! What went wrong, or must be known of the figures?

use serde::Serialize;

use super::{Recording, Run};
use crate::error::Result;

/// Losses, gaps, restarts, warnings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// When it first happened, run time.
    pub time_ns: i64,
    /// A stable word.
    pub kind: String,
    /// How many, where it counts something.
    pub count: i64,
    /// In words.
    pub message: String,
}

/// The run's events in order of time, those with the same words together.
///
/// # Errors
/// When the file cannot be read.
pub fn events(recording: &Recording, run: &Run) -> Result<Vec<Event>> {
    let sql = "SELECT min(time_ns), kind, sum(count), message FROM events
               WHERE run = ?1 GROUP BY kind, message ORDER BY min(seq)";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| {
        Ok(Event {
            time_ns: r.get(0)?,
            kind: r.get(1)?,
            count: r.get(2)?,
            message: r.get(3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Kinds of events that put the conditions of a run in doubt: a busy or a hot machine.
const CONDITIONS: [&str; 5] = [
    "busy_machine",
    "busy_baseline",
    "throttled",
    "thermal_pressure",
    "conditions_changed",
];

/// The run's events of a busy or hot machine, and of conditions that changed.
///
/// # Errors
/// When the file cannot be read.
pub fn condition_warnings(recording: &Recording, run: &Run) -> Result<Vec<Event>> {
    let mut events = events(recording, run)?;
    events.retain(|event| CONDITIONS.contains(&event.kind.as_str()));
    Ok(events)
}
