//! Detects whether a path still names the opened file.

use std::fs::Metadata;
use std::path::Path;

/// Device and inode.
pub type FileId = (u64, u64);

/// Returns the identity of the file at `path`; `None` if there is none.
pub(super) fn file_id(path: &Path) -> Option<FileId> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(file_id_of(&metadata))
}

/// Returns the identity of the file with this metadata.
#[cfg(unix)]
pub fn file_id_of(metadata: &Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

/// Without inodes, only a missing file is detected.
#[cfg(not(unix))]
pub fn file_id_of(_metadata: &Metadata) -> FileId {
    (0, 0)
}
