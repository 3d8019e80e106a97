//! Texts that are written interleaved and read one after the other, in bounded memory.
//!
//! ```text
//! written   a1 b1 a2 c1 b2 a3      interleaved by thread
//! read      a1 a2 a3 b1 b2 c1      thread by thread
//! ```
//!
//! Each text has a block in memory. Full blocks go to one temporary file, with an index of
//! their positions.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Size of a block in bytes.
const BLOCK: usize = 64 * 1024;

/// Texts by number.
#[derive(Default)]
pub(super) struct Spool {
    texts: BTreeMap<u32, Text>,
    file: Option<File>,
    length: u64,
}

#[derive(Default)]
struct Text {
    block: Vec<u8>,
    /// Positions and lengths in the file.
    written: Vec<(u64, usize)>,
}

impl Spool {
    /// Appends to a text: `write` gets its block.
    pub(super) fn add(&mut self, text: u32, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let text = self.texts.entry(text).or_default();
        write(&mut text.block);
        if text.block.len() < BLOCK {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(&text.block)?;
        text.written.push((self.length, text.block.len()));
        self.length += text.block.len() as u64;
        text.block.clear();
        Ok(())
    }

    /// Returns the ids of all texts, ascending.
    pub(super) fn texts(&self) -> Vec<u32> {
        self.texts.keys().copied().collect()
    }

    /// Copies a text to `out`.
    pub(super) fn copy(&mut self, text: u32, out: &mut dyn Write) -> io::Result<()> {
        let Some(text) = self.texts.get(&text) else {
            return Ok(());
        };
        let mut block = vec![0; BLOCK];
        for (place, length) in &text.written {
            if let Some(file) = &mut self.file {
                file.seek(SeekFrom::Start(*place))?;
                block.resize(*length, 0);
                file.read_exact(&mut block)?;
                out.write_all(&block)?;
            }
        }
        out.write_all(&text.block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn texts_are_read_back_completely(parts in proptest::collection::vec((0..3_u32, 0..30_000_usize), 0..40)) {
            let mut spool = Spool::default();
            let mut plain: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
            for (at, (text, length)) in parts.into_iter().enumerate() {
                let part = vec![b'a' + (at % 26) as u8; length];
                spool.add(text, |out| out.extend_from_slice(&part)).unwrap();
                plain.entry(text).or_default().extend_from_slice(&part);
            }
            proptest::prop_assert_eq!(spool.texts(), plain.keys().copied().collect::<Vec<_>>());
            for (text, expected) in plain {
                let mut read = Vec::new();
                spool.copy(text, &mut read).unwrap();
                proptest::prop_assert!(read == expected);
            }
        }
    }
}
