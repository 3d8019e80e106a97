//! The crate's error. SQLite's errors become messages with the file's name and the next step.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Errors of reading, writing and attributing recordings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A database operation failed.
    #[error("database {}: {message}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// The cause and the next step.
        message: String,
    },
    /// Another process holds the database's lock; the same operation may succeed later.
    #[error("database {}: {message}", path.display())]
    Busy {
        /// The database file.
        path: PathBuf,
        /// The cause and the next step.
        message: String,
    },
    /// A file is no recording, or is damaged.
    #[error("database {}: {message}", path.display())]
    Unreadable {
        /// The database file.
        path: PathBuf,
        /// The cause and the next step.
        message: String,
    },
    /// A value of a run has a wrong type. Other runs of the database can be read.
    #[error("database {}: {message}", path.display())]
    UnreadableRun {
        /// The database file.
        path: PathBuf,
        /// The run, the cause and the next step.
        message: String,
    },
    /// A selector matches no run of a database.
    #[error("database {}: {message}", path.display())]
    NoRun {
        /// The database file.
        path: PathBuf,
        /// The selector and the runs that exist.
        message: String,
    },
    /// A selector matches several runs of a database.
    #[error("database {}: {message}", path.display())]
    AmbiguousRun {
        /// The database file.
        path: PathBuf,
        /// The selector and the runs that match.
        message: String,
    },
    /// A thread could not be created.
    #[error("the file cannot be read ahead: {source}")]
    Thread {
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file's content is invalid, or the request does not fit it.
    #[error("{}: {message}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// The problem and the next step.
        message: String,
    },
}

/// Creates an error about the database at `path`.
pub(super) fn store(path: &Path, message: impl Into<String>) -> Error {
    Error::Database {
        path: path.to_owned(),
        message: message.into(),
    }
}

/// Returns a converter of SQLite errors about the database at `path`.
pub(super) fn from_sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Error + '_ {
    |error| {
        let message = explain(&error);
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy {
                path: path.to_owned(),
                message,
            },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => unreadable(path, message),
            _ => store(path, message),
        }
    }
}

/// Creates an error about a file that is no recording, or is damaged.
pub(super) fn unreadable(path: &Path, message: impl Into<String>) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        message: message.into(),
    }
}

/// Returns the message of SQLite and the next step.
pub(super) fn explain(error: &rusqlite::Error) -> String {
    match next_step(error) {
        Some(step) => format!("{error}; {step}"),
        None => error.to_string(),
    }
}

fn next_step(error: &rusqlite::Error) -> Option<&'static str> {
    Some(match error.sqlite_error_code()? {
        ErrorCode::DiskFull => "free some disk space, or record to another disk",
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            "another process holds its write lock: end that process, or record to another file"
        }
        ErrorCode::ReadOnly => "make the file and its folder writable, or record to another file",
        ErrorCode::CannotOpen => "check that the folder exists and may be written to",
        ErrorCode::PermissionDenied => "change the file's permissions",
        ErrorCode::NotADatabase => "it is no recording: give another file",
        ErrorCode::DatabaseCorrupt => {
            "the file is damaged: `sqlite3 FILE .recover` may save its rows"
        }
        ErrorCode::SystemIoFailure => "check the disk and its free space",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_of_another_process_is_busy_and_other_errors_are_not() {
        let path = Path::new("a.db");
        let error = |code| {
            let sqlite = rusqlite::ffi::Error::new(code);
            from_sqlite(path)(rusqlite::Error::SqliteFailure(sqlite, None))
        };
        for code in [rusqlite::ffi::SQLITE_BUSY, rusqlite::ffi::SQLITE_LOCKED] {
            let busy = error(code);
            assert!(matches!(busy, Error::Busy { .. }), "{busy:?}");
            assert!(busy.to_string().contains("another process"), "{busy}");
        }
        let full = error(rusqlite::ffi::SQLITE_FULL);
        assert!(matches!(full, Error::Database { .. }), "{full:?}");
    }
}
