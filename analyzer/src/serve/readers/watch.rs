//! Watches a recording file: was it replaced, did its content change, did a recorder die?

use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::query::{self, Recording};

/// Time after which processes of runs without an end are looked up again, although the file did
/// not change.
const LOOK_UP: Duration = Duration::from_secs(1);

/// Device and inode of a file. An open connection still reads a file that was replaced.
pub(super) type FileIdentity = (u64, u64);

/// State of the file at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileState {
    /// The file.
    pub(super) file: FileIdentity,
    /// Number of the file's content among those seen by this server.
    pub(super) version: u64,
    /// Runs that are completed for each connection, because their processes died.
    pub(super) incomplete: Vec<(i64, i64)>,
}

/// A connection that only observes changes.
#[derive(Debug, Default)]
pub(super) struct FileWatch {
    open: Option<WatchedFile>,
    version: u64,
}

#[derive(Debug)]
struct WatchedFile {
    recording: Recording,
    data_version: i64,
    looked_up: Instant,
    state: FileState,
}

impl FileWatch {
    /// Returns the present state of the file at `path`.
    ///
    /// # Errors
    /// If there is no such file, or it is no recording.
    pub(super) fn look(&mut self, path: &Path) -> Result<FileState> {
        let file = identity(path)?;
        let fits =
            |open: &WatchedFile| open.state.file == file && !open.recording.store().is_outdated();
        if !self.open.as_ref().is_some_and(fits) {
            self.version += 1;
            self.open = None;
            self.open = Some(WatchedFile::open(path, file, self.version)?);
        }
        match &mut self.open {
            Some(open) => open.look(&mut self.version),
            None => Err(Error::NoRecording(path.to_owned())),
        }
    }
}

impl WatchedFile {
    fn open(path: &Path, file: FileIdentity, version: u64) -> Result<Self> {
        // A file of an older version is migrated once.
        query::repair(path)?;
        let recording = Recording::open(path)?;
        Ok(Self {
            data_version: data_version(&recording)?,
            looked_up: Instant::now(),
            state: FileState {
                file,
                version,
                incomplete: recording.incomplete_runs()?,
            },
            recording,
        })
    }

    fn look(&mut self, version: &mut u64) -> Result<FileState> {
        let data_version = data_version(&self.recording)?;
        let has_changed = data_version != self.data_version;
        if has_changed || self.looked_up.elapsed() > LOOK_UP {
            let incomplete = self.recording.incomplete_runs()?;
            if has_changed || incomplete != self.state.incomplete {
                *version += 1;
            }
            self.data_version = data_version;
            self.looked_up = Instant::now();
            self.state.version = *version;
            self.state.incomplete = incomplete;
        }
        Ok(self.state.clone())
    }
}

/// Returns a number that changes when another connection changes the file.
fn data_version(recording: &Recording) -> Result<i64> {
    let sql = "PRAGMA data_version";
    let mut statement = recording.connection().prepare_cached(sql)?;
    Ok(statement.query_row([], |r| r.get(0))?)
}

#[cfg(unix)]
fn identity(path: &Path) -> Result<FileIdentity> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Result<FileIdentity> {
    metadata(path).map(|_| (0, 0))
}

fn metadata(path: &Path) -> Result<std::fs::Metadata> {
    std::fs::metadata(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::NoRecording(path.to_owned()),
        _ => Error::File {
            path: path.to_owned(),
            source,
        },
    })
}
