//! The crate's error.

use std::path::PathBuf;

use crate::power::SourceError;

/// What can go wrong before, beside or after a recording. The traced program
/// never sees one: while recording, errors become counted events of the run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A power source cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The database refused.
    #[error("database {}: {message}", path.display())]
    Store {
        /// The database file.
        path: PathBuf,
        /// What it said and what to do next.
        message: String,
    },
    /// The system refused a thread or a signal handler.
    #[error("the recorder cannot start: {source}")]
    Thread {
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A setting of the recording is not what it should be.
    #[error("the recording cannot start: {message}")]
    Setting {
        /// The setting, what is wrong with it and what to do next.
        message: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file's content is not what it should be.
    #[error("{}: {message}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what to do next.
        message: String,
    },
}
