//! What a folder and a bucket have in common.

use std::time::Duration;

use crate::error::{Error, Result};

/// Result of writing an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// It was written.
    Written,
    /// It was there, with the same content.
    Existing,
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEntry {
    /// Path below the root.
    pub path: String,
    /// Time since it was written; `None` if that is not known.
    pub age: Option<Duration>,
}

impl ObjectEntry {
    /// Returns the name without folders.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
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

    /// Reads an object; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>>;

    /// Returns all objects below a folder, sorted by path.
    ///
    /// # Errors
    /// If they cannot be listed.
    fn list(&self, folder: &str) -> Result<Vec<ObjectEntry>>;

    /// Removes an object. That there is none is no error.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove(&self, path: &str) -> Result<()>;
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
