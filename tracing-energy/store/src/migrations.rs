//! Versions of the tables. A file has one of these:
//!
//! ```text
//! application_id   user_version
//! of recordings    1 .. SCHEMA_VERSION     its tables; older ones are migrated by a writer
//! of recordings    above                   written by a newer version: refused
//! of development   any                     recorded before version 1: refused
//! 0                0, no tables            a new file
//! anything else                            no recording: refused
//! ```
//!
//! To change the tables of a released version, add `migration_N.sql` and its line in
//! [`STEPS`]. `tests/golden/version_N.sql` keeps rows of each version: see
//! `tests/store/reads_recordings_of_all_versions.rs`, which generates them.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::{from_sqlite, unreadable};
use crate::Error;

/// SQL that leads from version 0, an empty file, to version 1, and from each version to the
/// next. A released step never changes.
pub(super) const STEPS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("migration_2.sql"),
    include_str!("migration_3.sql"),
];

/// Version of the tables that this crate writes.
pub const SCHEMA_VERSION: usize = STEPS.len();

/// Identifies recordings among SQLite files: `TrEn`.
const APPLICATION_ID: i64 = 0x5472_456e;

/// Identifies recordings of the time before version 1: `TREN`.
const DEVELOPMENT_ID: i64 = 0x5452_454e;

/// Migrates the tables to the current version. Of two processes at once, the second waits
/// for the first one's lock and has nothing to do.
///
/// # Errors
/// When the file was written by a newer or a development version, is not a recording, or is
/// not writable.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    apply(STEPS, connection, path)
}

/// Migrates the tables by `steps`, as [`migrate`] does.
pub(super) fn apply(steps: &[&str], connection: &mut Connection, path: &Path) -> Result<(), Error> {
    while check_for(steps.len(), connection, path)? < steps.len() {
        step(steps, connection, path)?;
    }
    Ok(())
}

/// Returns the file's version; 0 if it is empty.
///
/// # Errors
/// When the file was written by a newer or a development version, or is not a recording.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<usize, Error> {
    check_for(SCHEMA_VERSION, connection, path)
}

fn check_for(newest: usize, connection: &Connection, path: &Path) -> Result<usize, Error> {
    // One state of the file: between two reads, another process may create the tables.
    let sql = from_sqlite(path);
    let one_state = connection
        .is_autocommit()
        .then(|| connection.unchecked_transaction());
    let _one_state = one_state.transpose().map_err(&sql)?;
    let version = pragma(connection, "user_version").map_err(&sql)?;
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    let refused = match pragma(connection, "application_id").map_err(&sql)? {
        APPLICATION_ID if version > newest => format!(
            "written by a newer version (tables {version}, this program knows {newest}); update this program, or record to another file"
        ),
        APPLICATION_ID => return Ok(version),
        DEVELOPMENT_ID => {
            "recorded by a development version: its tables cannot be read; record it again to another file".to_owned()
        }
        _ if is_empty(connection).map_err(&sql)? => return Ok(0),
        _ => "it is no recording: give another file".to_owned(),
    };
    Err(unreadable(path, refused))
}

fn step(steps: &[&str], connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let sql = from_sqlite(path);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(&sql)?;
    // Checked again under the lock: another process may have migrated it.
    let version = check_for(steps.len(), &transaction, path)?;
    if let Some(step) = steps.get(version) {
        transaction.execute_batch(step).map_err(&sql)?;
        set_pragma(&transaction, "user_version", version as i64 + 1).map_err(&sql)?;
        set_pragma(&transaction, "application_id", APPLICATION_ID).map_err(&sql)?;
    }
    transaction.commit().map_err(&sql)
}

/// Returns whether the file has no tables.
fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| {
        row.get(0)
    })
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn set_pragma(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, name, value)
}

#[cfg(test)]
mod tests;
