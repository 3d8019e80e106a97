//! Identity of a file, whatever its path.

use std::fs::Metadata;

/// Device and inode of a file. An open connection still reads a file that was replaced.
pub(super) type FileIdentity = (u64, u64);

/// Returns the identity of a file.
#[cfg(unix)]
pub(super) fn identity(metadata: &Metadata) -> FileIdentity {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

/// Without inodes all files are the same.
#[cfg(not(unix))]
pub(super) fn identity(_metadata: &Metadata) -> FileIdentity {
    (0, 0)
}
