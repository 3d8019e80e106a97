//! Keeps write transactions short while rows are written.

use std::time::{Duration, Instant};

use rusqlite::Connection;

/// A writer holds the lock no longer than about this; half of the 50 ms that are
/// promised to readers and other writers, for the commit needs time too.
const LONGEST: Duration = Duration::from_millis(25);
/// Rows between two looks at the clock: under a millisecond's work.
const ROWS: u32 = 512;

/// A write transaction that commits and begins again when it has taken long.
/// Rolls back what it has not committed when it is dropped.
pub(super) struct Pace<'c> {
    connection: &'c Connection,
    longest: Duration,
    began: Instant,
    rows: u32,
    open: bool,
    committed: bool,
}

impl<'c> Pace<'c> {
    /// Begins a transaction that is split.
    pub(super) fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        Self::with_limit(connection, LONGEST)
    }

    /// Begins a transaction that is never split: all or nothing.
    pub(super) fn whole(connection: &'c Connection) -> rusqlite::Result<Self> {
        Self::with_limit(connection, Duration::MAX)
    }

    fn with_limit(connection: &'c Connection, longest: Duration) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self {
            connection,
            longest,
            began: Instant::now(),
            rows: 0,
            open: true,
            committed: false,
        })
    }

    /// The connection to write to.
    pub(super) fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// A row was written.
    pub(super) fn step(&mut self) -> rusqlite::Result<()> {
        self.rows += 1;
        if self.rows.is_multiple_of(ROWS) && self.began.elapsed() > self.longest {
            self.end()?;
            self.committed = true;
            let next = Self::with_limit(self.connection, self.longest)?;
            *self = next;
            self.committed = true;
        }
        Ok(())
    }

    /// Commits what is left; nothing more is to be written.
    pub(super) fn commit(mut self) -> rusqlite::Result<()> {
        self.end()
    }

    /// Whether a part is in the file already, whatever becomes of the rest.
    pub(super) fn has_committed(&self) -> bool {
        self.committed
    }

    fn end(&mut self) -> rusqlite::Result<()> {
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Pace<'_> {
    fn drop(&mut self) {
        // SQLite has rolled back by itself after some errors, a full disk among them.
        if self.open && !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }
}
