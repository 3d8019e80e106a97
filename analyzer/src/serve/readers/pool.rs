//! Open connections that requests share.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::interrupt::InterruptSlot;
use super::watch::{FileIdentity, FileState, FileWatch};
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
    checkpoints: Mutex<Option<(FileIdentity, Checkpoints)>>,
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

    /// Executes `read` on one snapshot of the file, with the version of its content.
    pub(super) fn with<T>(
        &self,
        slot: &InterruptSlot,
        read: impl FnOnce(&Recording, &str) -> Result<T>,
    ) -> Result<T> {
        let state = lock(&self.watch).look(&self.path)?;
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
        result
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

    fn checkpoints(&self, file: FileIdentity) -> Checkpoints {
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
