//! The state of a file that is read as immutable, to detect that it has changed.
//!
//! ```text
//! folder cannot be written, no log          read as immutable: SQLite sees no later change
//! a recorder adds a log, or writes          the state differs: open the file again
//! ```

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::Connection;

/// A file that is open for reading.
pub(super) struct OpenedFile {
    pub(super) connection: Connection,
    /// The URI by which it is open.
    pub(super) uri: String,
    /// Its state before it was opened, if the connection sees no later change.
    pub(super) frozen: Option<FrozenFile>,
}

/// Size and time of change of a file, and size of its write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrozenFile {
    bytes: u64,
    modified: Option<SystemTime>,
    log_bytes: u64,
}

impl FrozenFile {
    /// Returns the present state of the file at `path`; `None` if it cannot be looked up.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            log_bytes: log_bytes(path),
        })
    }

    /// Returns whether the file contains everything: nothing is in a log.
    pub(super) fn is_whole(&self) -> bool {
        self.log_bytes == 0
    }
}

fn log_bytes(path: &Path) -> u64 {
    std::fs::metadata(wal_of(path)).map_or(0, |metadata| metadata.len())
}

/// Returns the path of the write-ahead log of the file at `path`.
pub fn wal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}
