//! Reads spans ahead of the engine on a thread of its own: both consume about as long.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::error::Error;
use crate::store::Store;
use energy_data::rows::SpanRow;

/// Number of spans sent at once.
const CHUNK: usize = 16_384;
/// Capacity of the channel in chunks.
const QUEUED_CHUNKS: usize = 4;

/// Connection on which spans are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spans {
    /// The store's own connection, which sees the changes of its open transaction.
    Here,
    /// A separate connection and thread, which see committed changes only.
    Ahead,
}

impl Spans {
    /// Passes every span of run number `run` to `consume`, by start.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or if `consume` fails.
    pub(super) fn each(
        self,
        store: &Store,
        run: i64,
        consume: &mut dyn FnMut(SpanRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Self::Here => store
                .spans(run)?
                .iter()?
                .try_for_each(|span| consume(span?)),
            Self::Ahead => std::thread::scope(|scope| {
                let (send, chunks) = sync_channel(QUEUED_CHUNKS);
                let path = store.path().to_owned();
                let reader = std::thread::Builder::new().name("energy-read".to_owned());
                let started = reader.spawn_scoped(scope, move || read(&path, run, &send));
                started.map_err(|source| Error::Thread { source })?;
                consume_all(&chunks, consume)
            }),
        }
    }
}

/// Stops early without an error if the receiver is gone, which means that it failed.
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

fn consume_all(
    chunks: &Receiver<Result<Vec<SpanRow>, Error>>,
    consume: &mut dyn FnMut(SpanRow) -> Result<(), Error>,
) -> Result<(), Error> {
    for chunk in chunks {
        chunk?.into_iter().try_for_each(&mut *consume)?;
    }
    Ok(())
}
