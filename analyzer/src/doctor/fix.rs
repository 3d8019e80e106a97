//! Unlocks what is locked: one file below `/etc`, shown and confirmed before it is
//! written, checked before it is put in place, and removed on request.

mod install;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_energy::units::Nanos;

use crate::error::{Error, Result};

pub use install::AsRoot;

/// Files of ours begin with it; others are left alone.
const MARK: &str = "# Written by `energy doctor --fix`; `energy doctor --undo` removes it.\n";

/// A file that unlocks a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The source.
    pub source: &'static str,
    /// What it allows, in words.
    pub allows: String,
    /// Where it is written.
    pub path: PathBuf,
    /// What is written.
    pub text: String,
    /// As `chmod` takes it.
    mode: &'static str,
    /// Command that fails for an invalid file; the file's name is its last argument.
    check: Option<&'static [&'static str]>,
    /// Commands that make the file take effect without a restart.
    after: &'static [&'static [&'static str]],
}

/// The user that a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleUser {
    /// User id. Rules name users by it: a name could be read as something else.
    pub uid: u32,
    /// Name, for people.
    pub name: String,
}

impl RuleUser {
    /// The user who runs this process, or who ran `sudo` where this process is root's;
    /// `None` where that is root.
    pub fn here() -> Option<Self> {
        let variable = |name| std::env::var(name).ok();
        let (uid, name) = match is_root() {
            true => (variable("SUDO_UID")?.parse().ok()?, variable("SUDO_USER")),
            false => (own_uid()?, variable("USER")),
        };
        let name = name.unwrap_or_else(|| uid.to_string());
        (uid != 0).then_some(Self { uid, name })
    }
}

#[cfg(unix)]
fn own_uid() -> Option<u32> {
    // SAFETY: getuid has no preconditions and cannot fail.
    Some(unsafe { libc::getuid() })
}

#[cfg(not(unix))]
fn own_uid() -> Option<u32> {
    None
}

/// Whether this process has root's rights.
fn is_root() -> bool {
    #[cfg(unix)]
    // SAFETY: geteuid has no preconditions and cannot fail.
    return unsafe { libc::geteuid() } == 0;
    #[cfg(not(unix))]
    false
}

/// The fix for this system, if there is one. On a Mac it is for one user, and for the
/// usual intervals and those of `intervals`.
///
/// # Errors
/// When no user but root is known.
pub fn fix_for_here(
    root: &Path,
    user: Option<&RuleUser>,
    intervals: &[Duration],
) -> Result<Option<Fix>> {
    #[cfg(unix)]
    if cfg!(target_os = "macos") {
        let user = user.ok_or_else(|| {
            fault("root may read power already; run this as the user who is to be allowed")
        })?;
        return Ok(Some(sudoers(root, user, intervals)));
    }
    let _ = (user, intervals);
    Ok(cfg!(target_os = "linux").then(|| udev(root)))
}

/// Lets a user run powermetrics as root with the arguments that the source uses, and
/// with no others: some of its options write files.
#[cfg(unix)]
fn sudoers(root: &Path, user: &RuleUser, intervals: &[Duration]) -> Fix {
    use tracing_energy::power::powermetrics::launch::{USUAL_INTERVALS_MS, sudoers_rules};

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
            "{} (user id {}) may run /usr/bin/powermetrics as root without a password, with these \
             arguments only",
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

/// Lets everybody read the processor's energy counters, which can tell something of
/// what other programs compute: that is why they are locked.
fn udev(root: &Path) -> Fix {
    let rule = "SUBSYSTEM==\"powercap\", ACTION==\"add|change\", \
                RUN+=\"/bin/chmod a+r /sys%p/energy_uj\"\n";
    Fix {
        source: "rapl",
        allows: "everybody on this machine may read the processor's energy counters, which \
                 tell a little of what other programs compute"
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
    /// Whether a file is in place already.
    pub fn is_in_place(&self) -> bool {
        std::fs::symlink_metadata(&self.path).is_ok()
    }

    /// Puts the file in place.
    ///
    /// # Errors
    /// When the file in its place was not written by this command, the new one is
    /// invalid, or a command fails; then nothing has changed, but for a file whose check
    /// has passed.
    pub fn apply(&self, root: &AsRoot) -> Result<()> {
        self.refuse_foreign(root)?;
        root.install(&self.path, &self.text, self.mode, self.check)?;
        self.take_effect(root)
    }

    /// Removes the file.
    ///
    /// # Errors
    /// When there is none, this command did not write it, or a command fails.
    pub fn undo(&self, root: &AsRoot) -> Result<()> {
        if !self.refuse_foreign(root)? {
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

    /// Returns whether there is a file, which this command has written.
    fn refuse_foreign(&self, root: &AsRoot) -> Result<bool> {
        match root.text(&self.path)? {
            Some(text) if !text.starts_with(MARK) => Err(fault(&format!(
                "{} is there and was not written by this command; move it away first",
                self.path.display()
            ))),
            text => Ok(text.is_some()),
        }
    }
}

fn fault(what: &str) -> Error {
    Error::Program {
        program: "doctor".to_owned(),
        what: what.to_owned(),
    }
}

#[cfg(all(test, unix))]
mod tests;
