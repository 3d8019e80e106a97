//! Detects whether a path still names the opened file.

use std::path::Path;

/// Device and inode.
pub(super) type FileId = (u64, u64);

/// Returns the identity of the file at `path`; `None` if there is none.
#[cfg(unix)]
pub(super) fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Without inodes, only a missing file is detected.
#[cfg(not(unix))]
pub(super) fn file_id(path: &Path) -> Option<FileId> {
    path.exists().then_some((0, 0))
}
