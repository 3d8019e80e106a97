//! A folder, also one that many hosts mount.
//!
//! ```text
//! v1/.unfinished/NAME.PID    written and synced ...
//! v1/TABLE/date=D/NAME       ... then linked, which fails if the name exists
//! ```
//!
//! A process that is killed leaves at most a file in `.unfinished`, which no reader looks at.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::object::{Destination, ObjectEntry, PutOutcome, existing};
use crate::error::{Error, Result};

/// Folder of files that are being written.
const UNFINISHED: &str = "v1/.unfinished";
/// Age from which an unfinished file belongs to a process that was killed.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A folder.
#[derive(Debug)]
pub struct FolderDestination {
    folder: PathBuf,
    root: String,
}

impl FolderDestination {
    /// Creates it; the folder is made when the first object is written.
    ///
    /// # Errors
    /// If the path is empty, or not UTF-8.
    pub fn new(folder: &Path) -> Result<Self> {
        let file = |source| Error::File {
            path: folder.to_owned(),
            source,
        };
        let folder = std::path::absolute(folder).map_err(file)?;
        // One name for one folder, however it is written.
        let folder = fs::canonicalize(&folder).unwrap_or(folder);
        if folder.is_file() {
            let text = format!("{} is a file; give a folder", folder.display());
            return Err(Error::Request(text));
        }
        let root = folder.to_str().map(str::to_owned).ok_or_else(|| {
            Error::Request(format!("{}: the name is not UTF-8", folder.display()))
        })?;
        Ok(Self { folder, root })
    }

    /// Writes and syncs a file that no reader looks at. Returns its path.
    fn write_unfinished(&self, path: &str, bytes: &[u8]) -> Result<PathBuf> {
        let unfinished = self.folder.join(UNFINISHED);
        if !unfinished.is_dir() {
            fs::create_dir_all(&unfinished).map_err(|source| cannot_write(&unfinished, source))?;
        }
        self.remove_abandoned(&unfinished);
        let name = format!("{}.{}", path.replace('/', "."), std::process::id());
        let file = unfinished.join(name);
        let write = || -> std::io::Result<()> {
            let mut open = File::create(&file)?;
            open.write_all(bytes)?;
            open.sync_all()
        };
        write().map_err(|source| {
            let _ = fs::remove_file(&file);
            cannot_write(&file, source)
        })?;
        Ok(file)
    }

    /// Removes files of processes that were killed. That they cannot be removed is no error.
    fn remove_abandoned(&self, unfinished: &Path) {
        let Ok(entries) = fs::read_dir(unfinished) else {
            return;
        };
        for entry in entries.flatten() {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Returns the path of an object, whose folder is made.
    fn target(&self, path: &str) -> Result<PathBuf> {
        let target = self.folder.join(path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(|source| cannot_write(folder, source))?;
        }
        Ok(target)
    }
}

impl Destination for FolderDestination {
    fn root(&self) -> &str {
        &self.root
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<PutOutcome> {
        let target = self.target(path)?;
        if let Some(found) = self.get(path)? {
            return existing(&target.display().to_string(), &found, bytes);
        }
        let unfinished = self.write_unfinished(path, bytes)?;
        let linked = publish(&unfinished, &target);
        let _ = fs::remove_file(&unfinished);
        match linked {
            Ok(()) => {
                sync_folder(&target);
                Ok(PutOutcome::Written)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let found = self.get(path)?.unwrap_or_default();
                existing(&target.display().to_string(), &found, bytes)
            }
            Err(source) => Err(cannot_write(&target, source)),
        }
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let file = self.folder.join(path);
        match fs::read(&file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::File { path: file, source }),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<ObjectEntry>> {
        let mut found = Vec::new();
        list_into(&self.folder.join(folder), folder, &mut found)?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn remove(&self, path: &str) -> Result<()> {
        let file = self.folder.join(path);
        match fs::remove_file(&file) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                Err(Error::File { path: file, source })
            }
            _ => Ok(()),
        }
    }
}

/// Gives the file its name unless the name exists. On file systems without hard links the object is
/// written in place, exclusively.
fn publish(unfinished: &Path, target: &Path) -> std::io::Result<()> {
    match fs::hard_link(unfinished, target) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) =>
        {
            let bytes = fs::read(unfinished)?;
            let mut file = File::create_new(target)?;
            file.write_all(&bytes)?;
            file.sync_all()
        }
        linked => linked,
    }
}

/// Makes the name of a new file durable, where folders can be synced.
fn sync_folder(file: &Path) {
    if let Some(Ok(folder)) = file.parent().map(File::open) {
        let _ = folder.sync_all();
    }
}

fn list_into(folder: &Path, path: &str, found: &mut Vec<ObjectEntry>) -> Result<()> {
    let file = |source| Error::File {
        path: folder.to_owned(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(file(error)),
    };
    for entry in entries {
        let entry = entry.map_err(file)?;
        let name = entry.file_name();
        // A name that is not UTF-8, or hidden, is none of ours.
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let below = format!("{}/{name}", path.trim_end_matches('/'));
        match entry.file_type().map_err(file)?.is_dir() {
            true => list_into(&entry.path(), &below, found)?,
            false => {
                let modified = entry.metadata().and_then(|metadata| metadata.modified());
                let age = modified.ok().and_then(|time| time.elapsed().ok());
                found.push(ObjectEntry { path: below, age });
            }
        }
    }
    Ok(())
}

fn cannot_write(path: &Path, source: std::io::Error) -> Error {
    let next = match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free space there; the recording keeps what was not sent, push again"
        }
        _ => "check that it can be written; the recording keeps what was not sent, push again",
    };
    Error::Sink(format!(
        "{} cannot be written: {source}; {next}",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_written_once_and_never_replaced_by_put() {
        let folder = tempfile::tempdir().unwrap();
        let root = FolderDestination::new(&folder.path().join("lake")).unwrap();
        let path = "v1/packs/date=2026-11-30/a.parquet";
        assert_eq!(root.get(path).unwrap(), None);
        assert_eq!(root.put(path, b"one").unwrap(), PutOutcome::Written);
        assert_eq!(root.put(path, b"one").unwrap(), PutOutcome::Existing);
        let error = root.put(path, b"two").unwrap_err().to_string();
        assert!(
            error.contains("other content") && error.contains("a.parquet"),
            "{error}"
        );
        assert_eq!(root.get(path).unwrap().as_deref(), Some(&b"one"[..]));
        let listed = root.list("v1").unwrap();
        assert_eq!((listed.len(), listed[0].path.as_str()), (1, path));
        assert_eq!(listed[0].name(), "a.parquet");
        root.remove(path).unwrap();
        root.remove(path).unwrap();
        assert_eq!(root.put(path, b"two").unwrap(), PutOutcome::Written);
        assert!(
            fs::read_dir(folder.path().join("lake").join(UNFINISHED))
                .unwrap()
                .next()
                .is_none()
        );
    }

    #[test]
    fn a_file_is_no_destination() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(FolderDestination::new(&file).is_err());
        let unknown = super::super::destination("ftp://x")
            .err()
            .unwrap()
            .to_string();
        assert!(unknown.contains("s3://"), "{unknown}");
    }
}
