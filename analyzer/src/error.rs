//! The crate's error.

use std::path::PathBuf;

/// What can go wrong while a recording is read, shown or attributed again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The recording library refused.
    #[error(transparent)]
    Recording(#[from] tracing_energy::Error),
    /// A query failed.
    #[error("database: {0}; check that the file is a whole recording of this version")]
    Query(#[from] rusqlite::Error),
    /// A program that should record itself did not.
    #[error("{program}: {what}")]
    Program {
        /// The program and its arguments.
        program: String,
        /// What went wrong, and what to do.
        what: String,
    },
    /// A program to be recorded that cannot be executed.
    #[error("{program}: {what}")]
    NotExecuted {
        /// The program.
        program: String,
        /// What went wrong, and what to do.
        what: String,
        /// The exit code that a shell would give.
        code: u8,
    },
    /// A signal came; what was executed by then stays.
    #[error("interrupted")]
    Interrupted {
        /// Its number.
        signal: usize,
    },
    /// Repeats cannot go on.
    #[error("{0}")]
    Repeat(String),
    /// A baseline cannot be used.
    #[error("{0}")]
    Baseline(String),
    /// A question in SQL cannot be answered.
    #[error("query: {0}")]
    Sql(String),
    /// There is no recording at that path.
    #[error("{}: no such file; give the recording with --db FILE, or make one with `energy run`", .0.display())]
    NoRecording(PathBuf),
    /// The run holds nothing that could be shown that way.
    #[error("run {run}: {missing}; {next}")]
    Missing {
        /// Id of the run.
        run: String,
        /// What is missing.
        missing: String,
        /// What to do next.
        next: String,
    },
    /// A name that the run does not know.
    #[error("{what} `{name}` is unknown; choose one of: {known}")]
    Unknown {
        /// What kind of name.
        what: &'static str,
        /// The name given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// Phases are requested of a run that has none.
    #[error(
        "phase `{name}` is unknown: no span has the role `phase`; set roles with `Builder::roles`, or leave the phase out"
    )]
    NoPhases {
        /// The phase that is requested.
        name: String,
    },
    /// A price or factor that cannot be read.
    #[error("{what} `{text}` is not one; write it as {example}")]
    Rate {
        /// What it should be.
        what: &'static str,
        /// What was given.
        text: String,
        /// How it is written.
        example: &'static str,
    },
    /// These runs cannot be compared.
    #[error("{0}")]
    Compare(String),
    /// A recording cannot be written.
    #[error("{0}")]
    Sink(String),
    /// A model's file cannot be had.
    #[error("{0}")]
    Model(String),
    /// Output cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Output to a stream cannot be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;
