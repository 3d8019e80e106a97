//! Streams what a blocking function writes as the body of a response.

use std::io::{self, Write};

use axum::body::{Body, Bytes};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Size of a part of the body.
const PART: usize = 64 * 1024;
/// Number of parts that wait for the client.
const QUEUED: usize = 8;

/// Writes the body of a response from a blocking thread. It waits for slow clients; a write fails
/// once the client has disconnected.
#[derive(Debug)]
pub(super) struct BodyWriter {
    parts: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl BodyWriter {
    /// Creates a writer and the body that receives what it writes.
    pub(super) fn new() -> (Self, Body) {
        let (parts, receiver) = mpsc::channel(QUEUED);
        let writer = Self {
            parts,
            buffer: Vec::with_capacity(PART),
        };
        (writer, Body::from_stream(ReceiverStream::new(receiver)))
    }

    /// Ends the body. After an error the response is cut, so that the client notices.
    pub(super) fn finish(mut self, result: io::Result<()>) {
        let ended = result.and_then(|()| self.flush());
        if let Err(error) = ended {
            let _ = self.parts.blocking_send(Err(error));
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
        self.parts
            .blocking_send(Ok(part.into()))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
