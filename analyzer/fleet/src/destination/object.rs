//! What a folder and a bucket have in common.

use crate::error::{Error, Result};

/// Result of writing an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// It was written.
    Written,
    /// It was there, with the same content.
    Existing,
}

/// A folder or a bucket. Paths are relative to its root, with `/`.
pub trait Destination {
    /// Returns the name for messages and in recordings: an absolute path, or a URL.
    fn root(&self) -> &str;

    /// Writes an object unless one exists. Readers never see a part of it.
    ///
    /// # Errors
    /// If an object with other content exists, or it cannot be written.
    fn put(&self, path: &str, bytes: &[u8]) -> Result<PutOutcome>;

    /// Writes an object in place of an earlier one. Readers see one of both.
    ///
    /// # Errors
    /// If it cannot be written.
    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()>;

    /// Reads an object; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>>;

    /// Returns the paths of all objects below a folder, sorted.
    ///
    /// # Errors
    /// If they cannot be listed.
    fn list(&self, folder: &str) -> Result<Vec<String>>;
}

/// Decides about an object that exists already.
pub(super) fn existing(name: &str, found: &[u8], bytes: &[u8]) -> Result<PutOutcome> {
    match found == bytes {
        true => Ok(PutOutcome::Existing),
        false => Err(Error::Sink(format!(
            "{name}: an object with other content has this name, and is not replaced. If a wrong or \
             truncated object was left there, remove it and push again; nothing is lost"
        ))),
    }
}
