//! Detects a write-ahead log that was left by another file at the same path. SQLite would apply it:
//! nothing in a log names its file.
//!
//! A recorder creates its file first and the log later. So a log that existed, and was written for
//! the last time, before its file came into being belongs to an earlier file. Copies of a
//! pair come into being together.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::error::unreadable;
use super::frozen_file::wal_of;
use crate::Error;

/// Largest time between the copies of a file and its log.
const COPYING: Duration = Duration::from_secs(10);

/// Refuses a file if its log is known to belong to another file.
///
/// # Errors
/// When the log belongs to another file.
pub(super) fn refuse_foreign_log(path: &Path) -> Result<(), Error> {
    match is_older(path).unwrap_or(false) {
        true => Err(foreign_log(path)),
        false => Ok(()),
    }
}

/// Returns whether the log is older than the file; `None` if there is no log, or the file system does
/// not keep the times.
fn is_older(path: &Path) -> Option<bool> {
    let log = std::fs::metadata(wal_of(path)).ok()?;
    if log.len() == 0 {
        return None;
    }
    let file = std::fs::metadata(path).ok()?;
    if file.len() == 0 {
        // SQLite removes the log of a new file.
        return None;
    }
    let created = file.created().ok()?;
    let written = log.created().ok()?.max(log.modified().ok()?);
    Some(is_before(written, created))
}

fn is_before(written: SystemTime, created: SystemTime) -> bool {
    written
        .checked_add(COPYING)
        .is_some_and(|latest| latest < created)
}

/// Returns the error about a log that belongs to another file than the one at `path`.
pub fn foreign_log(path: &Path) -> Error {
    let log = wal_of(path);
    let (file, log) = (path.display(), log.display());
    unreadable(
        path,
        format!(
            "the log {log} belongs to another file, which was at this path before; SQLite would mix \
             both. Move the log away, together with {file}-shm. To keep the rows in it, put the \
             earlier file back first and open it with `energy runs`"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_foreign_if_it_was_complete_before_the_file_existed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let log = wal_of(&path);
        assert_eq!(is_older(&path), None);
        std::fs::write(&path, "x").unwrap();
        std::fs::write(&log, "").unwrap();
        assert_eq!(is_older(&path), None, "an empty log has no rows");
        std::fs::write(&log, "x").unwrap();
        assert_ne!(is_older(&path), Some(true));
        // The time of the last write alone proves nothing: copies keep it.
        let file = std::fs::File::options().write(true).open(&log).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_ne!(is_older(&path), Some(true));
        let now = SystemTime::now();
        let later = now + COPYING + Duration::from_secs(1);
        assert!(is_before(now, later) && !is_before(later, now) && !is_before(now, now + COPYING));
        let error = foreign_log(&path).to_string();
        assert!(
            error.contains("a.db-wal") && error.contains("a.db-shm"),
            "{error}"
        );
    }
}
