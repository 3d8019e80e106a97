//! Activations that are open at a time.
//!
//! No index finds them: an activation that began long ago may still be open. Checkpoints
//! remember the activations that are open at every 65,536th number, so that a recording is
//! searched completely only once, even if its parts are read several times:
//!
//! ```text
//! number      0 ........ 65,536 ........ 131,072 ... 150,000
//! checkpoint             open here       open here
//! read again                                    |----|      for the time of number 150,000
//! ```

use std::sync::PoisonError;

use energy_data::rows::{RunStatus, SpanRow};
use energy_store::span_id;
use rusqlite::OptionalExtension;

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
    let of_run = recording.checkpoints.of_run(&run.row.uuid);
    let mut known = of_run.lock().unwrap_or_else(PoisonError::into_inner);
    let count = usize::try_from(seq / STEP).unwrap_or(usize::MAX);
    while known.len() < count {
        let next = checkpoint(recording, run, &known)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// One activation each microsecond: most are short, some last past several checkpoints, and
    /// some numbers are missing.
    const ROWS: &str = "
        INSERT INTO runs (no, uuid, status, pid, heartbeat_unix_ns, start_unix_ns, end_ns, version)
        VALUES (3, 'many', 'complete', 1, 0, 0, 900000000, '0.1.0');
        WITH RECURSIVE numbers (i) AS (
            SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 300000)
        INSERT INTO spans (id, node, thread, start_ns, end_ns)
        SELECT 3 << 40 | i, 1, 1, i * 1000, CASE
            WHEN i = 7 THEN NULL
            WHEN i % 9973 = 0 THEN i * 1000 + 150000000
            ELSE i * 1000 + 500 END
        FROM numbers WHERE i % 11 <> 4 AND i NOT BETWEEN 70000 AND 140000";

    #[test]
    fn checkpoints_find_what_a_search_from_the_start_finds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("energy.db");
        drop(energy_store::SqliteSink::create(&path).unwrap());
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch(ROWS).unwrap();
        drop(connection);
        let recording = Recording::open(&path).unwrap();
        let run = recording.run("many").unwrap();
        let times = [
            299_999_500,
            70_000_000,
            140_000_000,
            131_072_000,
            0,
            1,
            900_000_000,
        ];
        for time_ns in times.into_iter().flat_map(|time_ns| [time_ns, time_ns + 1]) {
            let seq = recording.store().first_span_at(run.no, time_ns).unwrap();
            let found = open_spans(&recording, &run, seq, time_ns).unwrap();
            let expected = recording.store().spans_open_at(run.no, 0..seq, time_ns);
            assert_eq!(found, expected.unwrap(), "at {time_ns}");
            assert!(
                !(70_000_000..300_000_000).contains(&time_ns) || found.len() > 2,
                "at {time_ns}"
            );
            let all = recording.store().spans_from(run.no, 0).unwrap();
            let starts_before = |row: &&SpanRow| row.start_ns < time_ns;
            let before = all
                .all()
                .unwrap()
                .iter()
                .filter(starts_before)
                .map(|row| row.seq)
                .max();
            assert!(before.is_none_or(|last| last < seq), "{seq} at {time_ns}");
        }
    }
}
