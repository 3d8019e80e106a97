//! Recorded `powermetrics` plist streams.

use super::{Recorded, Recording};
use crate::power::Rail;
use crate::power::powermetrics::document::{Document, DocumentError};
use crate::power::powermetrics::stream::{DocumentStream, Segment};
use crate::units::Nanos;

/// Reads a stream: documents follow each other without gaps, each as long as its
/// `elapsed_ns`.
pub(super) fn read(bytes: &[u8]) -> Result<Recording, String> {
    let mut stream = DocumentStream::default();
    let mut segments = stream.push(bytes);
    segments.extend(stream.finish());
    let mut recording = Recording::default();
    let mut time = Nanos::ZERO;
    let mut no_power = None;
    for (index, segment) in segments.into_iter().enumerate() {
        let number = index + 1;
        let Segment::Document(bytes) = segment else {
            recording.doubts.push(format!("document {number} is cut off or too long: left out"));
            continue;
        };
        match Document::parse(&bytes) {
            Ok(document) if document.is_delta => time = add(&mut recording, &document, time),
            Ok(_) => recording.doubts.push(format!("document {number} is a summary (is_delta false): left out")),
            Err(error @ DocumentError::NoPower { .. }) => no_power = Some(error.to_string()),
            Err(error) => recording.doubts.push(format!("document {number}: {error}")),
        }
    }
    match (recording.samples.is_empty(), no_power, recording.doubts.first()) {
        (true, Some(why), _) => Err(why),
        (true, None, Some(doubt)) => Err(doubt.clone()),
        _ => Ok(recording),
    }
}

fn add(recording: &mut Recording, document: &Document, start: Nanos) -> Nanos {
    let end = start + document.elapsed;
    for found in &document.rails {
        let rail = Rail { name: found.name.to_owned(), kind: found.kind, parent: None, unit: found.unit };
        let rail = recording.rail(rail);
        recording.samples.push(Recorded { rail, start, end, energy: found.energy });
    }
    end
}
