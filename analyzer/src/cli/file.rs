//! Files that commands write.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use tracing_energy::files::{FileAccess, irregular};

use crate::error::{Error, Result};

/// Who may read files that are created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ReadableBy {
    /// Only you: mode 600
    #[default]
    Owner,
    /// Your group as well: mode 640
    Group,
    /// All users of this machine: mode 644
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

/// Creates a file for a command to write.
pub(super) fn create(path: &Path) -> Result<File> {
    let named = |source| Error::File {
        path: path.to_owned(),
        source,
    };
    if irregular(path) == Some("a folder") {
        let text = "it is a folder; give the name of a file";
        return Err(named(std::io::Error::other(text)));
    }
    FileAccess::of_process().create(path).map_err(named)
}

/// Writes a file by way of `draw`; `-` is `out`. Nothing is written over before the
/// whole text is there.
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

/// Whether a file is standard output.
pub(super) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}
