//! Watches whether the file is replaced while the log of the earlier one remains.
//!
//! ```text
//! file  A   A   B        another file, the same log: refused
//! log   w   w   w
//! ```
//!
//! A file that is overwritten in place keeps its identity. Recorders write to the file only after they
//! have written to its log. So a write to the file long after the last write to its log is not theirs.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime};

use energy_store::{FileId, file_id_of, foreign_log, wal_of};

use crate::error::Result;

/// Longest time that a recorder takes to copy its log into the file.
const COPYING: Duration = Duration::from_secs(60);

/// The last file and log that belonged together.
#[derive(Debug, Default)]
pub(in crate::serve) struct LogWatch(Option<SeenPair>);

#[derive(Debug, Clone, PartialEq)]
struct SeenPair {
    file: SeenFile,
    /// `None` without a log, or with an empty one.
    log: Option<SeenFile>,
}

#[derive(Debug, Clone, PartialEq)]
struct SeenFile {
    id: FileId,
    bytes: u64,
    written: Option<SystemTime>,
}

impl SeenFile {
    fn of(metadata: &Metadata) -> Self {
        Self {
            id: file_id_of(metadata),
            bytes: metadata.len(),
            written: metadata.modified().ok(),
        }
    }
}

impl LogWatch {
    /// Looks at the file at `path`, if there is one, and at its log.
    ///
    /// # Errors
    /// As [`LogWatch::look`].
    pub(in crate::serve) fn check(&mut self, path: &Path) -> Result<()> {
        match std::fs::metadata(path) {
            Ok(metadata) => self.look(path, &metadata),
            Err(_) => Ok(()),
        }
    }

    /// Looks at the log of the file at `path`.
    ///
    /// # Errors
    /// If it belongs to another file. This remains until the log changes, or the earlier file is back.
    pub(super) fn look(&mut self, path: &Path, file: &Metadata) -> Result<()> {
        let log = std::fs::metadata(wal_of(path)).ok();
        let now = SeenPair {
            file: SeenFile::of(file),
            log: log
                .filter(|log| log.len() > 0)
                .map(|log| SeenFile::of(&log)),
        };
        if self.0.as_ref().is_some_and(|seen| is_replaced(seen, &now)) {
            return Err(foreign_log(path).into());
        }
        self.0 = Some(now);
        Ok(())
    }
}

/// Returns whether the file was replaced or overwritten, and its log is still the same.
fn is_replaced(seen: &SeenPair, now: &SeenPair) -> bool {
    // SQLite removes the log of a new file.
    if seen.log.is_none() || seen.log != now.log || now.file.bytes == 0 {
        return false;
    }
    let log_written = now.log.as_ref().and_then(|log| log.written);
    let is_long_after = || {
        let since = now.file.written?.duration_since(log_written?).ok()?;
        Some(since > COPYING)
    };
    seen.file.id != now.file.id || (seen.file != now.file && is_long_after().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(number: u64, written_s: u64) -> SeenFile {
        SeenFile {
            id: (1, number),
            bytes: 10,
            written: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(written_s)),
        }
    }

    fn pair(of: SeenFile, log: Option<SeenFile>) -> SeenPair {
        SeenPair { file: of, log }
    }

    #[test]
    fn another_file_with_the_same_log_is_replaced() {
        let seen = pair(file(1, 0), Some(file(9, 5)));
        assert!(!is_replaced(&seen, &seen));
        assert!(is_replaced(&seen, &pair(file(2, 0), Some(file(9, 5)))));
        // With its own log, or none.
        assert!(!is_replaced(&seen, &pair(file(2, 0), Some(file(8, 5)))));
        assert!(!is_replaced(&seen, &pair(file(2, 0), None)));
        assert!(!is_replaced(
            &pair(file(1, 0), None),
            &pair(file(2, 0), None)
        ));
    }

    #[test]
    fn writes_long_after_those_to_the_log_are_not_of_a_recorder() {
        let seen = pair(file(1, 0), Some(file(9, 5)));
        assert!(!is_replaced(&seen, &pair(file(1, 7), Some(file(9, 5)))));
        assert!(!is_replaced(&seen, &pair(file(1, 900), Some(file(9, 899)))));
        assert!(is_replaced(&seen, &pair(file(1, 900), Some(file(9, 5)))));
    }
}
