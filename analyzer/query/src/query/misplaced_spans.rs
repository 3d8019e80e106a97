//! The number of spans with impossible times.
//!
//! Spans of an ended run change only if others are merged into it, which have higher ids, or if it
//! is reopened, which changes its end. The number is kept for both.

use energy_store::span_ids;

use super::{Recording, Run};
use crate::error::Result;

/// Returns the number of spans that start or end after the end of the run, are open, or end before
/// they start. All spans are read once; connections that share checkpoints share the number.
///
/// # Errors
/// If the file cannot be read.
pub fn misplaced_spans(recording: &Recording, run: &Run, end_ns: i64) -> Result<i64> {
    let (first, last) = span_ids(run.no);
    let newest = "SELECT max(id) FROM spans WHERE id BETWEEN ?1 AND ?2";
    let connection = recording.connection();
    let newest: Option<i64> = connection
        .prepare_cached(newest)?
        .query_row([first, last], |r| r.get(0))?;
    let key = (end_ns, newest);
    let checkpoints = &recording.checkpoints;
    if let Some(count) = checkpoints.misplaced(&run.row.uuid, key) {
        return Ok(count);
    }
    let sql = "SELECT count(*) FROM spans WHERE id BETWEEN ?1 AND ?2
               AND (end_ns > ?3 OR start_ns > ?3 OR end_ns IS NULL OR end_ns < start_ns)";
    let count = connection
        .prepare_cached(sql)?
        .query_row([first, last, end_ns], |r| r.get(0))?;
    checkpoints.keep_misplaced(&run.row.uuid, key, count);
    Ok(count)
}

#[cfg(test)]
mod tests {
    use energy_store::Store;

    use super::*;

    const RUN: &str = "
        INSERT INTO runs (no, uuid, status, pid, heartbeat_unix_ns, start_unix_ns, version, end_ns)
        VALUES (1, 'a', 'complete', 1, 0, 0, '', 100);
        INSERT INTO spans VALUES ((1 << 40) + 1, 1, NULL, NULL, 1, 0, 50, NULL),
                                 ((1 << 40) + 2, 1, NULL, NULL, 1, 10, 101, NULL);";

    #[test]
    fn the_number_follows_the_spans_and_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = Store::create(&path).unwrap();
        store.connection().execute_batch(RUN).unwrap();
        let mut first = Recording::open(&path).unwrap();
        let shared = super::super::Checkpoints::default();
        first.share_checkpoints(shared.clone());
        let run = first.run("a").unwrap();
        assert_eq!(misplaced_spans(&first, &run, 100).unwrap(), 1);
        assert_eq!(misplaced_spans(&first, &run, 101).unwrap(), 0);
        // Known from now on, also to others.
        let mut second = Recording::open(&path).unwrap();
        second.share_checkpoints(shared);
        assert_eq!(misplaced_spans(&second, &run, 101).unwrap(), 0);
        let merged = "INSERT INTO spans VALUES ((1 << 40) + 3, 1, NULL, NULL, 1, 60, 20, NULL)";
        store.connection().execute_batch(merged).unwrap();
        assert_eq!(misplaced_spans(&second, &run, 101).unwrap(), 1);
        assert_eq!(misplaced_spans(&first, &run, 100).unwrap(), 2);
    }
}
