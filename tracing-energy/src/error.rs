//! The crate's error.

use std::path::PathBuf;

use energy_power::SourceError;

/// Errors before, during setup of and after a recording. The traced program never sees one:
/// while recording, errors are stored as counted events of the run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A power source cannot be used.
    Source(SourceError),
    /// A recording cannot be read or written.
    #[cfg(feature = "sqlite")]
    Store(energy_store::Error),
    /// A thread or signal handler could not be created.
    Thread {
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A setting of the recording is invalid.
    Setting {
        /// The setting, the problem and the next step.
        message: String,
    },
    /// A file cannot be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

// Written out: a program that embeds the layer then compiles no derive macros.
impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            #[cfg(feature = "sqlite")]
            Self::Store(error) => error.fmt(f),
            Self::Thread { source } => write!(f, "the recorder cannot start: {source}"),
            Self::Setting { message } => write!(f, "the recording cannot start: {message}"),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Thread { source } | Self::Io { source, .. } => Some(source),
            Self::Source(error) => error.source(),
            #[cfg(feature = "sqlite")]
            Self::Store(error) => error.source(),
            Self::Setting { .. } => None,
        }
    }
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

#[cfg(feature = "sqlite")]
impl From<energy_store::Error> for Error {
    fn from(error: energy_store::Error) -> Self {
        Self::Store(error)
    }
}
