//! Reads texts and numbers from the kernel's files.

use std::io::ErrorKind;
use std::path::Path;
use std::str::FromStr;

use crate::error::SourceError;

/// Returns the trimmed text of a file, or `None` if it cannot be read.
pub(super) fn text(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}

/// Returns the number in a file. `fix` is the next step if permission is missing.
pub(super) fn number<T: FromStr>(path: &Path, fix: &str) -> Result<T, SourceError> {
    let what = || path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => SourceError::NotPermitted {
            what: what(),
            fix: fix.to_owned(),
        },
        ErrorKind::NotFound => SourceError::NotPresent { what: what() },
        _ => SourceError::Retry {
            what: what(),
            why: error.to_string(),
        },
    })?;
    text.trim().parse().map_err(|_| SourceError::Retry {
        what: what(),
        why: format!("{:?} is not a number", text.trim()),
    })
}
