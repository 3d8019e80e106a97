//! Creates the files that hold recorded data.
//!
//! A recording can hold prompts, paths, command lines and field values, so other users may
//! not read it by default. A new file has its final permissions from the moment it exists;
//! an existing file keeps its permissions.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

/// Maximum number of symbolic links to follow, as on Linux.
const LINKS: usize = 40;

/// The process-wide [`FileAccess`], as its discriminant.
static OF_PROCESS: AtomicU8 = AtomicU8::new(FileAccess::Owner as u8);

/// Users that may read created files and folders.
///
/// ```
/// use energy_host::files::FileAccess;
///
/// assert_eq!(FileAccess::default().file_mode(), 0o600);
/// assert_eq!(FileAccess::Group.file_mode(), 0o640);
/// ```
///
///
/// The process's umask narrows it further. On systems without Unix permissions, files
/// inherit those of their folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum FileAccess {
    /// The user who runs the program: mode 600, folders 700.
    #[default]
    Owner,
    /// The user's group as well: mode 640, folders 750.
    Group,
    /// All users of the machine: mode 644, folders 755.
    All,
}

impl FileAccess {
    /// Returns the process-wide default access: [`Self::Owner`] unless
    /// [`Self::set_for_process`] was called.
    pub fn of_process() -> Self {
        match OF_PROCESS.load(Ordering::Relaxed) {
            number if number == Self::Group as u8 => Self::Group,
            number if number == Self::All as u8 => Self::All,
            _ => Self::Owner,
        }
    }

    /// Sets the default access of files that this process creates from now on. For
    /// programs, not for libraries.
    pub fn set_for_process(self) {
        OF_PROCESS.store(self as u8, Ordering::Relaxed);
    }

    /// Returns the permission bits of a new file.
    pub const fn file_mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group => 0o640,
            Self::All => 0o644,
        }
    }

    /// Returns the permission bits of a new folder.
    pub const fn folder_mode(self) -> u32 {
        match self {
            Self::Owner => 0o700,
            Self::Group => 0o750,
            Self::All => 0o755,
        }
    }

    /// Returns the name: `owner`, `group`, `all`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Group => "group",
            Self::All => "all",
        }
    }

    /// Creates a file for writing. An existing file is truncated and keeps its permissions.
    ///
    /// # Errors
    /// When it cannot be created or written.
    pub fn create(self, path: &Path) -> io::Result<File> {
        self.options().create(true).truncate(true).open(path)
    }

    /// Creates an empty file if it does not exist, following symbolic links.
    ///
    /// An existing file is not opened: closing it would release the locks that SQLite holds
    /// on it in this process.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create_missing(self, path: &Path) -> io::Result<()> {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            match self.options().create_new(true).open(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                other => return other.map(drop),
            }
            match dangling(&path) {
                Some(target) => path = target,
                None => return Ok(()),
            }
        }
        Err(io::Error::other("too many links"))
    }

    /// Creates a folder and its missing parents.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create_folder(self, path: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, self.folder_mode());
        builder.recursive(true).create(path)
    }

    fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, self.file_mode());
        options
    }
}

/// Returns the target of a dangling symbolic link, or `None` for any other path.
fn dangling(path: &Path) -> Option<PathBuf> {
    let found = std::fs::metadata(path);
    if !found.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return None;
    }
    let target = std::fs::read_link(path).ok()?;
    Some(path.parent().unwrap_or(Path::new("")).join(target))
}

/// Opens a regular file or a pipe for reading.
///
/// # Errors
/// When it cannot be opened, or is a folder, a socket or a device: reading one of those
/// fails without a helpful message, or never ends.
pub fn open(path: &Path) -> io::Result<File> {
    match irregular(path) {
        None | Some("a pipe") => File::open(path),
        Some(what) => Err(io::Error::other(format!("it is {what}, not a file"))),
    }
}

/// Returns the type of a path that is not a regular file (`a folder`, `a pipe`, ...), or
/// `None` for a regular file or a missing path.
pub fn irregular(path: &Path) -> Option<&'static str> {
    let kind = std::fs::metadata(path).ok()?.file_type();
    if kind.is_file() {
        return None;
    }
    if kind.is_dir() {
        return Some("a folder");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return Some("a pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_char_device() || kind.is_block_device() {
            return Some("a device");
        }
    }
    Some("no regular file")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn new_files_are_readable_by_the_owner_unless_widened() {
        let folder = tempfile::tempdir().unwrap();
        for access in [FileAccess::Owner, FileAccess::Group, FileAccess::All] {
            let name = access.name();
            let [file, missing, inner] =
                ["file", "missing", "folder/inner"].map(|end| folder.path().join(name).join(end));
            access.create_folder(&inner).unwrap();
            access.create(&file).unwrap();
            access.create_missing(&missing).unwrap();
            // The umask of the tests' user narrows the wider ones.
            let narrowed =
                |wanted: u32, found: u32| found & !wanted == 0 && found & 0o700 == wanted & 0o700;
            for path in [&file, &missing] {
                assert!(narrowed(access.file_mode(), mode(path)), "{name}");
            }
            for path in [&inner, &folder.path().join(name)] {
                assert!(narrowed(access.folder_mode(), mode(path)), "{name}");
            }
        }
    }

    #[test]
    fn existing_files_and_folders_keep_their_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "text").unwrap();
        set_mode(&path, 0o664);
        FileAccess::Owner.create_missing(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "text");
        FileAccess::Owner.create(&path).unwrap();
        assert_eq!(
            (mode(&path), std::fs::read_to_string(&path).unwrap()),
            (0o664, String::new())
        );
        set_mode(folder.path(), 0o750);
        FileAccess::Owner.create_folder(folder.path()).unwrap();
        assert_eq!(mode(folder.path()), 0o750);
    }

    #[test]
    fn a_missing_file_is_created_through_symbolic_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        symlink("sub/second", at("first")).unwrap();
        symlink("../file", at("sub/second")).unwrap();
        FileAccess::Owner.create_missing(&at("first")).unwrap();
        assert_eq!(mode(&at("file")), 0o600);
        FileAccess::Owner
            .create_missing(&at("no/folder"))
            .unwrap_err();
    }

    #[test]
    fn non_regular_files_are_named_by_type() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        assert_eq!(irregular(&file), None);
        assert_eq!(irregular(&folder.path().join("nothing")), None);
        assert_eq!(irregular(folder.path()), Some("a folder"));
        assert_eq!(irregular(&folder.path().join("socket")), Some("a socket"));
        assert_eq!(irregular(Path::new("/dev/null")), Some("a device"));
        open(&file).unwrap();
        for path in [folder.path(), Path::new("/dev/null")] {
            let error = open(path).unwrap_err().to_string();
            assert!(error.ends_with(", not a file"), "{error}");
        }
    }
}
