//! Recordings of `powermetrics -f plist`: true lengths laid end to end.

use std::io::Read;
use std::time::SystemTime;

use super::Recording;
use super::placement::{Stamp, place};
use crate::power::powermetrics::activity::Figure;
use crate::power::powermetrics::document::{Document, DocumentError, RailEnergy};
use crate::power::powermetrics::rails;
use crate::power::powermetrics::stream::{DocumentStream, Segment};
use crate::power::{Notice, Rail, Sample};
use crate::units::Nanos;

#[derive(Default)]
struct Builder {
    rails: Vec<Rail>,
    /// What each document tells of its time and of energies.
    stamps: Vec<Stamp>,
    energies: Vec<Vec<RailEnergy>>,
    figures: Vec<Vec<Figure>>,
    notices: Vec<Notice>,
    end: Nanos,
    /// Why the documents so far gave nothing.
    last_error: Option<DocumentError>,
}

/// Reads a stream of documents.
///
/// # Errors
/// A message, where no document holds power.
pub(super) fn read(mut input: impl Read) -> Result<Recording, String> {
    let mut builder = Builder::default();
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

impl Builder {
    fn accept(&mut self, segments: impl IntoIterator<Item = Segment>) {
        for segment in segments {
            match segment {
                Segment::Document(bytes) => self.document(&bytes),
                Segment::Incomplete(bytes) => {
                    let message =
                        format!("recording: cut after {} bytes of a document", bytes.len());
                    self.notice("incomplete_document", message);
                }
                Segment::Oversized { bytes } => {
                    let message = format!("recording: a document of {bytes} bytes was dropped");
                    self.notice("rejected_document", message);
                }
            }
        }
    }

    fn document(&mut self, bytes: &[u8]) {
        match Document::parse(bytes) {
            Ok(document) if document.is_delta => self.sample(document),
            Ok(_) => {
                let message = "recording: a document that is no difference was dropped";
                self.notice("rejected_document", message.into());
            }
            Err(error) => {
                self.notice("rejected_document", format!("recording: {error}"));
                self.last_error = Some(error);
            }
        }
    }

    fn sample(&mut self, document: Document) {
        if self.rails.is_empty() {
            self.rails = rails::describe(&document.rails);
        }
        let unix = document.timestamp;
        let unix = unix.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        self.stamps.push(Stamp {
            elapsed: document.elapsed,
            unix_s: unix.and_then(|time| i64::try_from(time.as_secs()).ok()),
        });
        for oddity in &document.oddities {
            self.notice("odd_document", format!("recording: {oddity}"));
        }
        self.end += document.elapsed;
        self.energies.push(document.rails);
        self.figures.push(document.figures);
    }

    fn notice(&mut self, kind: &'static str, message: String) {
        let time = self.end;
        self.notices.push(Notice {
            time,
            kind,
            message,
        });
    }

    fn build(self) -> Result<Recording, String> {
        if self.rails.is_empty() {
            let other = || "no document in it is a difference of energies".to_owned();
            return Err(self
                .last_error
                .map_or_else(other, |error| error.to_string()));
        }
        let placed = place(&self.stamps);
        let mut samples: Vec<Sample> = Vec::new();
        for (energies, (start, end)) in self.energies.iter().zip(&placed.windows) {
            samples.extend(rails::samples(&self.rails, energies, *start, *end));
        }
        let mut recording = Recording::new(self.rails, samples);
        let figures = self.figures.iter().zip(&placed.windows);
        recording.extras = figures
            .flat_map(|(figures, &(start, end))| {
                let (start, end) = (start - recording.first, end - recording.first);
                figures.iter().map(move |figure| figure.over(start, end))
            })
            .collect();
        recording.notices.splice(0..0, self.notices);
        recording.placed(&placed);
        Ok(recording)
    }
}
