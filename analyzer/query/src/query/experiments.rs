//! Names of experiments that runs belong to, and which of their runs count as results.

use serde::Serialize;

use super::Recording;
use super::bad_values::{text_in, whole_in};
use crate::error::Result;

/// Tag of runs that are no results: averages, comparisons and counts leave them out. Its value is
/// `throttled` if another trial of the experiment has replaced the run, or `failed` if its trial
/// failed. The tag is set in the transaction that changes the trial, and unlike the trial it stays
/// with a run that is merged or exported.
pub const REPLACED_TAG: &str = "replaced";

/// Returns whether a run with these tags is no result.
pub fn is_replaced<'t>(tags: impl IntoIterator<Item = &'t String>) -> bool {
    tags.into_iter().any(|key| key == REPLACED_TAG)
}

/// An experiment by its runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExperimentRuns {
    /// Name.
    pub name: String,
    /// Number of runs that were not replaced.
    pub runs: i64,
    /// Number of complete runs that were not replaced.
    pub complete: i64,
    /// Number of runs that other trials have replaced.
    pub replaced: i64,
    /// Start of the newest run, ns since 1970.
    pub newest_unix_ns: Option<i64>,
}

/// Lists the experiments of a recording, the one with the newest run first.
///
/// # Errors
/// If the file cannot be read.
pub fn experiments(recording: &Recording) -> Result<Vec<ExperimentRuns>> {
    let sql = "SELECT experiment, sum(NOT is_replaced),
                      sum(NOT is_replaced AND status = 'complete'), sum(is_replaced),
                      max(start_unix_ns)
               FROM (SELECT r.experiment, r.status, r.start_unix_ns,
                            EXISTS (SELECT 1 FROM run_tags t
                                    WHERE t.run = r.no AND t.key = ?1) AS is_replaced
                     FROM runs r WHERE r.experiment IS NOT NULL AND r.parent_run IS NULL)
               GROUP BY experiment ORDER BY max(start_unix_ns) DESC, experiment";
    let mut statement = recording.connection().prepare(sql)?;
    let rows = statement.query_map([REPLACED_TAG], |row| {
        Ok(ExperimentRuns {
            name: text_in(row, 0)?.unwrap_or_default(),
            runs: whole_in(row, 1)?.unwrap_or(0),
            complete: whole_in(row, 2)?.unwrap_or(0),
            replaced: whole_in(row, 3)?.unwrap_or(0),
            newest_unix_ns: whole_in(row, 4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
