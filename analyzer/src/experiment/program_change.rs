//! Detects whether the program of the trials was replaced while an experiment runs.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::checksum::sha256;
use crate::error::Result;

/// The file of a program.
#[derive(Debug)]
pub(super) struct WatchedProgram {
    path: PathBuf,
    stamp: Option<FileStamp>,
    sha256: String,
}

/// Size and time of a file: both are the same while it is not written.
type FileStamp = (u64, Option<SystemTime>);

fn stamp(path: &Path) -> Option<FileStamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}

impl WatchedProgram {
    /// Reads the program.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn new(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            stamp: stamp(path),
            sha256: sha256(path)?,
        })
    }

    /// Returns its checksum.
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Returns whether its content has changed since the last call. It is read only if its size
    /// or time differ. A file that is missing for a moment has not changed.
    pub(super) fn has_changed(&mut self) -> bool {
        let now = stamp(&self.path);
        if now.is_none() || now == self.stamp {
            return false;
        }
        self.stamp = now;
        match sha256(&self.path) {
            Ok(sha256) if sha256 != self.sha256 => {
                self.sha256 = sha256;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_content_is_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        std::fs::write(&path, "one").unwrap();
        let mut program = WatchedProgram::new(&path).unwrap();
        assert!(!program.has_changed());
        // The same content again, with a new time.
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(!program.has_changed());
        let before = program.sha256().to_owned();
        std::fs::write(&path, "longer").unwrap();
        assert!(program.has_changed() && !program.has_changed());
        assert_ne!(program.sha256(), before);
        std::fs::remove_file(&path).unwrap();
        assert!(!program.has_changed());
    }
}
