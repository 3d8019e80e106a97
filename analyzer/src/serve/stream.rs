//! Streams what a blocking function writes as the body of a response.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::{Body, Bytes};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Size of a part of the body.
const PART: usize = 64 * 1024;
/// Number of parts that wait for the client.
const QUEUED: usize = 8;
/// Time in which a client must accept a part. A client that reads slower is disconnected, because
/// the snapshot that it reads keeps the recording's log from shrinking.
const STALLED: Duration = Duration::from_secs(60);

/// Writes the body of a response from a blocking thread. It waits for slow clients; a write fails
/// once the client has disconnected.
#[derive(Debug)]
pub(super) struct BodyWriter {
    parts: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
    is_finished: bool,
}

impl BodyWriter {
    /// Creates a writer and the body that receives what it writes.
    pub(super) fn new() -> (Self, Body) {
        let (parts, receiver) = mpsc::channel(QUEUED);
        let writer = Self {
            parts,
            buffer: Vec::with_capacity(PART),
            is_finished: false,
        };
        (writer, Body::from_stream(ReceiverStream::new(receiver)))
    }

    /// Ends the body. After an error the response is cut, so that the client notices.
    pub(super) fn finish(mut self, result: io::Result<()>) {
        let ended = result.and_then(|()| self.flush());
        self.is_finished = true;
        if let Err(error) = ended {
            let _ = self.send(Err(error));
        }
    }

    fn send(&self, part: io::Result<Bytes>) -> io::Result<()> {
        let sent = self.parts.send(part);
        let sent = Handle::current().block_on(async { tokio::time::timeout(STALLED, sent).await });
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Drop for BodyWriter {
    /// Cuts a body that was not finished, so that it does not look complete.
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = self.send(Err(io::ErrorKind::Interrupted.into()));
        }
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let part = std::mem::replace(&mut self.buffer, Vec::with_capacity(PART));
        self.send(Ok(part.into()))
    }
}
