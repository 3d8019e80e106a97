//! Errors and anomalies of input files.

use std::path::Path;

/// Returns the error for an invalid input file.
pub(super) fn invalid_input(path: &Path, message: String) -> crate::Error {
    let path = path.to_owned();
    crate::Error::Input { path, message }
}

/// An anomaly of an input file that was counted and corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anomaly {
    pub(super) kind: &'static str,
    pub(super) count: u64,
    pub(super) message: String,
}

/// Adds an anomaly if its count is above zero.
pub(super) fn push_anomaly(
    anomalies: &mut Vec<Anomaly>,
    (kind, count): (&'static str, usize),
    what: &str,
) {
    if count > 0 {
        anomalies.push(Anomaly {
            kind,
            count: count as u64,
            message: format!("{count} {what}"),
        });
    }
}
