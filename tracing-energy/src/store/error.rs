//! Converts SQLite errors to messages with the file's name and the next step.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::Error;

/// Creates an error about the database at `path`.
pub(super) fn store(path: &Path, message: impl Into<String>) -> Error {
    Error::Store {
        path: path.to_owned(),
        message: message.into(),
    }
}

/// Returns a converter of SQLite errors about the database at `path`.
pub(super) fn from_sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Error + '_ {
    |error| store(path, explain(&error))
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
