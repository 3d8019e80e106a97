//! Creation of the commands' output files.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use energy_host::files::{FileAccess, irregular};

use crate::error::{Error, Result};

/// Users that may read the created files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ReadableBy {
    /// Only you: mode 600
    #[default]
    Owner,
    /// Your group as well: mode 640
    Group,
    /// All users: mode 644
    All,
}

impl From<ReadableBy> for FileAccess {
    fn from(by: ReadableBy) -> Self {
        match by {
            ReadableBy::Owner => Self::Owner,
            ReadableBy::Group => Self::Group,
            ReadableBy::All => Self::All,
        }
    }
}

/// Creates an output file.
pub(super) fn create(path: &Path) -> Result<File> {
    let file_error = |source| Error::File {
        path: path.to_owned(),
        source,
    };
    if irregular(path) == Some("a folder") {
        let text = "is a folder; give the name of a file";
        return Err(file_error(std::io::Error::other(text)));
    }
    FileAccess::of_process().create(path).map_err(file_error)
}

/// Writes the output of `draw` to a file, or to `out` if the path is `-`. An existing
/// file is only overwritten after `draw` has succeeded.
pub(super) fn write_file(
    path: &Path,
    out: &mut dyn Write,
    draw: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    if is_stdout(path) {
        return draw(out);
    }
    let mut text = Vec::new();
    draw(&mut text)?;
    let written = create(path)?.write_all(&text);
    written.map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    let _ = writeln!(std::io::stderr(), "wrote {}", path.display());
    Ok(())
}

/// Returns whether the path stands for standard output.
pub(super) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}
