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

/// Value of [`REPLACED_TAG`] of the run of a failed trial.
pub const FAILED: &str = "failed";

/// Returns whether a run with these tags is no result.
pub fn is_replaced<'t>(tags: impl IntoIterator<Item = &'t String>) -> bool {
    tags.into_iter().any(|key| key == REPLACED_TAG)
}

/// Why a run is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoResult {
    /// Its trial failed.
    Failed,
    /// The machine was throttled, and another trial replaced it.
    Repeated,
}

impl NoResult {
    /// Returns the reason of a run with these tags; `None` if it is a result.
    pub fn of<'t>(tags: impl IntoIterator<Item = (&'t String, &'t String)>) -> Option<Self> {
        let (_, value) = tags.into_iter().find(|(key, _)| *key == REPLACED_TAG)?;
        Some(match value.as_str() {
            FAILED => Self::Failed,
            _ => Self::Repeated,
        })
    }

    /// Returns the reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Failed => "its trial failed",
            Self::Repeated => "the machine was throttled, and the run was repeated",
        }
    }
}

/// An experiment by its runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExperimentRuns {
    /// Name.
    pub name: String,
    /// Number of runs that count as results.
    pub runs: i64,
    /// Number of complete ones of them.
    pub complete: i64,
    /// Number of runs that do not count: their trials failed, or were repeated.
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
