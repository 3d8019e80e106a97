//! Error type of the crate.

use std::path::PathBuf;
use std::time::Duration;

use energy_data::sink::SinkError;
use energy_store::Error as StoreError;

use crate::options::duration_text;

/// Errors of reading, showing and attributing recordings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program cannot be recorded.
    #[error(transparent)]
    Recording(Box<dyn std::error::Error + Send + Sync>),
    /// A recording cannot be read, written or attributed.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    Rows(#[from] SinkError),
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
    /// Another process executes the experiment.
    #[error("{0}")]
    InUse(String),
    /// A baseline exists, or cannot be used.
    #[error("{0}")]
    Baseline(String),
    /// There is no such baseline.
    #[error("{0}")]
    NoBaseline(String),
    /// An SQL query exceeded its time limit.
    #[error("the query took more than {}; restrict it, or increase --timeout", duration_text(*.0))]
    Timeout(Duration),
    /// A text is not an SQL query, or one that is not permitted.
    #[error("query: {0}")]
    Sql(String),
    /// The database doesn't exist.
    #[error("{}: no such file; give the database with --db FILE, or record one with `energy run` or `energy record`", .0.display())]
    NoRecording(PathBuf),
    /// A run cannot be changed while a process records it.
    #[error("run {run} is being recorded by process {pid}: delete it after the process has ended")]
    BeingRecorded {
        /// Title of the run.
        run: String,
        /// The process.
        pid: u32,
    },
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
    /// A request contradicts itself, its limits or its input.
    #[error("{0}")]
    Request(String),
    /// An export cannot be written.
    #[error("{0}")]
    Sink(String),
    /// What was written before is damaged, or contradicts what is to be written; it is not replaced.
    #[error("{0}")]
    Conflict(String),
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

/// What an error means for whoever sent the request. Commands derive their exit codes from it,
/// and a server its status codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Something that the request names does not exist: a file, run, phase, format.
    Absent,
    /// The request is malformed or ambiguous: change it.
    Invalid,
    /// The request is understood but not carried out: permissions, or a safeguard.
    Refused,
    /// Something is in use: the same request may succeed later.
    Busy,
    /// A file, program or system does not work as it should.
    Broken,
}

impl Error {
    /// Wraps an error of the recorder or of a power source.
    pub fn recording(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Recording(error.into())
    }

    /// Returns the class of the error.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NoRecording(_)
            | Self::Store(StoreError::NoRun { .. })
            | Self::NoBaseline(_)
            | Self::NoPhases { .. }
            | Self::Missing { .. }
            | Self::Unknown { .. } => ErrorClass::Absent,
            Self::Store(StoreError::AmbiguousRun { .. })
            | Self::Rate { .. }
            | Self::Request(_)
            | Self::Sql(_) => ErrorClass::Invalid,
            Self::Baseline(_)
            | Self::Compare(_)
            | Self::InUse(_)
            | Self::Repeat(_)
            | Self::Timeout(_) => ErrorClass::Refused,
            Self::NotExecuted { code, .. } => match code {
                127 => ErrorClass::Absent,
                _ => ErrorClass::Refused,
            },
            Self::BeingRecorded { .. } | Self::Store(StoreError::Busy { .. }) => ErrorClass::Busy,
            Self::Query(error) => class_of_query(error),
            Self::File { source, .. } | Self::Io(source) => class_of_io(source),
            Self::Recording(error) => class_of_cause(error.as_ref()),
            Self::Store(error) => class_of_cause(error),
            Self::Rows(error) => class_of_cause(error),
            Self::Program { .. }
            | Self::Interrupted { .. }
            | Self::Input { .. }
            | Self::Sink(_)
            | Self::Conflict(_)
            | Self::Model(_) => ErrorClass::Broken,
        }
    }

    /// Returns the exit code of a command that ends with this error: 128 + the number of a
    /// signal, that of a program that cannot be executed, 2 if the request is wrong (it names
    /// something that does not exist, or is malformed), or 1.
    pub fn exit_code(&self) -> u8 {
        match (self, self.class()) {
            (Self::Interrupted { signal }, _) => u8::try_from(128 + signal).unwrap_or(1),
            (Self::NotExecuted { code, .. }, _) => *code,
            (_, ErrorClass::Absent | ErrorClass::Invalid) => 2,
            (_, ErrorClass::Refused | ErrorClass::Busy | ErrorClass::Broken) => 1,
        }
    }
}

fn class_of_query(error: &rusqlite::Error) -> ErrorClass {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorClass::Busy,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => ErrorClass::Refused,
        _ => ErrorClass::Broken,
    }
}

fn class_of_io(error: &std::io::Error) -> ErrorClass {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => ErrorClass::Absent,
        ErrorKind::PermissionDenied | ErrorKind::AlreadyExists => ErrorClass::Refused,
        ErrorKind::InvalidInput | ErrorKind::InvalidFilename => ErrorClass::Invalid,
        ErrorKind::WouldBlock | ErrorKind::ResourceBusy => ErrorClass::Busy,
        _ => ErrorClass::Broken,
    }
}

/// Returns the class of the operating system's or the database's error that caused `error`.
fn class_of_cause(error: &(dyn std::error::Error + 'static)) -> ErrorClass {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return class_of_io(error);
        }
        if let Some(error) = error.downcast_ref::<rusqlite::Error>() {
            return class_of_query(error);
        }
        cause = error.source();
    }
    ErrorClass::Broken
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_the_cause() {
        let io = |kind: std::io::ErrorKind| Error::Io(kind.into());
        let classes = [
            (Error::NoRecording("a.db".into()), ErrorClass::Absent),
            (io(std::io::ErrorKind::NotFound), ErrorClass::Absent),
            (Error::Request("no".to_owned()), ErrorClass::Invalid),
            (Error::Compare("no".to_owned()), ErrorClass::Refused),
            (
                io(std::io::ErrorKind::PermissionDenied),
                ErrorClass::Refused,
            ),
            (io(std::io::ErrorKind::ResourceBusy), ErrorClass::Busy),
            (Error::Sink("no".to_owned()), ErrorClass::Broken),
            (
                Error::Store(StoreError::Io {
                    path: "a".into(),
                    source: std::io::ErrorKind::NotFound.into(),
                }),
                ErrorClass::Absent,
            ),
            (
                Error::Store(StoreError::Busy {
                    path: "a".into(),
                    message: "locked".to_owned(),
                }),
                ErrorClass::Busy,
            ),
            (
                Error::Store(StoreError::AmbiguousRun {
                    path: "a".into(),
                    message: "two".to_owned(),
                }),
                ErrorClass::Invalid,
            ),
            (
                Error::recording(std::io::Error::from(std::io::ErrorKind::ResourceBusy)),
                ErrorClass::Busy,
            ),
        ];
        for (error, class) in classes {
            assert_eq!(error.class(), class, "{error}");
        }
    }

    #[test]
    fn exit_codes_follow_the_class_or_are_those_of_shells() {
        let not_executed = |code| Error::NotExecuted {
            program: "p".to_owned(),
            what: "w".to_owned(),
            code,
        };
        assert_eq!(Error::Interrupted { signal: 15 }.exit_code(), 143);
        assert_eq!(not_executed(127).exit_code(), 127);
        assert_eq!(not_executed(126).class(), ErrorClass::Refused);
        assert_eq!(Error::Request("no".to_owned()).exit_code(), 2);
        assert_eq!(Error::NoRecording("a.db".into()).exit_code(), 2);
        assert_eq!(Error::Compare("no".to_owned()).exit_code(), 1);
        assert_eq!(Error::Timeout(Duration::ZERO).exit_code(), 1);
        assert_eq!(Error::Sink("no".to_owned()).exit_code(), 1);
    }
}
