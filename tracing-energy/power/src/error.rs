//! The error of a source.

/// Why a source delivers nothing, and what to do about it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SourceError {
    /// The sensor exists but may not be read.
    NotPermitted {
        /// The sensor.
        what: String,
        /// The exact next step.
        fix: String,
    },
    /// There is no such sensor here.
    NotPresent {
        /// The sensor.
        what: String,
    },
    /// A temporary failure.
    Retry {
        /// The sensor.
        what: String,
        /// What happened.
        why: String,
    },
    /// Permanently gone in this run (a replay that ended, a device that was unplugged).
    Gone {
        /// The sensor.
        what: String,
        /// What happened.
        why: String,
    },
    /// The recording or a setting is invalid.
    BadInput {
        /// The file or setting.
        what: String,
        /// What is wrong and what to do next.
        why: String,
    },
}

// Written out: a program that embeds the layer then compiles no derive macros.
impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotPermitted { what, fix } => write!(f, "{what}: not permitted; {fix}"),
            Self::NotPresent { what } => write!(f, "{what}: not present"),
            Self::Retry { what, why } => write!(f, "{what}: failed for now: {why}"),
            Self::Gone { what, why } => write!(f, "{what}: gone: {why}"),
            Self::BadInput { what, why } => write!(f, "{what}: {why}"),
        }
    }
}

impl std::error::Error for SourceError {}
