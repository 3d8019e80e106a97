//! A file format to which runs are exported.

use super::output::ExportWriter;
use super::source::ExportSource;
use crate::error::Result;
use crate::walk::WalkStats;

/// A file format to which a run is exported.
pub trait ExportFormat: Sync {
    /// Returns its name on the command line.
    fn name(&self) -> &'static str;

    /// Returns a short description that names the programs that open it.
    fn about(&self) -> &'static str;

    /// Returns what it produces: a file or a folder.
    fn output(&self) -> FormatOutput;

    /// Writes the run.
    ///
    /// # Errors
    /// Fails if the recording cannot be read, the output cannot be written, or the run lacks
    /// data that the format needs.
    fn write(&self, source: &ExportSource<'_>, out: &mut ExportWriter<'_>) -> Result<WalkStats>;
}

/// What a format produces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatOutput {
    /// A file with this extension.
    File(&'static str),
    /// A JSON file with this extension, which viewers load completely.
    Json(&'static str),
    /// A folder of files.
    Folder,
}
