//! Opens regular files only. A pipe or a device has no end, or no other program that writes to it:
//! opening or reading it could wait for ever.

use std::fs::{File, FileType};
use std::io::Read as _;
use std::path::Path;

use crate::error::{Error, Result};

/// Opens a file for reading; `expected` names the part of the model that it should hold.
///
/// # Errors
/// If it does not exist, cannot be opened or is not a regular file.
pub(crate) fn open(path: &Path, expected: &str) -> Result<File> {
    let io = |error| Error::io(path, error);
    let kind = std::fs::metadata(path).map_err(io)?.file_type();
    if !kind.is_file() {
        let problem = format!("is {}, not a file", named(kind));
        let next = "give the path of a regular file, or of a folder with config.json";
        return Err(Error::advise(path, expected, problem, next));
    }
    File::open(path).map_err(io)
}

/// Reads a whole file, as [`open`] opens it.
///
/// # Errors
/// As [`open`].
pub(crate) fn read(path: &Path, expected: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = open(path, expected)?.read_to_end(&mut bytes);
    read.map_err(|error| Error::io(path, error))?;
    Ok(bytes)
}

#[cfg(unix)]
fn named(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    match () {
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () => "something else",
    }
}

#[cfg(not(unix))]
fn named(kind: FileType) -> &'static str {
    match kind.is_dir() {
        true => "a folder",
        false => "something else",
    }
}
