//! Versions of the tables. `user_version` counts the applied migrations.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::{from_sqlite, store};
use crate::Error;

/// Migration steps; a released step never changes.
const MIGRATIONS: [&str; 6] = [
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
];

/// Version of the tables that this crate writes.
pub const SCHEMA_VERSION: usize = MIGRATIONS.len();

/// Identifies recordings among SQLite files: `TREN`.
const APPLICATION_ID: i64 = 0x5452_454e;

/// Migrates the tables to the current version. Of two processes at once, the second waits
/// for the first one's lock and has nothing to do.
///
/// # Errors
/// When the file was written by a newer version, is not a recording, or is not writable.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    while check(connection, path)? < SCHEMA_VERSION {
        step(connection, path)?;
    }
    Ok(())
}

/// Returns the file's version.
///
/// # Errors
/// When the file was written by a newer version or is not a recording.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<usize, Error> {
    let version = pragma(connection, "user_version").map_err(from_sqlite(path))?;
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if is_foreign(connection).map_err(from_sqlite(path))? {
        return Err(store(path, "it is no recording: give another file"));
    }
    if version > SCHEMA_VERSION {
        return Err(store(
            path,
            format!(
                "written by a newer version (tables {version}, this program knows {SCHEMA_VERSION}); update this program, or record to another file"
            ),
        ));
    }
    Ok(version)
}

fn step(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let sql = from_sqlite(path);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(&sql)?;
    // Checked again under the lock: another process may have migrated it.
    let version = check(&transaction, path)?;
    if let Some(migration) = MIGRATIONS.get(version) {
        transaction.execute_batch(migration).map_err(&sql)?;
        set_pragma(&transaction, "user_version", version as i64 + 1).map_err(&sql)?;
        set_pragma(&transaction, "application_id", APPLICATION_ID).map_err(&sql)?;
    }
    transaction.commit().map_err(&sql)
}

/// Returns whether the file holds another application's tables.
fn is_foreign(connection: &Connection) -> rusqlite::Result<bool> {
    if pragma(connection, "application_id")? == APPLICATION_ID {
        return Ok(false);
    }
    connection.query_row("SELECT count(*) > 0 FROM sqlite_schema", [], |row| {
        row.get(0)
    })
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn set_pragma(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, name, value)
}
