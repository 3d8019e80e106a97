//! Opens the file for its three uses.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::error::{from_sqlite, store};
use super::{migrations, span_energy};
use crate::Error;

/// How long a writer waits for another one's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens or creates the file for writing, with up-to-date tables.
///
/// # Errors
/// When it cannot be opened or written, or is newer than this program.
pub(super) fn create(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    writable(path, flags)
}

/// Opens an existing file for writing, with up-to-date tables.
///
/// # Errors
/// When it is not there, cannot be written, or is newer than this program.
pub(super) fn open_writable(path: &Path) -> Result<Connection, Error> {
    exists(path)?;
    writable(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// Opens an existing file for reading only.
///
/// # Errors
/// When it is not there, cannot be read, or has tables this program does not know.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, Error> {
    exists(path)?;
    let connection = read_only(path)?;
    match migrations::check(&connection, path)? {
        migrations::SCHEMA_VERSION => Ok(connection),
        0 => Err(store(path, "it has no tables: nothing was recorded to it")),
        _ => Err(store(path, "its tables are old: open it once for writing")),
    }
}

fn writable(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let sql = from_sqlite(path);
    let mut connection = Connection::open_with_flags(path, flags | NO_MUTEX).map_err(&sql)?;
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

/// A file in WAL mode inside a folder that cannot be written opens only as
/// immutable, which is safe where no WAL waits beside it.
fn read_only(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(from_sqlite(path))?;
    let readable = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    let connection = match readable {
        Err(error) if cannot_share(&error) && !wal_of(path).exists() => {
            let uri = immutable_uri(path);
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
                .map_err(from_sqlite(path))?
        }
        Err(error) => return Err(from_sqlite(path)(error)),
        Ok(()) => connection,
    };
    connection
        .busy_timeout(BUSY_TIMEOUT)
        .map_err(from_sqlite(path))?;
    prepare(connection, path)
}

const NO_MUTEX: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

fn cannot_share(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

fn wal_of(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn immutable_uri(path: &Path) -> String {
    let escaped = path
        .to_string_lossy()
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    format!("file:{escaped}?immutable=1")
}

fn prepare(connection: Connection, path: &Path) -> Result<Connection, Error> {
    connection.set_prepared_statement_cache_capacity(64);
    span_energy::register(&connection).map_err(from_sqlite(path))?;
    Ok(connection)
}

/// SQLite does not wait by itself while two processes change the journal mode.
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
            // A file system without shared memory keeps its journal: slower, right.
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
    std::fs::metadata(path)
        .map(|_| ())
        .map_err(|source| Error::Io {
            path: path.to_owned(),
            source,
        })
}
