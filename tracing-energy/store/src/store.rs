//! An opened recording file.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

/// An opened recording file: lists runs, reads recordings, writes attributions, repairs and
/// deletes.
#[derive(Debug)]
pub struct Store {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) writable: bool,
}

impl Store {
    /// Wraps a connection for reading.
    pub(super) fn reading(connection: Connection, path: PathBuf) -> Self {
        Self {
            connection,
            path,
            writable: false,
        }
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
