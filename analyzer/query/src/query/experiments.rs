//! Names of experiments that runs belong to.

use serde::Serialize;

use super::Recording;
use super::bad_values::{text_in, whole_in};
use crate::error::Result;

/// Tag of runs that other trials of their experiment have replaced.
pub const REPLACED_TAG: &str = "replaced";

/// An experiment by its runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExperimentRuns {
    /// Name.
    pub name: String,
    /// Number of runs.
    pub runs: i64,
    /// Number of complete runs.
    pub complete: i64,
    /// Start of the newest run, ns since 1970.
    pub newest_unix_ns: Option<i64>,
}

/// Lists the experiments of a recording, the one with the newest run first.
///
/// # Errors
/// If the file cannot be read.
pub fn experiments(recording: &Recording) -> Result<Vec<ExperimentRuns>> {
    let sql = "SELECT experiment, count(*), sum(status = 'complete'), max(start_unix_ns)
               FROM runs WHERE experiment IS NOT NULL AND parent_run IS NULL
               GROUP BY experiment ORDER BY max(start_unix_ns) DESC, experiment";
    let mut statement = recording.connection().prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(ExperimentRuns {
            name: text_in(row, 0)?.unwrap_or_default(),
            runs: row.get(1)?,
            complete: whole_in(row, 2)?.unwrap_or(0),
            newest_unix_ns: whole_in(row, 3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
