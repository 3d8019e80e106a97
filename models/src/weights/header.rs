//! A walk over a GGUF header that allocates nothing but tensor names.
//!
//! Candle's reader trusts a header's lengths as far as the file is long, which
//! still lets a small hostile file allocate much memory (an array element costs
//! 32 bytes there and one here) or divide by an alignment of zero. This walk
//! comes first and bounds what Candle builds.
//!
//! ```text
//! "GGUF" version u32 | tensors u64 | entries u64
//! entry:  key string | type u32 | value
//! tensor: name string | dims u32 | u64 per dim | type u32 | offset u64
//! string: length u64 | bytes
//! ```

use std::collections::HashSet;
use std::io::{BufRead, Seek, SeekFrom};

/// Entries or tensors that a header may declare; the largest public models
/// have a few thousand.
const MAX_ENTRIES: u64 = 1 << 16;
/// Array elements in all of the metadata; the largest vocabularies have
/// 262,144 tokens and about as many merges, three arrays in all.
const MAX_ELEMENTS: u64 = 1 << 22;
/// Bytes of one string.
const MAX_STRING: u64 = 1 << 24;
/// Dimensions of a tensor.
const MAX_DIMS: u32 = 4;
/// Nesting of arrays.
const MAX_DEPTH: u32 = 4;

type HeaderResult<T> = Result<T, String>;

/// Checks the structure of a header of a file of `length` bytes, reading
/// from its start.
///
/// The error names the part of the header that is wrong.
pub(super) fn check(reader: &mut (impl BufRead + Seek), length: u64) -> HeaderResult<()> {
    let mut walk = HeaderWalk {
        reader,
        length,
        position: 0,
        elements: 0,
    };
    let version = walk.magic()?;
    if !(2..=3).contains(&version) {
        return Err(format!(
            "GGUF version {version} is not supported, 2 and 3 are"
        ));
    }
    let (tensors, entries) = (walk.u64()?, walk.u64()?);
    bounded("tensors", tensors, MAX_ENTRIES)?;
    bounded("metadata entries", entries, MAX_ENTRIES)?;
    walk.entries(entries)?;
    walk.tensors(tensors)
}

fn bounded(what: &str, count: u64, limit: u64) -> HeaderResult<()> {
    match count <= limit {
        true => Ok(()),
        false => Err(format!(
            "declares {count} {what}, more than the {limit} that are believable"
        )),
    }
}

struct HeaderWalk<'r, R> {
    reader: &'r mut R,
    length: u64,
    position: u64,
    elements: u64,
}

impl<R: BufRead + Seek> HeaderWalk<'_, R> {
    fn magic(&mut self) -> HeaderResult<u32> {
        match &self.bytes::<4>()? {
            b"GGUF" => self.u32(),
            b"FUGG" => Err("is a big-endian GGUF file, which cannot be read here".into()),
            other => Err(format!("does not start with `GGUF` but with {other:02x?}")),
        }
    }

    fn entries(&mut self, count: u64) -> HeaderResult<()> {
        for _ in 0..count {
            let key = self.string()?;
            let kind = self.u32()?;
            if key == "general.alignment" {
                self.alignment(kind)?;
            } else {
                self.value(kind, 0)
                    .map_err(|error| format!("metadata `{key}` {error}"))?;
            }
        }
        Ok(())
    }

    /// Candle divides by the alignment, and does so unchecked.
    fn alignment(&mut self, kind: u32) -> HeaderResult<()> {
        let alignment = if kind == 4 { self.u32()? } else { 0 };
        match alignment.is_power_of_two() && alignment <= 1 << 16 {
            true => Ok(()),
            false => Err("has an impossible `general.alignment`".into()),
        }
    }

    fn value(&mut self, kind: u32, depth: u32) -> HeaderResult<()> {
        match kind {
            0 | 1 | 7 => self.skip(1),
            2 | 3 => self.skip(2),
            4..=6 => self.skip(4),
            10..=12 => self.skip(8),
            8 => self.skip_string(),
            9 if depth < MAX_DEPTH => self.array(depth),
            9 => Err("nests arrays too deeply".into()),
            _ => Err(format!("has the unknown type {kind}")),
        }
    }

    fn array(&mut self, depth: u32) -> HeaderResult<()> {
        let (kind, count) = (self.u32()?, self.u64()?);
        self.elements = self.elements.saturating_add(count);
        bounded("array elements", self.elements, MAX_ELEMENTS)?;
        (0..count).try_for_each(|_| self.value(kind, depth + 1))
    }

    fn tensors(&mut self, count: u64) -> HeaderResult<()> {
        let mut seen = HashSet::new();
        for _ in 0..count {
            let name = self.string()?;
            let dims = self.u32()?;
            bounded("dimensions of a tensor", dims.into(), MAX_DIMS.into())?;
            self.skip(u64::from(dims) * 8 + 4 + 8)?;
            if !seen.insert(name.clone()) {
                return Err(format!("lists tensor `{name}` twice"));
            }
        }
        Ok(())
    }

    fn string_length(&mut self) -> HeaderResult<u64> {
        let bytes = self.u64()?;
        bounded("bytes in a string", bytes, MAX_STRING)?;
        Ok(bytes)
    }

    fn skip_string(&mut self) -> HeaderResult<()> {
        let bytes = self.string_length()?;
        self.skip(bytes)
    }

    /// A key or a name: short, and read.
    fn string(&mut self) -> HeaderResult<String> {
        let length = self.string_length()?;
        bounded("bytes in a name", length, 1 << 10)?;
        let mut bytes = vec![0; length as usize];
        self.fill(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn u32(&mut self) -> HeaderResult<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> HeaderResult<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn bytes<const N: usize>(&mut self) -> HeaderResult<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> HeaderResult<()> {
        self.advance(bytes.len() as u64)?;
        self.reader
            .read_exact(bytes)
            .map_err(|error| error.to_string())
    }

    fn skip(&mut self, bytes: u64) -> HeaderResult<()> {
        self.advance(bytes)?;
        let buffered = self.reader.fill_buf().map_err(|error| error.to_string())?;
        if bytes <= buffered.len() as u64 {
            self.reader.consume(bytes as usize);
            return Ok(());
        }
        let to = SeekFrom::Start(self.position);
        self.reader
            .seek(to)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn advance(&mut self, bytes: u64) -> HeaderResult<()> {
        self.position = self.position.saturating_add(bytes);
        match self.position <= self.length {
            true => Ok(()),
            false => Err(format!(
                "ends early: the file has only {} bytes",
                self.length
            )),
        }
    }
}
