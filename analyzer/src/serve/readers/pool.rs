//! Open connections that requests share.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use energy_store::{Error as StoreError, FileId};

use super::interrupt::InterruptSlot;
use super::watch::{FileState, FileWatch};
use crate::error::{Error, Result};
use crate::query::{Checkpoints, Recording};

/// Connections to the file at one path.
#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    /// Number of connections that are kept open.
    most: usize,
    watch: Mutex<FileWatch>,
    idle: Mutex<Vec<PooledRecording>>,
    /// What connections to the present file have found out about its spans.
    checkpoints: Mutex<Option<(FileId, Checkpoints)>>,
}

/// A connection, and the state of the file that it was opened for.
#[derive(Debug)]
struct PooledRecording {
    recording: Recording,
    state: FileState,
}

impl PooledRecording {
    /// Returns whether it reads the file of `now` with the runs that need it completed.
    fn fits(&self, now: &FileState) -> bool {
        let is_same = self.state.file == now.file && self.state.incomplete == now.incomplete;
        is_same && !self.recording.store().is_outdated()
    }
}

impl Pool {
    /// Creates a pool that keeps `most` connections open.
    pub(super) fn new(path: PathBuf, most: usize) -> Self {
        Self {
            path,
            most,
            watch: Mutex::default(),
            idle: Mutex::default(),
            checkpoints: Mutex::default(),
        }
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a file with the log of another one: a write would mix them.
    ///
    /// # Errors
    /// If it does.
    pub(super) fn check_log(&self) -> Result<()> {
        lock(&self.watch).check_log(&self.path)
    }

    /// Executes `read` on one snapshot of the file, with the version of its content.
    pub(super) fn with<T>(
        &self,
        slot: &InterruptSlot,
        read: impl FnOnce(&Recording, &str) -> Result<T>,
    ) -> Result<T> {
        let state = lock(&self.watch).look(&self.path);
        // Connections that stay open would share the old log with those to the next file.
        let state = state.inspect_err(|_| lock(&self.idle).clear())?;
        let pooled = self.connection(&state)?;
        let connection = pooled.recording.connection();
        if !slot.begin(connection.get_interrupt_handle()) {
            self.give_back(pooled);
            return Err(Error::Interrupted { signal: 0 });
        }
        let result = connection
            .execute_batch("BEGIN")
            .map_err(Error::from)
            .and_then(|()| read(&pooled.recording, &state.version.to_string()));
        slot.end();
        // A connection that cannot end its transaction is closed.
        if connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok() {
            self.give_back(pooled);
        }
        result.map_err(|error| damaged(&self.path, error))
    }

    fn connection(&self, state: &FileState) -> Result<PooledRecording> {
        let mut idle = lock(&self.idle);
        idle.retain(|pooled| pooled.fits(state));
        if let Some(pooled) = idle.pop() {
            return Ok(pooled);
        }
        drop(idle);
        let mut recording = Recording::open(&self.path)?;
        recording.share_checkpoints(self.checkpoints(state.file));
        if !state.incomplete.is_empty() {
            recording.complete_unended();
        }
        Ok(PooledRecording {
            recording,
            state: state.clone(),
        })
    }

    fn checkpoints(&self, file: FileId) -> Checkpoints {
        let mut shared = lock(&self.checkpoints);
        match &*shared {
            Some((of, checkpoints)) if *of == file => checkpoints.clone(),
            _ => {
                let fresh = Checkpoints::default();
                *shared = Some((file, fresh.clone()));
                fresh
            }
        }
    }

    fn give_back(&self, pooled: PooledRecording) {
        let mut idle = lock(&self.idle);
        if idle.len() < self.most {
            idle.push(pooled);
        }
    }
}

/// Adds the path and the next step to an error of reading a file that is damaged, or was overwritten.
fn damaged(path: &Path, error: Error) -> Error {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, SystemIoFailure};
    let codes = [DatabaseCorrupt, NotADatabase, SystemIoFailure];
    match error {
        Error::Query(cause)
            if cause
                .sqlite_error_code()
                .is_some_and(|c| codes.contains(&c)) =>
        {
            StoreError::Unreadable {
                path: path.to_owned(),
                message: format!(
                    "{cause}; the file is damaged, or was overwritten while it was open: `sqlite3 \
                     FILE .recover` may save its rows"
                ),
            }
            .into()
        }
        error => error,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
