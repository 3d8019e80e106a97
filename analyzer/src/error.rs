//! Error type of the crate.

use std::path::PathBuf;

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
    /// An SQL query failed.
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

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;
