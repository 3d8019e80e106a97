//! Activations that are open at a time.
//!
//! No index finds them: an activation that began long ago may still be open. Checkpoints
//! remember the activations that are open at every 65,536th number, so that a recording whose
//! parts are read several times is searched completely only once:
//!
//! ```text
//! number      0 ........ 65,536 ........ 131,072 ... 150,000
//! checkpoint             open here       open here
//! read again                                    |----|      for the time of number 150,000
//! ```

use rusqlite::OptionalExtension;
use tracing_energy::rows::{RunStatus, SpanRow};
use tracing_energy::store::span_id;

use super::recording::{Recording, Run};
use crate::error::Result;

/// Numbers between two checkpoints.
const STEP: u64 = 65_536;

/// Returns the activations of a run with numbers below `seq` that are open at `time_ns`, by
/// number. All of them start before that time, and all others at that time or later.
///
/// # Errors
/// If the file cannot be read.
pub fn open_spans(
    recording: &Recording,
    run: &Run,
    seq: u64,
    time_ns: i64,
) -> Result<Vec<SpanRow>> {
    let store = recording.store();
    // Rows of a run that is being recorded change.
    if run.row.end_ns.is_none() || run.row.status == RunStatus::Running {
        return Ok(store.spans_open_at(run.no, 0..seq, time_ns)?);
    }
    let mut all = recording.checkpoints.by_run.borrow_mut();
    let known = all.entry(run.row.uuid.clone()).or_default();
    let count = usize::try_from(seq / STEP).unwrap_or(usize::MAX);
    while known.len() < count {
        let next = checkpoint(recording, run, known)?;
        known.push(next);
    }
    let is_open = |row: &&SpanRow| row.end_ns.is_none_or(|end_ns| end_ns > time_ns);
    let before = count.checked_sub(1).and_then(|last| known.get(last));
    let before = before.into_iter().flatten().filter(is_open);
    let mut open: Vec<SpanRow> = before.cloned().collect();
    let first = count as u64 * STEP;
    open.extend(store.spans_open_at(run.no, first..seq, time_ns)?);
    Ok(open)
}

/// Returns the checkpoint after the known ones.
fn checkpoint(recording: &Recording, run: &Run, known: &[Vec<SpanRow>]) -> Result<Vec<SpanRow>> {
    let first = known.len() as u64 * STEP;
    let end = first + STEP;
    // Later times are requested only with later numbers.
    let time_ns = last_start(recording, run, end)?;
    let is_open = |row: &&SpanRow| row.end_ns.is_none_or(|end_ns| end_ns > time_ns);
    let before = known.last().into_iter().flatten().filter(is_open);
    let mut open: Vec<SpanRow> = before.cloned().collect();
    open.extend(
        recording
            .store()
            .spans_open_at(run.no, first..end, time_ns)?,
    );
    Ok(open)
}

/// Returns the start of the last activation before a number.
fn last_start(recording: &Recording, run: &Run, seq: u64) -> Result<i64> {
    let sql = "SELECT start_ns FROM spans WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT 1";
    let bounds = [span_id(run.no, 0), span_id(run.no, seq)];
    let mut statement = recording.connection().prepare_cached(sql)?;
    let start_ns = statement.query_row(bounds, |r| r.get(0)).optional()?;
    Ok(start_ns.unwrap_or(i64::MIN))
}
