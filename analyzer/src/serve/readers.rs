//! Reads the recording on blocking threads, with a small pool of connections.
//!
//! ```text
//! read      at most 4 at once, 30 s     one snapshot of the file
//! stream    at most 8 at once           as long as the client takes what it gets
//! change    with the reads, 60 s        after that it continues, and the answer reports so
//! ```

mod interrupt;
mod log_watch;
mod pool;
mod watch;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use energy_store::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinHandle;

use self::interrupt::{InterruptOnDrop, InterruptSlot};
pub(super) use self::log_watch::LogWatch;
use self::pool::Pool;
use super::problem::Problem;
use super::stream::BodyWriter;
use crate::error::{Error, Result};
use crate::query::Recording;

/// Number of requests that read at the same time.
const READERS: usize = 4;
/// Number of streamed answers at the same time; a slow client holds one of them.
const STREAMS: usize = 8;
/// Longest time of one request's queries.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time that a client waits for a change.
const CHANGE: Duration = Duration::from_secs(60);

/// Connections to one recording file.
#[derive(Debug, Clone)]
pub(super) struct Readers(Arc<SharedReaders>);

#[derive(Debug)]
struct SharedReaders {
    pool: Pool,
    reads: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Readers {
    /// Creates a pool for the file at `path`, which need not exist yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self(Arc::new(SharedReaders {
            pool: Pool::new(path, READERS),
            reads: Arc::new(Semaphore::new(READERS)),
            streams: Arc::new(Semaphore::new(STREAMS)),
        }))
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> &Path {
        self.0.pool.path()
    }

    /// Executes `read` on a blocking thread, on one snapshot of the file. Its queries are
    /// interrupted if the client disconnects, or after 30 seconds.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Recording) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Problem> {
        self.read_version(move |recording, _| read(recording)).await
    }

    /// Executes `read` like [`Readers::read`], with a text that differs whenever the content of
    /// the file differs.
    pub(super) async fn read_version<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Recording, &str) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Problem> {
        let task = |slot: InterruptSlot, permit| {
            let shared = Arc::clone(&self.0);
            tokio::task::spawn_blocking(move || {
                let _permit: OwnedSemaphorePermit = permit;
                shared
                    .pool
                    .with(&slot, |recording, version| read(recording, version))
            })
        };
        let interrupt = InterruptOnDrop::default();
        let done = async {
            let permit = permit(&self.0.reads).await?;
            joined(task(interrupt.slot(), permit)).await
        };
        within(TIMEOUT, done).await
    }

    /// Refuses a file with the log of another one, before another process records to it.
    pub(super) async fn check_log(&self) -> std::result::Result<(), Problem> {
        let shared = Arc::clone(&self.0);
        joined(tokio::task::spawn_blocking(move || shared.pool.check_log())).await
    }

    /// Executes `write` on a blocking thread. It may open the file for writing. A write that has
    /// begun ends by itself, whether anybody waits for it or not.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Path) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Problem> {
        self.change_within(CHANGE, write).await
    }

    async fn change_within<T: Send + 'static>(
        &self,
        limit: Duration,
        write: impl FnOnce(&Path) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Problem> {
        let permit = within(TIMEOUT, permit(&self.0.reads)).await?;
        let shared = Arc::clone(&self.0);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            shared.pool.check_log()?;
            let path = shared.pool.path();
            let written = write(path)?;
            // Readers keep the log alive, which would still hold what was deleted.
            if let Ok(store) = Store::open_writable(path) {
                let _ = store.checkpoint();
            }
            Ok::<T, Error>(written)
        });
        match tokio::time::timeout(limit, joined(task)).await {
            Ok(result) => result,
            Err(_) => Err(continues(limit)),
        }
    }

    /// Returns the response that `write` begins and writes on a blocking thread. An error before
    /// it begins becomes a problem; an error after that cuts the body.
    pub(super) async fn stream(
        &self,
        write: impl FnOnce(&Recording, StreamHead) -> Result<()> + Send + 'static,
    ) -> std::result::Result<Response, Problem> {
        let permit = within(TIMEOUT, permit(&self.0.streams)).await?;
        let (sender, receiver) = oneshot::channel();
        let shared = Arc::clone(&self.0);
        let interrupt = InterruptOnDrop::default();
        let slot = interrupt.slot();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            shared
                .pool
                .with(&slot, |recording, _| write(recording, StreamHead(sender)))
        });
        match within(2 * TIMEOUT, async { Ok(receiver.await) }).await? {
            Ok(response) => {
                // From here on the body decides how long the queries run.
                interrupt.keep();
                Ok(response)
            }
            Err(_) => match task.await {
                Ok(Err(error)) => Err(error.into()),
                Ok(Ok(())) | Err(_) => Err(Problem::unexpected()),
            },
        }
    }
}

/// Begins a streamed response.
#[derive(Debug)]
pub(super) struct StreamHead(oneshot::Sender<Response>);

impl StreamHead {
    /// Sends status and headers of `response`, and returns the writer of its body.
    ///
    /// # Errors
    /// If the client has disconnected.
    pub(super) fn begin(self, mut response: Response) -> Result<BodyWriter> {
        let (writer, body) = BodyWriter::new();
        *response.body_mut() = body;
        match self.0.send(response) {
            Ok(()) => Ok(writer),
            Err(_) => Err(Error::Io(std::io::ErrorKind::BrokenPipe.into())),
        }
    }
}

/// Returns the problem of a change that takes longer than a client waits. It has no `Retry-After`:
/// a client that repeats the change at once would only wait for the first one.
fn continues(limit: Duration) -> Problem {
    let text = format!(
        "the change was not finished within {} s; it continues",
        limit.as_secs()
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, text)
        .with_remedy("look later whether it has been made, before you repeat it")
        .with("continues", true)
}

async fn permit(of: &Arc<Semaphore>) -> std::result::Result<OwnedSemaphorePermit, Problem> {
    let permit = Arc::clone(of).acquire_owned().await;
    permit.map_err(|_| Problem::unexpected())
}

/// Waits for the end of a blocking task. One that panicked has failed unexpectedly.
async fn joined<T>(task: JoinHandle<Result<T>>) -> std::result::Result<T, Problem> {
    match task.await {
        Ok(result) => result.map_err(Problem::from),
        Err(_) => Err(Problem::unexpected()),
    }
}

async fn within<T>(
    limit: Duration,
    done: impl Future<Output = std::result::Result<T, Problem>>,
) -> std::result::Result<T, Problem> {
    match tokio::time::timeout(limit, done).await {
        Ok(result) => result,
        Err(_) => {
            let text = format!("no answer within {} s", limit.as_secs());
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, text)
                .with_remedy("request a smaller part, or try again")
                .with_header(header::RETRY_AFTER, HeaderValue::from_static("5")))
        }
    }
}

#[cfg(test)]
mod tests;
