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
        false => Err(Error::Conflict(format!(
            "{name}: an object with other content has this name, and is not replaced. If a wrong or \
             truncated object was left there, remove it and push again: what was not sent is written \
             again. For runs that were sent, `energy attribute RUN` makes a new attribution, which is \
             sent whole"
        ))),
    }
}

/// Checks a path, which may be that of a manifest by another program: it cannot leave the root.
///
/// # Errors
/// If it could be outside of the root.
pub(super) fn is_below_root(path: &str) -> Result<()> {
    let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
    let mut parts = path.split('/');
    match parts.next() == Some("v1") && parts.all(is_name) {
        true => Ok(()),
        false => Err(Error::Conflict(format!(
            "{path}: it is no path of an object below v1; its manifest is wrong"
        ))),
    }
}

/// Returns whether a file can be an object. Engines and people leave other ones.
pub(super) fn is_object(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".parquet") && !name.starts_with(['.', '_'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_manifests_cannot_leave_the_root() {
        assert!(is_below_root("v1/packs/date=2026-11-30/a.0.a1.parquet").is_ok());
        for outside in [
            "/etc/passwd",
            "v1/../../a",
            "../a",
            "v1//a",
            "",
            "v2/a",
            "v1/a/..",
        ] {
            assert!(is_below_root(outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn only_parquet_files_are_objects() {
        assert!(is_object("v1/packs/a.parquet"));
        for other in [
            "v1/packs/_SUCCESS",
            "v1/README",
            "v1/.a.parquet",
            "v1/_t.parquet",
        ] {
            assert!(!is_object(other), "{other}");
        }
    }
}
