//! Errors of simulated traces.

use std::path::PathBuf;

/// Reasons why a trace cannot be generated, written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// Not a scenario's name.
    #[error("unknown scenario {name:?}; use one of {known}")]
    UnknownScenario {
        /// The name given.
        name: String,
        /// All names.
        known: String,
    },
    /// Not the name of a setting, or not `name=value`.
    #[error("{text:?} is not a setting; use name=value with a name from truth.json's config")]
    UnknownSetting {
        /// What was given.
        text: String,
    },
    /// A setting's value is of the wrong type.
    #[error("a value in {changes:?} does not fit: {source}")]
    BadSetting {
        /// What was given.
        changes: String,
        /// Which one, and why.
        source: serde_json::Error,
    },
    /// Settings for which there is no trace.
    #[error("{name} is {value}; it has to be {wanted}")]
    OutOfRange {
        /// The setting's name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        wanted: &'static str,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of a file does not match the header.
    #[error("{path}, line {line}: {what}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, the first one being 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A JSON document is not what it should be.
    #[error("truth.json: {0}")]
    Json(#[from] serde_json::Error),
}
