//! The crate's error.

use std::path::PathBuf;

use crate::power::SourceError;

/// Errors before, during setup of and after a recording. The traced program never sees one:
/// while recording, errors are stored as counted events of the run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A selector matches no run of a database, or more than one.
    #[error("database {}: {message}", path.display())]
    Selection {
        /// The database file.
        path: PathBuf,
        /// The selector and the runs that exist or match.
        message: String,
    },
    /// A power source cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A database operation failed.
    #[error("database {}: {message}", path.display())]
    Store {
        /// The database file.
        path: PathBuf,
        /// The cause and the next step.
        message: String,
    },
    /// A thread or signal handler could not be created.
    #[error("the recorder cannot start: {source}")]
    Thread {
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A setting of the recording is invalid.
    #[error("the recording cannot start: {message}")]
    Setting {
        /// The setting, the problem and the next step.
        message: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file's content is invalid.
    #[error("{}: {message}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// The problem and the next step.
        message: String,
    },
}
