//! Destination of an export.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use energy_host::files::FileAccess;
use tempfile::{NamedTempFile, TempPath};

use crate::error::{Error, Result};
use crate::format;

/// Buffered bytes of a file.
const BUFFER: usize = 256 * 1024;
/// Size of JSON above which most viewers take minutes to load it or fail.
const LARGE_JSON: u64 = 200_000_000;

/// A stream, a file or a folder of files. Files have temporary names until
/// [`ExportWriter::finish`], so that readers never see a partial file and existing files
/// survive a failed export.
pub struct ExportWriter<'o> {
    target: OutputTarget<'o>,
    bytes: u64,
    warnings: Vec<String>,
    warns_of_size: bool,
    refuses_overwrite: bool,
}

/// Result of writing an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes written.
    pub bytes: u64,
    /// Warnings about the output, to show to the user.
    pub warnings: Vec<String>,
}

enum OutputTarget<'o> {
    Stream(&'o mut dyn Write),
    /// Files one after another in a stream, and whether one was started.
    Sections(&'o mut dyn Write, bool),
    File(PendingFile),
    Folder {
        path: PathBuf,
        files: Vec<PendingFile>,
    },
}

/// A file that is being written.
struct PendingFile {
    /// Final path and temporary file; `None` for pipes, terminals and other special files,
    /// which are written directly.
    final_path: Option<(PathBuf, TempPath)>,
    file: BufWriter<File>,
}

impl<'o> ExportWriter<'o> {
    /// Writes to an open stream.
    pub fn stream(out: &'o mut dyn Write) -> Self {
        Self::with_target(OutputTarget::Stream(out))
    }

    /// Writes the files of a folder one after another to an open stream, with a line `# NAME`
    /// before each and an empty line between them.
    pub fn sections(out: &'o mut dyn Write) -> Self {
        Self::with_target(OutputTarget::Sections(out, false))
    }

    /// Writes a file.
    ///
    /// # Errors
    /// Fails if the file cannot be created.
    pub fn file(path: &Path) -> Result<Self> {
        Ok(Self::with_target(OutputTarget::File(PendingFile::create(
            path,
        )?)))
    }

    /// Writes files in a folder, and creates it if needed.
    ///
    /// # Errors
    /// Fails if the folder cannot be created.
    pub fn folder(path: &Path) -> Result<Self> {
        if path.is_file() {
            let text = "is a file, but this format writes a folder: give a folder with -o";
            return Err(file_error(path, io::Error::other(text)));
        }
        let created = FileAccess::of_process().create_folder(path);
        created.map_err(|source| file_error(path, source))?;
        Ok(Self::with_target(OutputTarget::Folder {
            path: path.to_owned(),
            files: Vec::new(),
        }))
    }

    fn with_target(target: OutputTarget<'o>) -> Self {
        Self {
            target,
            bytes: 0,
            warnings: Vec::new(),
            warns_of_size: false,
            refuses_overwrite: false,
        }
    }

    /// Warns once when the output becomes larger than JSON viewers can open.
    pub fn warn_of_size(self) -> Self {
        Self {
            warns_of_size: true,
            ..self
        }
    }

    /// Refuses to replace existing files of the folder.
    pub fn refuse_overwrite(self) -> Self {
        Self {
            refuses_overwrite: true,
            ..self
        }
    }

    /// Starts the file `name` in a folder, or its section; `/` separates subfolders. Does nothing
    /// for other streams and for files.
    ///
    /// # Errors
    /// Fails if the file cannot be created.
    pub fn next_file(&mut self, name: &str) -> Result<()> {
        if let OutputTarget::Sections(out, has_begun) = &mut self.target {
            let empty = if *has_begun { "\n" } else { "" };
            *has_begun = true;
            let line = format!("{empty}# {name}\n");
            self.bytes += line.len() as u64;
            out.write_all(line.as_bytes())?;
        }
        if let OutputTarget::Folder { path, files } = &mut self.target {
            if let Some(last) = files.last_mut() {
                last.file.flush()?;
            }
            let path = path.join(name);
            if self.refuses_overwrite && path.exists() {
                let text = "already exists: give a new folder with -o for a part of a run";
                return Err(file_error(&path, io::Error::other(text)));
            }
            if let Some(folder) = path.parent() {
                let created = FileAccess::of_process().create_folder(folder);
                created.map_err(|source| file_error(folder, source))?;
            }
            files.push(PendingFile::create(&path)?);
        }
        Ok(())
    }

    /// Adds a warning about the output, which [`ExportWriter::finish`] returns.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Renames all files to their final names and returns what was written.
    ///
    /// # Errors
    /// Fails if the files cannot be written completely.
    pub fn finish(mut self) -> Result<Written> {
        self.flush()?;
        match &mut self.target {
            OutputTarget::Stream(_) | OutputTarget::Sections(..) => {}
            OutputTarget::File(part) => part.finish()?,
            OutputTarget::Folder { files, .. } => {
                files.iter_mut().try_for_each(PendingFile::finish)?
            }
        }
        Ok(Written {
            bytes: self.bytes,
            warnings: self.warnings,
        })
    }
}

impl Write for ExportWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match &mut self.target {
            OutputTarget::Stream(out) | OutputTarget::Sections(out, _) => out.write(bytes)?,
            OutputTarget::File(part) => part.file.write(bytes)?,
            OutputTarget::Folder { files, .. } => match files.last_mut() {
                Some(part) => part.file.write(bytes)?,
                None => return Err(io::Error::other("no file was started in the folder")),
            },
        };
        self.bytes += count as u64;
        if self.warns_of_size && self.bytes > LARGE_JSON {
            self.warns_of_size = false;
            self.warn(format!(
                "more than {} of JSON: most viewers take minutes to open it, or fail: \
                 reduce it with --window or --min-energy",
                format::bytes(Some(LARGE_JSON))
            ));
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            OutputTarget::Stream(out) | OutputTarget::Sections(out, _) => out.flush(),
            OutputTarget::File(part) => part.file.flush(),
            OutputTarget::Folder { files, .. } => {
                files.iter_mut().try_for_each(|part| part.file.flush())
            }
        }
    }
}

impl PendingFile {
    fn create(path: &Path) -> Result<Self> {
        if path.is_dir() {
            let text = "is a folder, but this format writes a file: give a file with -o";
            return Err(file_error(path, io::Error::other(text)));
        }
        // A symbolic link is kept: the file that it points to is replaced.
        let real = std::fs::canonicalize(path);
        let path = real.as_deref().unwrap_or(path);
        let is_other = std::fs::metadata(path).is_ok_and(|existing| !existing.is_file());
        let (file, final_path) = match is_other {
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
            final_path,
        })
    }

    fn finish(&mut self) -> Result<()> {
        self.file.flush()?;
        if let Some((final_path, draft)) = self.final_path.take() {
            let named = draft.persist(&final_path);
            named.map_err(|error| file_error(&final_path, error.error))?;
        }
        Ok(())
    }
}

/// Creates a new file in the folder of `path`, with an unpredictable name (so that nobody can
/// place a link there) and with the permissions that the file at `path` has or would get. It is
/// deleted on drop.
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
    if let Ok(existing) = std::fs::metadata(path) {
        draft.as_file().set_permissions(existing.permissions())?;
    }
    Ok(draft)
}

fn file_error(path: &Path, source: io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        source,
    }
}
