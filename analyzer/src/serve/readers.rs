//! Reads the recording on blocking threads, with a small pool of connections.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use rusqlite::InterruptHandle;
use tokio::sync::Semaphore;

use super::problem::Problem;
use crate::error::{Error, Result};
use crate::query::Recording;

/// Number of requests that read at the same time.
const READERS: usize = 4;
/// Longest time of one request's queries.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Connections to one recording file.
#[derive(Debug, Clone)]
pub(super) struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Recording>>,
}

impl Readers {
    /// Creates a pool for the file at `path`, which need not exist yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self(Arc::new(Pool {
            path,
            permits: Arc::new(Semaphore::new(READERS)),
            idle: Mutex::default(),
        }))
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Executes `read` on a blocking thread with a connection of its own. Its queries are
    /// interrupted if the client disconnects, or after 30 seconds.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Recording) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Problem> {
        let pool = Arc::clone(&self.0);
        let Ok(permit) = Arc::clone(&pool.permits).acquire_owned().await else {
            return Err(internal("the server is shutting down"));
        };
        let interrupt = InterruptOnDrop::default();
        let handle = Arc::clone(&interrupt.0);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let recording = pool.connection()?;
            *lock(&handle) = Some(recording.connection().get_interrupt_handle());
            let result = read(&recording);
            *lock(&handle) = None;
            pool.give_back(recording);
            result
        });
        match tokio::time::timeout(TIMEOUT, task).await {
            Ok(Ok(result)) => result.map_err(Problem::from),
            Ok(Err(_)) => Err(internal("the request failed unexpectedly")),
            Err(_) => Err(Problem::from(Error::Timeout(TIMEOUT))),
        }
    }
}

impl Pool {
    fn connection(&self) -> Result<Recording> {
        let idle = lock(&self.idle).pop();
        match idle {
            Some(recording) => Ok(recording),
            None => Recording::open_repaired(&self.path),
        }
    }

    fn give_back(&self, recording: Recording) {
        lock(&self.idle).push(recording);
    }
}

/// Interrupts the queries of a request whose client does not wait for the answer any more.
#[derive(Default)]
struct InterruptOnDrop(Arc<Mutex<Option<InterruptHandle>>>);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = &*lock(&self.0) {
            handle.interrupt();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn internal(detail: &str) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
}
