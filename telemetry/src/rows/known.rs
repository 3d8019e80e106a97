//! Totals of the newest runs of a file.

use std::collections::HashMap;

use energy_data::rows::RunStatus;
use energy_query::query::{Recording, Run};
use energy_query::{Error, ErrorClass, Result};
use rusqlite::ErrorCode;

use super::totals::run_totals;
use crate::named_kinds::NamedKinds;
use crate::totals::RunTotals;

/// Totals of runs of one file. Those of ended runs are read once.
#[derive(Debug, Default)]
pub struct KnownTotals {
    runs: HashMap<i64, (Run, RunTotals)>,
    kinds: NamedKinds,
}

impl KnownTotals {
    /// Returns the totals of the newest `runs` of a file, those being recorded first, with at most
    /// `kinds` operations in total. Runs that belong to another one are left out: their energy is
    /// that one's. A run that cannot be read is left out.
    ///
    /// # Errors
    /// If the file cannot be read now.
    pub fn read(
        &mut self,
        recording: &Recording,
        runs: usize,
        kinds: usize,
    ) -> Result<Vec<RunTotals>> {
        let mut known = HashMap::new();
        let mut all = Vec::new();
        for uuid in newest(recording, runs)? {
            match self.run(recording, &uuid) {
                Ok((run, totals)) => {
                    all.push(totals.clone());
                    known.insert(run.no, (run, totals));
                }
                Err(error) if is_temporary(&error) => return Err(error),
                Err(_) => {}
            }
        }
        self.runs = known;
        self.kinds.limit(&mut all, kinds);
        Ok(all)
    }

    fn run(&self, recording: &Recording, uuid: &str) -> Result<(Run, RunTotals)> {
        let run = recording.run(uuid)?;
        let known = self.runs.get(&run.no).filter(|(known, _)| *known == run);
        let totals = match known {
            Some((_, totals)) if run.row.status != RunStatus::Running => totals.clone(),
            _ => run_totals(recording, &run)?,
        };
        Ok((run, totals))
    }
}

/// Returns whether the same request may succeed later: the file is in use, or the request took too
/// long. Other errors are of one run.
fn is_temporary(error: &Error) -> bool {
    let is_interrupted = matches!(
        error,
        Error::Query(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
    );
    is_interrupted || error.class() == ErrorClass::Busy
}

/// Returns the uuids of the newest independent runs, those being recorded first.
fn newest(recording: &Recording, count: usize) -> Result<Vec<String>> {
    let sql = "SELECT uuid FROM runs WHERE parent_run IS NULL
               ORDER BY status = 'running' DESC, no DESC LIMIT ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = statement.query_map([count], |r| r.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
