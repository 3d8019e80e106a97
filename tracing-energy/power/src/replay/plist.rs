//! Reads recordings of `powermetrics -f plist`.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::SystemTime;

use super::documents::{DocumentInterval, Documents};
use super::placement::IntervalStamp;
use super::recorded::notice;
use super::recording::Recording;
use crate::powermetrics::document::{Document, DocumentError};
use crate::powermetrics::stream::{DocumentStream, StreamSegment, begins_document};
use crate::rail::Notice;

/// Returns whether a file has documents, that is, a line that begins with `<`.
pub(super) fn begins(start: &[u8]) -> bool {
    let mut lines = start.split(|byte| matches!(byte, b'\n' | 0));
    lines.any(begins_document)
}

#[derive(Default)]
struct RecordingBuilder {
    documents: Documents,
    /// Faults by kind and cause: count and first message.
    faults: BTreeMap<(&'static str, &'static str), (usize, String)>,
    /// Number of documents so far.
    number: usize,
    /// The last document's error.
    last_error: Option<DocumentError>,
}

/// Reads a stream of documents.
///
/// # Errors
/// A message, if no document has power.
pub(super) fn read(mut input: impl Read) -> Result<Recording, String> {
    let mut builder = RecordingBuilder::default();
    let mut stream = DocumentStream::default();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => builder.accept(stream.push(&buffer[..length])),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    builder.accept(stream.finish());
    builder.build()
}

impl RecordingBuilder {
    fn accept(&mut self, segments: impl IntoIterator<Item = StreamSegment>) {
        for segment in segments {
            match segment {
                StreamSegment::Document(bytes) => self.document(&bytes),
                StreamSegment::Stray(bytes) => {
                    let text = String::from_utf8_lossy(&bytes);
                    let line: String = text.trim().chars().take(80).collect();
                    self.fault(("stray_text", ""), || {
                        format!("text between documents was skipped: {line:?}")
                    });
                }
                StreamSegment::Incomplete(bytes) => self.fault(("incomplete_document", ""), || {
                    format!("a document was cut after {} bytes", bytes.len())
                }),
                StreamSegment::Oversized { bytes } => self
                    .fault(("rejected_document", "size"), || {
                        format!("a document of {bytes} bytes was dropped")
                    }),
            }
        }
    }

    fn document(&mut self, bytes: &[u8]) {
        self.number += 1;
        match Document::parse(bytes) {
            Ok(document) if document.is_delta => self.sample(document),
            Ok(_) => self.fault(("rejected_document", "summary"), || {
                "a document with totals instead of an interval was dropped".to_owned()
            }),
            Err(error) => {
                self.fault(("rejected_document", "error"), || error.to_string());
                self.last_error = Some(error);
            }
        }
    }

    fn sample(&mut self, document: Document) {
        let unix = document.timestamp;
        let unix = unix.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        for oddity in &document.oddities {
            self.fault(("odd_document", ""), || oddity.clone());
        }
        self.documents.push(DocumentInterval {
            stamp: IntervalStamp {
                elapsed: document.elapsed,
                unix_s: unix.and_then(|time| i64::try_from(time.as_secs()).ok()),
            },
            energies: document.rails,
            figures: document.figures,
            active: document.active,
        });
    }

    fn fault(&mut self, cause: (&'static str, &'static str), message: impl FnOnce() -> String) {
        let number = self.number;
        let first = || (0, format!("{} (document {number})", message()));
        self.faults.entry(cause).or_insert_with(first).0 += 1;
    }

    fn build(self) -> Result<Recording, String> {
        if self.documents.is_empty() {
            let other = || "no document in it covers a single interval".to_owned();
            return Err(self
                .last_error
                .map_or_else(other, |error| error.to_string()));
        }
        self.documents.build(notices(self.faults))
    }
}

/// Returns one notice for each kind of fault and cause.
fn notices(faults: BTreeMap<(&'static str, &'static str), (usize, String)>) -> Vec<Notice> {
    let notices = faults.into_iter().map(|((kind, _), (count, first))| {
        let message = match count {
            1 => format!("recording: {first}"),
            count => format!("recording: {count} times; first: {first}"),
        };
        notice(kind, message)
    });
    notices.collect()
}
