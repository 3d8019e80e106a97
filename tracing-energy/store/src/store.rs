//! An opened recording file.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::frozen_file::{FrozenFile, OpenedFile};

/// An opened recording file: lists runs, reads recordings, writes attributions, repairs and
/// deletes.
#[derive(Debug)]
pub struct Store {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) writable: bool,
    /// State of the file when it was opened, if the connection does not see later changes.
    pub(super) frozen: Option<FrozenFile>,
}

impl Store {
    /// Wraps a connection for reading.
    pub(super) fn reading(opened: OpenedFile, path: PathBuf) -> Self {
        Self {
            connection: opened.connection,
            path,
            writable: false,
            frozen: opened.frozen,
        }
    }

    /// Wraps a connection for writing.
    pub(super) fn writing(connection: Connection, path: PathBuf) -> Self {
        Self {
            connection,
            path,
            writable: true,
            frozen: None,
        }
    }

    /// Returns whether the file must be opened again to see what was written since. That is so if
    /// it is in a folder that cannot be written, and was opened while nobody wrote it.
    pub fn is_outdated(&self) -> bool {
        let changed = |frozen| FrozenFile::of(&self.path) != Some(frozen);
        self.frozen.is_some_and(changed)
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether it was opened for writing.
    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// Returns the connection for further queries; it has `span_energy_j(span)`.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Converts into the connection.
    pub fn into_connection(self) -> Connection {
        self.connection
    }
}
