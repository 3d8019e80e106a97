//! Reads spans ahead of the engine: both take about as long.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::error::Error;
use crate::rows::SpanRow;
use crate::store::Store;

/// Spans that go from thread to thread together.
const CHUNK: usize = 16_384;
/// Chunks that may wait.
const WAITING: usize = 4;

/// Where spans are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spans {
    /// On the store's own connection: what its open transaction changed is seen.
    Here,
    /// On a connection and thread of their own: what was committed is seen.
    Ahead,
}

impl Spans {
    /// Gives every span of run number `run` to `take`, in the order of their starts.
    ///
    /// # Errors
    /// When the file cannot be read, or what `take` gives back.
    pub(super) fn each(
        self,
        store: &Store,
        run: i64,
        take: &mut dyn FnMut(SpanRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Self::Here => store.spans(run)?.iter()?.try_for_each(|span| take(span?)),
            Self::Ahead => std::thread::scope(|scope| {
                let (send, chunks) = sync_channel(WAITING);
                let path = store.path().to_owned();
                let reader = std::thread::Builder::new().name("energy-read".to_owned());
                let started = reader.spawn_scoped(scope, move || read(&path, run, &send));
                started.map_err(|source| Error::Thread { source })?;
                take_all(&chunks, take)
            }),
        }
    }
}

/// The receiver is gone when the other side has given up: then so does this one.
fn read(path: &std::path::Path, run: i64, send: &SyncSender<Result<Vec<SpanRow>, Error>>) {
    let read = || -> Result<(), Error> {
        let store = Store::open(path)?;
        let mut spans = store.spans(run)?;
        let mut chunk = Vec::with_capacity(CHUNK);
        for span in spans.iter()? {
            chunk.push(span?);
            if chunk.len() == CHUNK {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
                if send.send(Ok(full)).is_err() {
                    return Ok(());
                }
            }
        }
        let _ = send.send(Ok(chunk));
        Ok(())
    };
    if let Err(error) = read() {
        let _ = send.send(Err(error));
    }
}

fn take_all(
    chunks: &Receiver<Result<Vec<SpanRow>, Error>>,
    take: &mut dyn FnMut(SpanRow) -> Result<(), Error>,
) -> Result<(), Error> {
    for chunk in chunks {
        chunk?.into_iter().try_for_each(&mut *take)?;
    }
    Ok(())
}
