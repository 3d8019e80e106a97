//! Watches a recording file: was it replaced, did its content change, did a recorder die?

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, Instant};

use energy_store::{FileId, file_id_of};

use super::log_watch::LogWatch;
use crate::error::{Error, Result};
use crate::query::{self, Recording};

/// Time after which processes of runs without an end are looked up again, although the file did
/// not change.
const LOOK_UP: Duration = Duration::from_secs(1);

/// State of the file at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileState {
    /// The file. An open connection still reads a file that was replaced.
    pub(super) file: FileId,
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
    logs: LogWatch,
}

#[derive(Debug)]
struct WatchedFile {
    recording: Recording,
    data_version: i64,
    looked_up: Instant,
    state: FileState,
}

impl FileWatch {
    /// Refuses a file with the log of another one. A file that does not exist has no log.
    ///
    /// # Errors
    /// If it does.
    pub(super) fn check_log(&mut self, path: &Path) -> Result<()> {
        self.logs.check(path)
    }

    /// Returns the present state of the file at `path`.
    ///
    /// # Errors
    /// If there is no such file, it is no recording, or its log belongs to another file.
    pub(super) fn look(&mut self, path: &Path) -> Result<FileState> {
        let metadata = metadata(path)?;
        let file = file_id_of(&metadata);
        if let Err(error) = self.logs.look(path, &metadata) {
            // It would read both files.
            self.open = None;
            return Err(error);
        }
        // A file without content has lost its tables.
        let fits = |open: &WatchedFile| {
            open.state.file == file && metadata.len() > 0 && !open.recording.store().is_outdated()
        };
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
    fn open(path: &Path, file: FileId, version: u64) -> Result<Self> {
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

fn metadata(path: &Path) -> Result<Metadata> {
    std::fs::metadata(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::NoRecording(path.to_owned()),
        _ => Error::File {
            path: path.to_owned(),
            source,
        },
    })
}
