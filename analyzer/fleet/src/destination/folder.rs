//! A folder, also one that many hosts mount.
//!
//! ```text
//! v1/.unfinished/NAME.RANDOM written and synced ...
//! v1/TABLE/date=D/NAME       ... then linked, which fails if the name exists
//! ```
//!
//! A process that is killed leaves at most a file in `.unfinished`, which no reader looks at.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use super::object::{Destination, ObjectEntry, PutOutcome, existing, is_below_root, is_object};
use crate::error::{Error, Result};

/// Folder of files that are being written.
const UNFINISHED: &str = "v1/.unfinished";
/// Age from which an unfinished file belongs to a process that was killed.
const ABANDONED: Duration = Duration::from_secs(3600);
/// Folders in each other: version, table, day.
const DEPTH: usize = 3;

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
        let folder = canonical(&folder);
        if folder.is_file() {
            let text = format!("{} is a file; give a folder", folder.display());
            return Err(Error::Request(text));
        }
        let root = folder.to_str().map(str::to_owned).ok_or_else(|| {
            Error::Request(format!("{}: the name is not UTF-8", folder.display()))
        })?;
        Ok(Self { folder, root })
    }

    /// Writes and syncs a file that no reader looks at. It is removed when it is dropped.
    fn write_unfinished(&self, path: &str, bytes: &[u8]) -> Result<NamedTempFile> {
        let unfinished = self.folder.join(UNFINISHED);
        if !unfinished.is_dir() {
            fs::create_dir_all(&unfinished).map_err(|source| cannot_write(&unfinished, source))?;
        }
        self.remove_abandoned(&unfinished);
        // Names of processes in other containers differ, and readers may have another user.
        let name = format!("{}.", path.replace('/', "."));
        let write = || -> std::io::Result<NamedTempFile> {
            let mut unnamed = tempfile::Builder::new();
            let mut file = unnamed
                .prefix(&name)
                .make_in(&unfinished, |path| File::create_new(path))?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        write().map_err(|source| cannot_write(&unfinished, source))
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

    fn file(&self, path: &str) -> Result<PathBuf> {
        is_below_root(path)?;
        Ok(self.folder.join(path))
    }

    /// Returns the path of an object, whose folder is made.
    fn target(&self, path: &str) -> Result<PathBuf> {
        let target = self.file(path)?;
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
        match publish(unfinished.path(), bytes, &target) {
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
        let file = self.file(path)?;
        match fs::read(&file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::File { path: file, source }),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<ObjectEntry>> {
        let mut found = Vec::new();
        let depth = DEPTH.saturating_sub(folder.split('/').count());
        list_into(&self.folder.join(folder), folder, depth, &mut found)?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn remove(&self, path: &str) -> Result<()> {
        let file = self.file(path)?;
        match fs::remove_file(&file) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                Err(Error::File { path: file, source })
            }
            _ => Ok(()),
        }
    }
}

/// Returns one name for one folder, however it is written, also before it exists.
fn canonical(folder: &Path) -> PathBuf {
    let existing = folder.ancestors().find_map(|above| {
        let found = fs::canonicalize(above).ok()?;
        Some((found, folder.strip_prefix(above).ok()?))
    });
    match existing {
        Some((found, below)) if below.as_os_str().is_empty() => found,
        Some((found, below)) => found.join(below),
        None => folder.to_owned(),
    }
}

/// Gives the file its name unless the name exists. On file systems without hard links the object is
/// written in place, exclusively: readers can see a part of it.
fn publish(unfinished: &Path, bytes: &[u8], target: &Path) -> std::io::Result<()> {
    match fs::hard_link(unfinished, target) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) =>
        {
            write_in_place(bytes, target)
        }
        linked => linked,
    }
}

/// Writes a new file, and removes it if that fails.
fn write_in_place(bytes: &[u8], target: &Path) -> std::io::Result<()> {
    let mut file = File::create_new(target)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(target);
    }
    written
}

/// Makes the name of a new file durable, where folders can be synced.
fn sync_folder(file: &Path) {
    if let Some(Ok(folder)) = file.parent().map(File::open) {
        let _ = folder.sync_all();
    }
}

/// Adds the objects in a folder and in `depth` folders below it. Links to folders are followed.
fn list_into(folder: &Path, path: &str, depth: usize, found: &mut Vec<ObjectEntry>) -> Result<()> {
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
        // Removed since, or a link to nothing.
        let Ok(metadata) = fs::metadata(entry.path()) else {
            continue;
        };
        if metadata.is_dir() && depth > 0 {
            list_into(&entry.path(), &below, depth - 1, found)?;
        } else if metadata.is_file() && is_object(name) {
            let modified = metadata.modified();
            let age = modified.ok().and_then(|time| time.elapsed().ok());
            found.push(ObjectEntry { path: below, age });
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
    fn a_folder_has_one_name_before_and_after_it_exists() {
        let folder = tempfile::tempdir().unwrap();
        let place = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(place.join("real")).unwrap();
        std::os::unix::fs::symlink(place.join("real"), place.join("link")).unwrap();
        let linked = FolderDestination::new(&place.join("link/deep/lake")).unwrap();
        fs::create_dir_all(place.join("real/deep/lake")).unwrap();
        let existing = FolderDestination::new(&place.join("link/deep/lake")).unwrap();
        assert_eq!(linked.root(), existing.root());
        assert_eq!(Path::new(linked.root()), place.join("real/deep/lake"));
    }

    #[test]
    fn foreign_files_are_no_objects_and_linked_days_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        let root = FolderDestination::new(place).unwrap();
        root.put("v1/packs/date=2026-11-30/a.parquet", b"one")
            .unwrap();
        fs::create_dir_all(place.join("old")).unwrap();
        fs::write(place.join("old/b.parquet"), "two").unwrap();
        std::os::unix::fs::symlink(place.join("old"), place.join("v1/packs/date=2026-11-29"))
            .unwrap();
        // A loop, and files of people and engines.
        std::os::unix::fs::symlink(place.join("v1"), place.join("v1/packs/loop")).unwrap();
        for name in ["_SUCCESS", "README.md", "date=2026-11-30/.a.parquet.crc"] {
            fs::write(place.join("v1/packs").join(name), "x").unwrap();
        }
        let listed = root.list("v1/packs").unwrap();
        let names: Vec<&str> = listed.iter().map(|entry| entry.name()).collect();
        assert_eq!(names, ["b.parquet", "a.parquet"]);
        assert!(root.get("v1/../old/b.parquet").is_err());
    }

    #[test]
    fn an_object_that_is_written_in_place_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.parquet");
        write_in_place(b"one", &target).unwrap();
        let error = write_in_place(b"two", &target).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&target).unwrap(), b"one");
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
