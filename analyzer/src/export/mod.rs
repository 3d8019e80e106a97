//! Writes runs for other programs: trace viewers, profilers, tables.
//!
//! ```text
//!              +- walk: activations in the order of time, each with its cost
//! recording ---+- source: nodes, threads, rails, samples --> one file for each format
//! ```
//!
//! Every joule of spans stands in every format once: self energies of activations, or
//! of nodes, sum to the spans' account of the balance. Memory does not grow with the
//! number of spans.
//!
//! A format is one file of this folder and one line of [`FORMATS`].

mod chrome;
mod csv;
mod cut;
mod firefox;
mod folded;
mod json;
mod nano;
mod output;
#[cfg(feature = "parquet")]
mod parquet;
mod perfetto;
mod pprof;
mod source;
mod speedscope;
mod spool;
mod tables;
mod walk;

use std::path::Path;

pub use cut::{Cut, parse_energy, parse_window};
pub use output::Output;
pub use source::{NodeCost, Source};
pub use walk::{Activation, Cost, Visit, Walked, walk};

use crate::error::{Error, Result};

/// A form in which a run is written.
pub trait Format: Sync {
    /// What it is called on the command line.
    fn name(&self) -> &'static str;

    /// What opens it, for people.
    fn about(&self) -> &'static str;

    /// What it makes.
    fn makes(&self) -> Makes;

    /// Writes the run.
    ///
    /// # Errors
    /// When the recording cannot be read, the output cannot be written, or the run
    /// does not hold what the format shows.
    fn write(&self, source: &Source<'_>, out: &mut Output<'_>) -> Result<Walked>;
}

/// What a format makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Makes {
    /// A file with that ending.
    File(&'static str),
    /// A file of JSON with that ending, which viewers read as a whole.
    Json(&'static str),
    /// A folder of files.
    Folder,
}

/// All formats.
pub const FORMATS: &[&dyn Format] = &[
    &chrome::Chrome,
    &perfetto::Perfetto,
    &firefox::Firefox,
    &speedscope::Speedscope,
    &pprof::Pprof,
    &folded::Folded,
    &json::Nested,
    &csv::Csv,
    #[cfg(feature = "parquet")]
    &parquet::Parquet,
];

/// The format of that name.
///
/// # Errors
/// When there is none; the message lists those there are.
pub fn format(name: &str) -> Result<&'static dyn Format> {
    let found = FORMATS.iter().find(|format| format.name() == name);
    found.copied().ok_or_else(|| Error::Unknown {
        what: "format",
        name: name.to_owned(),
        known: names().join(", "),
    })
}

/// Names of all formats.
pub fn names() -> Vec<&'static str> {
    FORMATS.iter().map(|format| format.name()).collect()
}

/// What became of an export.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exported {
    /// What was told of activations; nothing for formats that hold none.
    pub walked: Walked,
    /// Bytes written.
    pub bytes: u64,
}

/// Writes a run to `path`: a file, or a folder for formats that make one. What was there
/// is replaced once all of it is written.
///
/// # Errors
/// As [`Format::write`]; the message has the path. Nothing is left of what was begun.
pub fn export(format: &dyn Format, source: &Source<'_>, path: &Path) -> Result<Exported> {
    let mut out = match format.makes() {
        Makes::Folder if source.cut.is_whole() => Output::folder(path)?,
        Makes::Folder => Output::folder(path)?.keep(),
        Makes::File(_) => Output::file(path)?,
        Makes::Json(_) => Output::file(path)?.warn_of_size(),
    };
    let named = |error| match error {
        Error::Io(source) => Error::File {
            path: path.to_owned(),
            source,
        },
        error => error,
    };
    let walked = format.write(source, &mut out).map_err(named)?;
    let bytes = out.finish().map_err(named)?;
    Ok(Exported { walked, bytes })
}
