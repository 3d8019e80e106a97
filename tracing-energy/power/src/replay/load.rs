//! Opens a recording of any format.

use std::io::{BufRead, BufReader};
use std::path::Path;

use super::csv;
#[cfg(feature = "powermetrics")]
use super::plist;
use super::recording::Recording;
#[cfg(feature = "powermetrics")]
use super::text;
use crate::error::SourceError;
use crate::table::refuse_encoding;

impl Recording {
    /// Reads the recording in `path`.
    ///
    /// # Errors
    /// [`SourceError::NotPresent`] without the file, [`SourceError::BadInput`] with the line
    /// that cannot be parsed, or without a sample.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let recording = load(path)?;
        if recording.samples.is_empty() {
            return Err(bad(path, "it contains no sample".into()));
        }
        Ok(recording)
    }
}

/// Number of bytes at the start of a file that determine its format.
const HEAD_BYTES: usize = 64 << 10;

fn load(path: &Path) -> Result<Recording, SourceError> {
    let file = energy_host::files::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => SourceError::NotPresent {
            what: format!("recording {}", path.display()),
        },
        _ => bad(path, error.to_string()),
    })?;
    let mut input = BufReader::with_capacity(HEAD_BYTES, file);
    let start = input
        .fill_buf()
        .map_err(|error| bad(path, error.to_string()))?;
    let recording = match refuse_encoding(start) {
        Some(why) => Err(why),
        #[cfg(feature = "powermetrics")]
        None if plist::begins(start) => plist::read(input),
        #[cfg(feature = "powermetrics")]
        None if text::begins(start) => text::read(input),
        None => csv::read(input),
    };
    recording.map_err(|why| bad(path, why))
}

fn bad(path: &Path, why: String) -> SourceError {
    let what = format!("recording {}", path.display());
    SourceError::BadInput { what, why }
}
