//! Opens the file: creates it, opens it for writing, or for reading.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{from_sqlite, store, unreadable};
use super::foreign_log::refuse_foreign_log;
use super::frozen_file::{FrozenFile, OpenedFile};
use super::{migrations, span_energy};
use crate::Error;
use energy_host::files::{FileAccess, irregular};

/// Time that a writer waits for another one's lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Number of attempts to share a new file, 10 ms apart, before its folder counts as one that cannot
/// be written.
const CREATION_RETRIES: usize = 20;
/// Age up to which a file may still be in creation.
const CREATION: Duration = Duration::from_secs(2);

/// Opens or creates the file for writing and migrates its tables. SQLite gives the file's
/// permissions to its log files.
///
/// # Errors
/// When it cannot be opened or written, or was written by a newer version.
pub(super) fn create(path: &Path, access: FileAccess) -> Result<Connection, Error> {
    refuse_irregular(path)?;
    access.create_missing(path).map_err(|error| {
        let next = "check that the folder exists and may be written to";
        store(path, format!("it cannot be created: {error}; {next}"))
    })?;
    writable(path)
}

/// Opens an existing file for writing and migrates its tables.
///
/// # Errors
/// When it does not exist, cannot be written, or was written by a newer version.
pub(super) fn open_writable(path: &Path) -> Result<Connection, Error> {
    exists(path)?;
    writable(path)
}

/// Opens an existing file for reading only.
///
/// # Errors
/// When it does not exist, cannot be read, or has tables of another version.
pub(super) fn open_read_only(path: &Path) -> Result<OpenedFile, Error> {
    exists(path)?;
    let opened = read_only(path)?;
    match migrations::check(&opened.connection, path)? {
        migrations::SCHEMA_VERSION => Ok(opened),
        0 => Err(unreadable(
            path,
            "it has no tables: nothing was recorded to it",
        )),
        _ => Err(store(path, "its tables are old: open it once for writing")),
    }
}

fn writable(path: &Path) -> Result<Connection, Error> {
    refuse_foreign_log(path)?;
    let sql = from_sqlite(path);
    // URIs are enabled to attach other files; the path itself is never a URI.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let mut connection = Connection::open_with_flags(no_uri(path), flags).map_err(&sql)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(&sql)?;
    // Checked before the first change: a newer or foreign file stays as it is.
    migrations::check(&connection, path)?;
    enter_wal(&connection).map_err(&sql)?;
    connection
        .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
        .map_err(&sql)?;
    migrations::migrate(&mut connection, path)?;
    prepare(connection, path)
}

/// Opens the file for reading, whatever the version of its tables.
///
/// A file in WAL mode inside a folder that cannot be written opens only as immutable, which
/// is safe as long as nobody writes it: see [`OpenedFile`].
///
/// # Errors
/// When it does not exist or cannot be read, or its log belongs to another file.
pub(super) fn read_only(path: &Path) -> Result<OpenedFile, Error> {
    exists(path)?;
    refuse_foreign_log(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | NO_MUTEX;
    let open = |uri: String| -> Result<(Connection, String), Error> {
        let connection = Connection::open_with_flags(&uri, flags).map_err(from_sqlite(path))?;
        Ok((connection, uri))
    };
    let attempt = || -> Result<_, Error> {
        let opened = open(uri(path, "mode=ro"))?;
        let readable = opened
            .0
            .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
        Ok((opened, readable))
    };
    let (mut opened, mut readable) = attempt()?;
    // A file that is being created cannot be shared for a moment. It must not be opened as
    // immutable: what is written to it would never be seen.
    for _ in 0..CREATION_RETRIES {
        match &readable {
            Err(error) if cannot_share(error) && is_new(path) => {
                std::thread::sleep(Duration::from_millis(10));
            }
            _ => break,
        }
        (opened, readable) = attempt()?;
    }
    let state = FrozenFile::of(path).filter(FrozenFile::is_whole);
    let ((connection, uri), frozen) = match (readable, state) {
        (Ok(()), _) => (opened, None),
        (Err(error), Some(state)) if cannot_share(&error) => {
            (open(uri(path, "mode=ro&immutable=1"))?, Some(state))
        }
        (Err(error), _) => return Err(from_sqlite(path)(error)),
    };
    connection
        .busy_timeout(BUSY_TIMEOUT)
        .map_err(from_sqlite(path))?;
    Ok(OpenedFile {
        connection: prepare(connection, path)?,
        uri,
        frozen,
    })
}

const NO_MUTEX: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

fn cannot_share(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

/// Returns whether the file was written so recently that it may still be in creation. A time in the
/// future counts as recent.
fn is_new(path: &Path) -> bool {
    let written = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| written.elapsed().map_or(true, |age| age < CREATION))
}

/// Returns the path in a form that SQLite does not parse as a URI.
fn no_uri(path: &Path) -> PathBuf {
    match path.as_os_str().as_encoded_bytes().starts_with(b"file:") {
        true => Path::new(".").join(path),
        false => path.to_owned(),
    }
}

/// Returns the URI of the file at `path` with `parameters`.
pub(super) fn uri(path: &Path, parameters: &str) -> String {
    let mut uri = String::from("file:");
    for &byte in no_uri(path).as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(byte));
            }
            other => uri.push_str(&format!("%{other:02x}")),
        }
    }
    uri + "?" + parameters
}

fn prepare(connection: Connection, path: &Path) -> Result<Connection, Error> {
    connection.set_prepared_statement_cache_capacity(64);
    // Otherwise SQLite compiles a kept statement again whenever a value that its plan could depend on
    // is bound anew.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(from_sqlite(path))?;
    span_energy::register_functions(&connection).map_err(from_sqlite(path))?;
    Ok(connection)
}

/// Enters WAL mode; retries, because SQLite does not wait while another process changes the
/// journal mode.
fn enter_wal(connection: &Connection) -> rusqlite::Result<()> {
    let give_up = Instant::now() + BUSY_TIMEOUT;
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| {
            row.get::<_, String>(0)
        });
        match mode {
            Err(error) if is_busy(&error) && Instant::now() < give_up => {
                std::thread::sleep(Duration::from_millis(5));
            }
            // A file system without shared memory keeps its rollback journal: slower, but
            // correct.
            other => return other.map(|_| ()),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseBusy | DatabaseLocked)
    )
}

fn exists(path: &Path) -> Result<(), Error> {
    std::fs::metadata(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    refuse_irregular(path)
}

/// Refuses folders and devices, for which SQLite would report a disk error.
fn refuse_irregular(path: &Path) -> Result<(), Error> {
    match irregular(path) {
        Some(what) => Err(unreadable(
            path,
            format!("it is {what}; give the path of a recording"),
        )),
        None => Ok(()),
    }
}
