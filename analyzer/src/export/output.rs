//! Where an export goes.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};
use tracing_energy::files::FileAccess;

use crate::error::{Error, Result};
use crate::format;
use crate::warn::warn;

/// Bytes that are collected before they are written.
const BUFFER: usize = 256 * 1024;
/// Viewers read JSON as a whole: above this most of them take minutes or fail.
const LARGE_JSON: u64 = 200_000_000;

/// A stream, a file or a folder of files. Files have another name until
/// [`Output::finish`]: a reader never finds half of one, and what was there before
/// stays if writing fails.
pub struct Output<'o> {
    to: To<'o>,
    bytes: u64,
    warns: bool,
    keeps: bool,
}

enum To<'o> {
    Stream(&'o mut dyn Write),
    File(Part),
    Folder { path: PathBuf, files: Vec<Part> },
}

/// A file that is being written.
struct Part {
    /// Its name once it is whole, and what it is written to until then; `None` for what
    /// is no regular file: a pipe, a terminal.
    whole: Option<(PathBuf, TempPath)>,
    file: BufWriter<File>,
}

impl<'o> Output<'o> {
    /// Writes to a stream that is open.
    pub fn stream(out: &'o mut dyn Write) -> Self {
        Self::to(To::Stream(out))
    }

    /// Writes a file.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn file(path: &Path) -> Result<Self> {
        Ok(Self::to(To::File(Part::create(path)?)))
    }

    /// Writes files in a folder, which is made where there is none.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(path: &Path) -> Result<Self> {
        if path.is_file() {
            let text = "is a file: this format makes a folder, give one with -o";
            return Err(file_error(path, io::Error::other(text)));
        }
        let made = FileAccess::of_process().create_folder(path);
        made.map_err(|source| file_error(path, source))?;
        Ok(Self::to(To::Folder {
            path: path.to_owned(),
            files: Vec::new(),
        }))
    }

    fn to(to: To<'o>) -> Self {
        Self {
            to,
            bytes: 0,
            warns: false,
            keeps: false,
        }
    }

    /// Tells once when it grows beyond what viewers of JSON can open.
    pub fn warn_of_size(self) -> Self {
        Self {
            warns: true,
            ..self
        }
    }

    /// Files that are in the folder stay: writing them is an error.
    pub fn keep(self) -> Self {
        Self {
            keeps: true,
            ..self
        }
    }

    /// In a folder, what is written next goes to the file of that name, `/` between
    /// folders in it; elsewhere nothing changes.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn next_file(&mut self, name: &str) -> Result<()> {
        if let To::Folder { path, files } = &mut self.to {
            if let Some(last) = files.last_mut() {
                last.file.flush()?;
            }
            let path = path.join(name);
            if self.keeps && path.exists() {
                let text = "is there: give a part of a run a folder of its own with -o";
                return Err(file_error(&path, io::Error::other(text)));
            }
            if let Some(folder) = path.parent() {
                let made = FileAccess::of_process().create_folder(folder);
                made.map_err(|source| file_error(folder, source))?;
            }
            files.push(Part::create(&path)?);
        }
        Ok(())
    }

    /// Gives files their names; answers how many bytes were written.
    ///
    /// # Errors
    /// When they cannot be written to the end.
    pub fn finish(mut self) -> Result<u64> {
        self.flush()?;
        match &mut self.to {
            To::Stream(_) => {}
            To::File(part) => part.finish()?,
            To::Folder { files, .. } => files.iter_mut().try_for_each(Part::finish)?,
        }
        Ok(self.bytes)
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match &mut self.to {
            To::Stream(out) => out.write(bytes)?,
            To::File(part) => part.file.write(bytes)?,
            To::Folder { files, .. } => match files.last_mut() {
                Some(part) => part.file.write(bytes)?,
                None => return Err(io::Error::other("no file was begun in the folder")),
            },
        };
        self.bytes += count as u64;
        if self.warns && self.bytes > LARGE_JSON {
            self.warns = false;
            warn(&format!(
                "more than {} of JSON: most viewers take minutes to open it, or fail; \
                 --window or --min-energy make it smaller",
                format::bytes(Some(LARGE_JSON))
            ));
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Stream(out) => out.flush(),
            To::File(part) => part.file.flush(),
            To::Folder { files, .. } => files.iter_mut().try_for_each(|part| part.file.flush()),
        }
    }
}

impl Part {
    fn create(path: &Path) -> Result<Self> {
        if path.is_dir() {
            let text = "is a folder: this format makes a file, give one with -o";
            return Err(file_error(path, io::Error::other(text)));
        }
        // Of a link the file that it points at is replaced.
        let real = std::fs::canonicalize(path);
        let path = real.as_deref().unwrap_or(path);
        let is_other = std::fs::metadata(path).is_ok_and(|there| !there.is_file());
        let (file, whole) = match is_other {
            true => {
                let file = File::options().write(true).open(path);
                (file.map_err(|source| file_error(path, source))?, None)
            }
            false => {
                let draft = draft(path).map_err(|source| file_error(path, source))?;
                let (file, draft) = draft.into_parts();
                (file, Some((path.to_owned(), draft)))
            }
        };
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER, file),
            whole,
        })
    }

    fn finish(&mut self) -> Result<()> {
        self.file.flush()?;
        if let Some((whole, draft)) = self.whole.take() {
            let named = draft.persist(&whole);
            named.map_err(|error| file_error(&whole, error.error))?;
        }
        Ok(())
    }
}

/// A new file beside `path` with a name that nobody has made a link of, and with the
/// permissions that the file at `path` has or would get. It goes when it is dropped.
fn draft(path: &Path) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    let mut draft = tempfile::Builder::new();
    draft.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    let permissions = {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::Permissions::from_mode(FileAccess::of_process().file_mode())
    };
    #[cfg(unix)]
    draft.permissions(permissions);
    let draft = draft.tempfile_in(folder)?;
    if let Ok(there) = std::fs::metadata(path) {
        draft.as_file().set_permissions(there.permissions())?;
    }
    Ok(draft)
}

fn file_error(path: &Path, source: io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        source,
    }
}
