//! Exports runs for other programs: trace viewers, profilers, tables.
//!
//! ```text
//!              +- crate::walk: activations in time order, each with its cost
//! recording ---+- source: nodes, threads, rails, samples --> one file for each format
//! ```
//!
//! Every format contains each joule of spans exactly once: the self energies of activations, or
//! of nodes, sum to the spans' account of the balance. Memory does not grow with the number of
//! spans.
//!
//! A format is one file of this folder and one entry of [`FORMATS`].

mod chrome;
mod csv;
mod firefox;
mod folded;
mod format;
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

use std::path::Path;

pub use format::{ExportFormat, FormatOutput};
pub use output::{ExportWriter, Written};
pub use source::{ExportSource, NodeCost};

pub use crate::walk::{WalkFilter, parse_energy, parse_window};

use crate::error::{Error, Result};
use crate::walk::WalkStats;

/// All formats.
pub const FORMATS: &[&dyn ExportFormat] = &[
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

/// Returns the format with this name.
///
/// # Errors
/// Fails if there is none; the message lists the known formats.
pub fn format(name: &str) -> Result<&'static dyn ExportFormat> {
    let found = FORMATS.iter().find(|format| format.name() == name);
    found.copied().ok_or_else(|| Error::Unknown {
        what: "format",
        name: name.to_owned(),
        known: names().join(", "),
    })
}

/// Returns the names of all formats.
pub fn names() -> Vec<&'static str> {
    FORMATS.iter().map(|format| format.name()).collect()
}

/// Result of an export.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// Statistics of the exported activations; zero for formats without activations.
    pub walked: WalkStats,
    /// Bytes written.
    pub bytes: u64,
    /// Warnings about the output, to show to the user.
    pub warnings: Vec<String>,
}

/// Exports a run to `path`: a file, or a folder for formats that produce one. Existing files
/// are replaced only after everything is written.
///
/// # Errors
/// See [`ExportFormat::write`]; the message includes the path. Partial files are removed.
pub fn export(
    format: &dyn ExportFormat,
    source: &ExportSource<'_>,
    path: &Path,
) -> Result<Exported> {
    let mut out = match format.output() {
        FormatOutput::Folder if source.filter.is_whole() => ExportWriter::folder(path)?,
        FormatOutput::Folder => ExportWriter::folder(path)?.refuse_overwrite(),
        FormatOutput::File(_) => ExportWriter::file(path)?,
        FormatOutput::Json(_) => ExportWriter::file(path)?.warn_of_size(),
    };
    let with_path = |error| match error {
        Error::Io(source) => Error::File {
            path: path.to_owned(),
            source,
        },
        error => error,
    };
    let walked = format.write(source, &mut out).map_err(with_path)?;
    let written = out.finish().map_err(with_path)?;
    Ok(Exported {
        walked,
        bytes: written.bytes,
        warnings: written.warnings,
    })
}
