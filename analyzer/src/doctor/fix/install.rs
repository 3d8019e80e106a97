//! Writes and removes files owned by root, with system tools.
//!
//! ```text
//! mktemp --> tee --> chmod --> check that file --> mv
//! [-------- a draft in the target's folder -------]  a rename within the folder
//! ```
//!
//! Only root can write to that folder, so nobody can replace the draft between check and
//! rename. sudo and udev ignore the draft because its name contains a dot and does not end
//! with `.rules`.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::user::is_root;
use crate::error::{Error, Result};

/// Folders of system tools. `PATH` is not searched because it may contain folders that
/// others can write to.
const TOOLS: [&str; 4] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/// Runs system tools as root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsRoot {
    /// Whether `sudo` is needed.
    pub(super) uses_sudo: bool,
    /// Folders to search for tools, in this order.
    pub(super) folders: Vec<PathBuf>,
}

impl AsRoot {
    /// Uses `sudo` unless this process runs as root.
    pub fn for_here() -> Self {
        Self {
            uses_sudo: !is_root(),
            folders: TOOLS.map(PathBuf::from).to_vec(),
        }
    }

    /// Writes `text` to a new file in the folder of `path`, runs `check` with its name, and
    /// renames it to `path`.
    pub(super) fn install(
        &self,
        path: &Path,
        text: &str,
        mode: &str,
        check: Option<&[&str]>,
    ) -> Result<()> {
        let draft = self.draft(path)?;
        let name = draft.as_os_str();
        let installed = (|| {
            self.run(&["tee".as_ref(), name], Some(text))?;
            self.run(&["chmod".as_ref(), mode.as_ref(), name], None)?;
            if let Some(check) = check {
                let words = check.iter().map(OsStr::new).chain([name]);
                self.run(&words.collect::<Vec<_>>(), None)?;
            }
            self.run(
                &["mv".as_ref(), "-f".as_ref(), name, path.as_os_str()],
                None,
            )
        })();
        if installed.is_err() {
            // The first error is the one to report.
            let _ = self.remove(&draft);
        }
        installed.map(|_| ())
    }

    pub(super) fn remove(&self, path: &Path) -> Result<()> {
        let words = ["rm".as_ref(), "-f".as_ref(), path.as_os_str()];
        self.run(&words, None).map(|_| ())
    }

    /// Returns the content of a file, or `None` if it doesn't exist.
    ///
    /// # Errors
    /// If it is no regular file: a link could point anywhere.
    pub(super) fn text(&self, path: &Path) -> Result<Option<String>> {
        match std::fs::symlink_metadata(path) {
            Ok(there) if !there.is_file() => {
                let what = format!("{} is no regular file; move it away first", path.display());
                return Err(fault(&what));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            _ => {}
        }
        match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                let output = self.run(&["cat".as_ref(), path.as_os_str()], None)?;
                Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
            }
            other => Ok(Some(other?)),
        }
    }

    /// Creates an empty file with a unique name in the folder of `path`.
    fn draft(&self, path: &Path) -> Result<PathBuf> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let template = folder.join(".tracing-energy.XXXXXXXX");
        let output = self.run(&["mktemp".as_ref(), template.as_os_str()], None)?;
        let name = String::from_utf8_lossy(&output.stdout);
        let draft = PathBuf::from(name.trim_end_matches('\n'));
        match draft.parent() == Some(folder) {
            true => Ok(draft),
            false => Err(fault(&format!("mktemp made {name:?}, not {template:?}"))),
        }
    }

    /// Runs a tool with arguments and, if given, text on its standard input.
    pub(super) fn run(&self, words: &[&OsStr], input: Option<&str>) -> Result<Output> {
        let Some((tool, arguments)) = words.split_first() else {
            return Err(fault("no tool was named"));
        };
        let tool = self.tool(tool)?;
        let mut command = match self.uses_sudo {
            true => {
                let mut sudo = Command::new(self.tool("sudo".as_ref())?);
                sudo.arg("--").arg(&tool);
                sudo
            }
            false => Command::new(&tool),
        };
        command.args(arguments);
        let shown = command_line(&command);
        let output = output(command, input).map_err(|error| failed(&shown, &error.to_string()))?;
        match output.status.success() {
            true => Ok(output),
            false => {
                let texts =
                    [&output.stderr, &output.stdout].map(|text| String::from_utf8_lossy(text));
                let text = format!("{}: {} {}", output.status, texts[0].trim(), texts[1].trim());
                Err(failed(&shown, text.trim()))
            }
        }
    }

    /// Returns the absolute path of a tool.
    fn tool(&self, name: &OsStr) -> Result<PathBuf> {
        let mut paths = self.folders.iter().map(|folder| folder.join(name));
        paths.find(|path| path.is_file()).ok_or_else(|| {
            let name = name.to_string_lossy();
            fault(&format!(
                "{name} is in none of the system's folders ({}); install it, or run this as root \
                 if it is sudo",
                TOOLS.join(", ")
            ))
        })
    }
}

/// Runs a command without the caller's environment, which must not affect tools that run as
/// root, except for what the sudo prompt needs.
fn output(mut command: Command, input: Option<&str>) -> std::io::Result<Output> {
    let terminal = std::env::var_os("TERM");
    command
        .env_clear()
        .env("PATH", TOOLS.join(":"))
        .env("LC_ALL", "C")
        .envs(terminal.map(|value| (OsString::from("TERM"), value)))
        .current_dir("/")
        .stdin(input.map_or_else(Stdio::null, |_| Stdio::piped()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let (Some(mut stdin), Some(text)) = (child.stdin.take(), input) {
        // A failed tool reports the cause on stderr.
        let _ = stdin.write_all(text.as_bytes());
    }
    child.wait_with_output()
}

fn command_line(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

fn failed(command: &str, why: &str) -> crate::error::Error {
    fault(&format!("`{command}` failed: {why}"))
}

/// Returns the error of a step that failed.
pub(super) fn fault(what: &str) -> Error {
    Error::Program {
        program: "doctor".to_owned(),
        what: what.to_owned(),
    }
}
