//! State of a run, which differs if any answer about it may differ.

use std::fmt::Write as _;

use energy_data::rows::RunStatus;

use super::{Recording, Run};
use crate::checksum::sha256_of;
use crate::error::Result;

/// Returns a text that changes with everything that may change after a run has ended: its name,
/// tags and attributions. `None` for a run that is being recorded, which changes all the time.
///
/// # Errors
/// If the file cannot be read.
pub fn run_state(recording: &Recording, run: &Run) -> Result<Option<String>> {
    let row = &run.row;
    if row.status == RunStatus::Running || row.end_ns.is_none() {
        return Ok(None);
    }
    // The sum of the times changes if an attribution is replaced; remainders keep it exact.
    let sql = "SELECT count(*), total(created_unix_ns % 1000000007), max(id)
               FROM attributions WHERE run = ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let attributions: (i64, f64, Option<i64>) =
        statement.query_row([run.no], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    let mut state = String::new();
    // Writing to a string does not fail.
    let _ = write!(state, "{row:?} {attributions:?} {:?}", run.attribution);
    Ok(Some(sha256_of(state.as_bytes())))
}
