//! Error type of the crate.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use crate::options::duration_text;

/// Errors of reading, showing and attributing recordings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error of the recording library.
    #[error(transparent)]
    Recording(#[from] tracing_energy::Error),
    /// A recording cannot be read, written or attributed.
    #[error(transparent)]
    Store(#[from] tracing_energy::store::Error),
    /// A file's content is invalid.
    #[error("{}: {message}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// The problem and the next step.
        message: String,
    },
    /// Rows cannot be written.
    #[error(transparent)]
    Rows(#[from] tracing_energy::sink::SinkError),
    /// A query failed.
    #[error("database: {0}; check that the file is a complete recording of this version")]
    Query(#[from] rusqlite::Error),
    /// A program did not record itself as expected.
    #[error("{program}: {what}")]
    Program {
        /// The program and its arguments.
        program: String,
        /// Problem and next step.
        what: String,
    },
    /// A program cannot be executed.
    #[error("{program}: {what}")]
    NotExecuted {
        /// The program.
        program: String,
        /// Problem and next step.
        what: String,
        /// Exit code, same as a shell's.
        code: u8,
    },
    /// Interrupted by a signal; runs recorded before are kept.
    #[error("interrupted")]
    Interrupted {
        /// Number of the signal.
        signal: usize,
    },
    /// Repeats cannot be resumed.
    #[error("{0}")]
    Repeat(String),
    /// A baseline cannot be used.
    #[error("{0}")]
    Baseline(String),
    /// The request contradicts itself or its input.
    #[error("{0}")]
    Usage(String),
    /// An SQL query exceeded its time limit.
    #[error("query: it took more than {}; restrict it, or increase --timeout", duration_text(*.0))]
    Timeout(Duration),
    /// A text is not an SQL query, or one that is not permitted.
    #[error("query: {0}")]
    Sql(String),
    /// The database doesn't exist.
    #[error("{}: no such file; give the database with --db FILE, or record one with `energy run` or `energy record`", .0.display())]
    NoRecording(PathBuf),
    /// The run lacks the requested data.
    #[error("run {run}: {missing}; {next}")]
    Missing {
        /// Id of the run.
        run: String,
        /// What is missing.
        missing: String,
        /// Next step.
        next: String,
    },
    /// A name does not exist.
    #[error("{what} `{name}` is unknown; choose one of: {known}")]
    Unknown {
        /// Kind of the name.
        what: &'static str,
        /// The name given.
        name: String,
        /// Existing names.
        known: String,
    },
    /// A phase is requested of a run without phases.
    #[error(
        "phase `{name}` is unknown: no span has the role `phase`; set roles with `EnergyLayerBuilder::roles`, or omit the phase"
    )]
    NoPhases {
        /// Requested phase.
        name: String,
    },
    /// A price or factor cannot be parsed.
    #[error("invalid {what} `{text}`; write {example}")]
    Rate {
        /// Expected kind of value.
        what: &'static str,
        /// Given text.
        text: String,
        /// Example of the format.
        example: &'static str,
    },
    /// Runs cannot be compared.
    #[error("{0}")]
    Compare(String),
    /// An export cannot be written.
    #[error("{0}")]
    Sink(String),
    /// A model cannot be loaded or downloaded.
    #[error("{0}")]
    Model(String),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A stream cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Error {
    /// Returns whether the request is wrong: it names a run, file, rail or value that does not
    /// exist, or does not fit the run. The same request can never succeed on this input.
    pub fn is_usage(&self) -> bool {
        use tracing_energy::store::Error as Of;
        match self {
            Self::NoRecording(_)
            | Self::Missing { .. }
            | Self::Unknown { .. }
            | Self::NoPhases { .. }
            | Self::Rate { .. }
            | Self::Sql(_)
            | Self::Usage(_)
            | Self::Store(Of::Selection { .. }) => true,
            Self::File { source, .. } | Self::Store(Of::Io { source, .. }) => {
                source.kind() == ErrorKind::NotFound
            }
            _ => false,
        }
    }
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;
