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

use crate::weights::gguf_types;

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

type HeaderResult<T> = Result<T, HeaderFault>;

/// What is wrong with a header, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeaderFault {
    pub(super) problem: String,
    pub(super) next: &'static str,
}

const COMPLETE: &str = "make sure it is a complete GGUF file: download or convert it again";
const CONVERT: &str = "convert the model again with a current converter";

impl From<String> for HeaderFault {
    fn from(problem: String) -> Self {
        let next = COMPLETE;
        Self { problem, next }
    }
}

impl From<&str> for HeaderFault {
    fn from(problem: &str) -> Self {
        problem.to_owned().into()
    }
}

impl From<std::io::Error> for HeaderFault {
    fn from(error: std::io::Error) -> Self {
        error.to_string().into()
    }
}

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
    supported_version(version)?;
    let (tensors, entries) = (walk.u64()?, walk.u64()?);
    bounded("tensors", tensors, MAX_ENTRIES)?;
    bounded("metadata entries", entries, MAX_ENTRIES)?;
    walk.entries(entries)?;
    walk.tensors(tensors)
}

fn supported_version(version: u32) -> HeaderResult<()> {
    let fault = |problem: String, next| Err(HeaderFault { problem, next });
    match version {
        2 | 3 => Ok(()),
        1 => fault(
            "is of GGUF version 1, which is not supported; 2 and 3 are".to_owned(),
            CONVERT,
        ),
        // The magic is the same in both byte orders, the version is not.
        _ if (1..=3).contains(&version.swap_bytes()) => {
            let next = "choose the file for little-endian machines, or convert it with \
                        gguf-py's gguf_convert_endian";
            fault(
                "is a big-endian GGUF file, which cannot be read here".to_owned(),
                next,
            )
        }
        _ => fault(
            format!("GGUF version {version} is not supported, 2 and 3 are"),
            COMPLETE,
        ),
    }
}

fn bounded(what: &str, count: u64, limit: u64) -> HeaderResult<()> {
    match count <= limit {
        true => Ok(()),
        false => Err(
            format!("declares {count} {what}, more than the {limit} that are believable").into(),
        ),
    }
}

fn supported_type(tensor: &str, kind: u32) -> HeaderResult<()> {
    let Some(name) = gguf_types::unsupported(kind) else {
        return Ok(());
    };
    Err(HeaderFault {
        problem: format!("tensor `{tensor}` has the type {name}, which is not supported"),
        next: "choose a file of another type, such as Q4_K_M or Q8_0",
    })
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
            other => Err(format!("does not start with `GGUF` but with {other:02x?}").into()),
        }
    }

    fn entries(&mut self, count: u64) -> HeaderResult<()> {
        for _ in 0..count {
            let key = self.string()?;
            let kind = self.u32()?;
            if key == "general.alignment" {
                self.alignment(kind)?;
            } else {
                let named = |fault: HeaderFault| format!("metadata `{key}` {}", fault.problem);
                self.value(kind, 0).map_err(named)?;
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
            _ => Err(format!("has the unknown type {kind}").into()),
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
            self.skip(u64::from(dims) * 8)?;
            supported_type(&name, self.u32()?)?;
            self.skip(8)?;
            if !seen.insert(name.clone()) {
                return Err(format!("lists tensor `{name}` twice").into());
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
        Ok(self.reader.read_exact(bytes)?)
    }

    fn skip(&mut self, bytes: u64) -> HeaderResult<()> {
        self.advance(bytes)?;
        let buffered = self.reader.fill_buf()?;
        if bytes <= buffered.len() as u64 {
            self.reader.consume(bytes as usize);
            return Ok(());
        }
        self.reader.seek(SeekFrom::Start(self.position))?;
        Ok(())
    }

    fn advance(&mut self, bytes: u64) -> HeaderResult<()> {
        self.position = self.position.saturating_add(bytes);
        match self.position <= self.length {
            true => Ok(()),
            false => Err(format!("ends early: the file has only {} bytes", self.length).into()),
        }
    }
}
