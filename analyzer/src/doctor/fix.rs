//! Grants access to locked sensors with one file below `/etc`. It is shown and confirmed
//! before it is written, validated before it is installed, and removed on request.

mod install;
mod user;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use energy_data::units::Nanos;

use crate::error::Result;
use install::fault;

pub use install::AsRoot;
pub use user::RuleUser;

/// First line of files written by this command; other files are not modified.
const MARK: &str = "# Written by `energy doctor --fix`; `energy doctor --undo` removes it.\n";

/// A file that grants access to a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The source.
    pub source: &'static str,
    /// Description of what it allows.
    pub allows: String,
    /// Path of the file.
    pub path: PathBuf,
    /// Content of the file.
    pub text: String,
    /// Mode for `chmod`.
    mode: &'static str,
    /// Command that fails for an invalid file; the file name is appended as last argument.
    check: Option<&'static [&'static str]>,
    /// Commands that make the file take effect without a restart.
    after: &'static [&'static [&'static str]],
}

/// Returns the fix for this system, if there is one. On macOS it is for one user and allows
/// the usual intervals and those of `intervals`.
///
/// # Errors
/// If no user other than root is known.
pub fn fix_for_here(
    root: &Path,
    user: Option<&RuleUser>,
    intervals: &[Duration],
) -> Result<Option<Fix>> {
    #[cfg(unix)]
    if cfg!(target_os = "macos") {
        let user = user.ok_or_else(|| {
            fault("root can already read power; run this as the user who needs access")
        })?;
        return Ok(Some(sudoers(root, user, intervals)));
    }
    let _ = (user, intervals);
    Ok(cfg!(target_os = "linux").then(|| udev(root)))
}

/// Allows a user to run powermetrics as root, but only with the arguments that the source
/// uses, because some options write files.
#[cfg(unix)]
fn sudoers(root: &Path, user: &RuleUser, intervals: &[Duration]) -> Fix {
    use energy_power::powermetrics::launch::{USUAL_INTERVALS_MS, sudoers_rules};

    let mut all = USUAL_INTERVALS_MS.map(Nanos::from_millis).to_vec();
    all.extend(intervals.iter().map(|interval| Nanos::from(*interval)));
    let subject = format!("#{}", user.uid);
    let mut rules: Vec<String> = Vec::new();
    for rule in all
        .iter()
        .flat_map(|interval| sudoers_rules(&subject, *interval))
    {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    Fix {
        source: "powermetrics",
        allows: format!(
            "{} (user id {}) may run /usr/bin/powermetrics as root without a password, but only \
             with these arguments",
            crate::format::escape(&user.name),
            user.uid
        ),
        path: root.join("etc/sudoers.d/tracing-energy"),
        text: format!("{MARK}{}\n", rules.join("\n")),
        mode: "0440",
        check: Some(&["visudo", "-c", "-q", "-f"]),
        after: &[],
    }
}

/// Allows all users to read the processor's energy counters. They are locked by default
/// because they leak some information about other programs' computations.
fn udev(root: &Path) -> Fix {
    let rule = "SUBSYSTEM==\"powercap\", ACTION==\"add|change\", \
                RUN+=\"/bin/chmod a+r /sys%p/energy_uj\"\n";
    Fix {
        source: "rapl",
        allows: "all users of this machine may read the processor's energy counters, which \
                 leak a little information about other programs' computations"
            .to_owned(),
        path: root.join("etc/udev/rules.d/70-tracing-energy.rules"),
        text: format!("{MARK}{rule}"),
        mode: "0644",
        check: None,
        after: &[
            &["udevadm", "control", "--reload"],
            &[
                "udevadm",
                "trigger",
                "--subsystem-match=powercap",
                "--action=change",
            ],
        ],
    }
}

impl Fix {
    /// Returns whether the file exists.
    pub fn is_in_place(&self) -> bool {
        std::fs::symlink_metadata(&self.path).is_ok()
    }

    /// Installs the file.
    ///
    /// # Errors
    /// If an existing file was not written by this command, the new one is invalid, or a
    /// command fails. Then nothing has changed, except that a valid file may be installed.
    pub fn apply(&self, root: &AsRoot) -> Result<()> {
        self.is_installed(root)?;
        root.install(&self.path, &self.text, self.mode, self.check)?;
        self.take_effect(root)
    }

    /// Removes the file.
    ///
    /// # Errors
    /// If it doesn't exist, was not written by this command, or a command fails.
    pub fn undo(&self, root: &AsRoot) -> Result<()> {
        if !self.is_installed(root)? {
            let what = format!("{}: there is no such file", self.path.display());
            return Err(fault(&what));
        }
        root.remove(&self.path)?;
        self.take_effect(root)
    }

    fn take_effect(&self, root: &AsRoot) -> Result<()> {
        self.after.iter().try_for_each(|command| {
            let words: Vec<&OsStr> = command.iter().map(OsStr::new).collect();
            root.run(&words, None).map(|_| ())
        })
    }

    /// Returns whether the file exists. Fails if it was not written by this command.
    fn is_installed(&self, root: &AsRoot) -> Result<bool> {
        match root.text(&self.path)? {
            Some(text) if !text.starts_with(MARK) => Err(fault(&format!(
                "{} exists and was not written by this command; move it away first",
                self.path.display()
            ))),
            text => Ok(text.is_some()),
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
