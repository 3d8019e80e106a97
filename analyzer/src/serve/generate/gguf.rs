//! Reads the architecture and the number format from the head of a GGUF file.
//!
//! Models are opened completely when they run. The list needs few values of many files, which
//! stand before the vocabulary.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Number of bytes that are read at most.
const HEAD: u64 = 64 * 1024;

/// Values of the head; those that were not found are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GgufHead {
    pub(super) architecture: Option<String>,
    pub(super) precision: Option<String>,
}

/// Reads the head of a file.
///
/// # Errors
/// If it cannot be read or is not GGUF.
pub(super) fn read(path: &Path) -> io::Result<GgufHead> {
    let mut file = BufReader::new(File::open(path)?.take(HEAD));
    let mut magic = [0; 4];
    file.read_exact(&mut magic)?;
    // Version 1 has shorter lengths; nobody writes it any more.
    if magic != *b"GGUF" || u32_of(&mut file)? < 2 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let _tensors = u64_of(&mut file)?;
    let count = u64_of(&mut file)?;
    let mut head = GgufHead::default();
    for _ in 0..count {
        // The first list or the end of the head ends the search.
        if value(&mut file, &mut head).is_err() {
            break;
        }
    }
    Ok(head)
}

fn value(file: &mut impl Read, head: &mut GgufHead) -> io::Result<()> {
    let key = text(file)?;
    let kind = u32_of(file)?;
    match (key.as_str(), kind) {
        ("general.architecture", 8) => head.architecture = Some(text(file)?),
        ("general.file_type", 4) => {
            head.precision = precision(u32_of(file)?).map(str::to_owned);
        }
        (_, 8) => drop(text(file)?),
        (_, 0 | 1 | 7) => skip(file, 1)?,
        (_, 2 | 3) => skip(file, 2)?,
        (_, 4..=6) => skip(file, 4)?,
        (_, 10..=12) => skip(file, 8)?,
        _ => return Err(io::ErrorKind::Unsupported.into()),
    }
    Ok(())
}

/// Returns the format of most weights by the number of the file's type.
fn precision(file_type: u32) -> Option<&'static str> {
    Some(match file_type {
        0 => "f32",
        1 => "f16",
        2 => "q4_0",
        3 => "q4_1",
        7 => "q8_0",
        8 => "q5_0",
        9 => "q5_1",
        10 => "q2_k",
        11..=13 => "q3_k",
        14 | 15 => "q4_k",
        16 | 17 => "q5_k",
        18 => "q6_k",
        32 => "bf16",
        _ => return None,
    })
}

fn text(file: &mut impl Read) -> io::Result<String> {
    let length = u64_of(file)?;
    if length > HEAD {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == length {
        true => String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn skip(file: &mut impl Read, bytes: usize) -> io::Result<()> {
    let mut skipped = [0; 8];
    file.read_exact(&mut skipped[..bytes])
}

fn u32_of(file: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn u64_of(file: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
        let length = (key.len() as u64).to_le_bytes();
        [&length[..], key.as_bytes(), &kind.to_le_bytes(), value].concat()
    }

    #[test]
    fn values_before_the_first_list_are_read() {
        let llama = [&5_u64.to_le_bytes()[..], b"llama"].concat();
        let entries = [
            entry("general.architecture", 8, &llama),
            entry("x", 7, &[1]),
            entry("general.file_type", 4, &3_u32.to_le_bytes()),
            entry("list", 9, &[0; 12]),
        ];
        let head = [
            &b"GGUF"[..],
            &3_u32.to_le_bytes(),
            &[0; 8],
            &4_u64.to_le_bytes(),
        ]
        .concat();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [head, entries.concat()].concat()).unwrap();
        let read_head = read(file.path()).unwrap();
        assert_eq!(read_head.architecture.as_deref(), Some("llama"));
        assert_eq!(read_head.precision.as_deref(), Some("q4_1"));
        std::fs::write(file.path(), b"GGUF\x03\0\0\0").unwrap();
        assert!(read(file.path()).is_err());
        std::fs::write(file.path(), b"text").unwrap();
        assert!(read(file.path()).is_err());
    }
}
