//! One temporary file of the spool.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::filter::Filter;
use super::frame::{Frame, Label};
use super::message::{Detail, MessageKind};

/// Consecutive messages in an unnamed temporary file. The system removes it when the server ends,
/// however it ends.
#[derive(Debug)]
pub(super) struct Segment {
    file: Arc<File>,
    first_seq: u64,
    entries: Vec<Entry>,
    runs: Vec<Option<Arc<str>>>,
}

/// A message, in few bytes.
#[derive(Debug)]
struct Entry {
    end: u32,
    run: u16,
    kind: MessageKind,
    detail: Detail,
}

/// Place of a message in a file.
#[derive(Debug)]
pub(super) struct Place {
    /// Number of the message.
    pub(super) seq: u64,
    file: Arc<File>,
    bytes: Range<u32>,
}

impl Segment {
    /// Creates a segment whose first message will be `first_seq`.
    pub(super) fn new(file: File, first_seq: u64) -> Self {
        Self {
            file: Arc::new(file),
            first_seq,
            entries: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Returns the file, to write at [`length`](Self::length).
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Returns the number of bytes.
    pub(super) fn length(&self) -> u32 {
        self.entries.last().map_or(0, |entry| entry.end)
    }

    /// Returns the numbers of its messages.
    pub(super) fn seqs(&self) -> Range<u64> {
        self.first_seq..self.first_seq + self.entries.len() as u64
    }

    /// Adds a message that was written at the end. Returns whether there was space for its entry.
    pub(super) fn add(&mut self, frame: &Frame) -> bool {
        let run = self.runs.iter().position(|run| *run == frame.label.run);
        let run = run.unwrap_or_else(|| {
            self.runs.push(frame.label.run.clone());
            self.runs.len() - 1
        });
        let end = u64::from(self.length()) + frame.text.len() as u64;
        let (Ok(run), Ok(end)) = (u16::try_from(run), u32::try_from(end)) else {
            return false;
        };
        self.entries.push(Entry {
            end,
            run,
            kind: frame.label.kind,
            detail: frame.label.detail,
        });
        true
    }

    /// Iterates over the places of messages from `seq` on: `None` for those that the filter excludes.
    pub(super) fn places<'a>(
        &'a self,
        seq: u64,
        filter: &'a Filter,
    ) -> impl Iterator<Item = (u64, Option<Place>)> + 'a {
        let skipped = seq.saturating_sub(self.first_seq);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        (skipped..self.entries.len()).filter_map(move |at| {
            let entry = self.entries.get(at)?;
            let seq = self.first_seq + at as u64;
            let label = Label {
                run: self.runs.get(usize::from(entry.run))?.clone(),
                kind: entry.kind,
                detail: entry.detail,
            };
            let start = at
                .checked_sub(1)
                .and_then(|before| self.entries.get(before));
            let place = filter.accepts_label(&label, false).then(|| Place {
                seq,
                file: self.file(),
                bytes: start.map_or(0, |before| before.end)..entry.end,
            });
            Some((seq, place))
        })
    }
}

impl Place {
    /// Returns the number of bytes.
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Reads the message.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        let mut text = vec![0; self.length()];
        read_at(&self.file, &mut text, u64::from(self.bytes.start))?;
        Ok(text)
    }
}

/// Writes `bytes` at `offset`, wherever the file's position is.
#[cfg(unix)]
pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

/// Writes `bytes` at `offset`, wherever the file's position is.
#[cfg(windows)]
pub(super) fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[read..];
        offset += read as u64;
    }
    Ok(())
}
