//! Files that commands write.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

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
    let written = File::create(path).and_then(|mut file| file.write_all(&text));
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
