//! Splits long writes into short transactions.

use std::time::{Duration, Instant};

use rusqlite::Connection;

/// Approximate maximum duration of a write lock. Half of the 50 ms promised to readers and
/// other writers, because the commit needs time too.
const MAX_DURATION: Duration = Duration::from_millis(25);
/// Rows between two checks of the clock: under a millisecond's work.
const ROWS_PER_CHECK: u32 = 512;

/// A write transaction that commits and begins again after [`MAX_DURATION`]. Dropping it
/// rolls back what is not committed.
pub(super) struct ChunkedTransaction<'c> {
    connection: &'c Connection,
    max_duration: Duration,
    began: Instant,
    rows: u32,
    open: bool,
    committed: bool,
}

impl<'c> ChunkedTransaction<'c> {
    /// Begins a transaction that is split if it takes long.
    pub(super) fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        Self::with_limit(connection, MAX_DURATION)
    }

    /// Begins a transaction that is never split: all or nothing.
    pub(super) fn begin_atomic(connection: &'c Connection) -> rusqlite::Result<Self> {
        Self::with_limit(connection, Duration::MAX)
    }

    fn with_limit(connection: &'c Connection, max_duration: Duration) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self {
            connection,
            max_duration,
            began: Instant::now(),
            rows: 0,
            open: true,
            committed: false,
        })
    }

    /// Returns the connection to write to.
    pub(super) fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// Counts a written row; may commit and begin again.
    pub(super) fn count_row(&mut self) -> rusqlite::Result<()> {
        self.rows += 1;
        if self.rows.is_multiple_of(ROWS_PER_CHECK) && self.began.elapsed() > self.max_duration {
            self.commit_chunk()?;
            self.committed = true;
            let next = Self::with_limit(self.connection, self.max_duration)?;
            *self = next;
            self.committed = true;
        }
        Ok(())
    }

    /// Commits the remaining rows.
    pub(super) fn commit(mut self) -> rusqlite::Result<()> {
        self.commit_chunk()
    }

    /// Returns whether a part has been committed already.
    pub(super) fn has_committed(&self) -> bool {
        self.committed
    }

    fn commit_chunk(&mut self) -> rusqlite::Result<()> {
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        self.open = false;
        Ok(())
    }
}

impl Drop for ChunkedTransaction<'_> {
    fn drop(&mut self) {
        // SQLite rolls back by itself after some errors, such as a full disk.
        if self.open && !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }
}
