//! Unlocks what is locked: one file below `/etc`, shown and asked for before it is
//! written, checked before it is put in place, and taken back on request.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};

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
    /// Says whether a file like that is valid; its path is added.
    check: Option<Vec<String>>,
    /// Executed once the file is in place, so that nobody has to restart.
    after: Vec<Vec<String>>,
}

/// The fix for this system, if there is one; `user` is who is to be allowed.
///
/// # Errors
/// When the user's name cannot stand in a file of rules.
pub fn fix_for_here(root: &Path, user: &str) -> Result<Option<Fix>> {
    if cfg!(target_os = "macos") {
        return sudoers(root, user).map(Some);
    }
    Ok(cfg!(target_os = "linux").then(|| udev(root)))
}

/// Lets a user read power on a Mac, and do nothing else as root.
///
/// # Errors
/// When the name holds anything but letters, digits, `.`, `-` and `_`.
pub(super) fn sudoers(root: &Path, user: &str) -> Result<Fix> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if user.is_empty() || user.starts_with('-') || !user.chars().all(is_plain) {
        return Err(Error::Program {
            program: "doctor".to_owned(),
            what: format!("the user's name {user:?} cannot stand in sudoers; write it by hand"),
        });
    }
    Ok(Fix {
        source: "powermetrics",
        allows: format!("{user} may run /usr/bin/powermetrics as root without a password"),
        path: root.join("etc/sudoers.d/tracing-energy"),
        text: format!("{MARK}{user} ALL=(root) NOPASSWD: /usr/bin/powermetrics\n"),
        mode: "0440",
        check: Some(words(&["visudo", "-c", "-q", "-f"])),
        after: Vec::new(),
    })
}

/// Lets everybody read the processor's energy counters, which can tell something of
/// what other programs compute: that is why they are locked.
pub(super) fn udev(root: &Path) -> Fix {
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
        after: vec![
            words(&["udevadm", "control", "--reload"]),
            words(&[
                "udevadm",
                "trigger",
                "--subsystem-match=powercap",
                "--action=change",
            ]),
        ],
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

impl Fix {
    /// Puts the file in place; `prefix` is what makes root of a command: `sudo`, or
    /// nothing.
    ///
    /// # Errors
    /// When the file is somebody else's or invalid, or a command fails; then nothing
    /// has changed, but for a file whose check has passed.
    pub fn apply(&self, prefix: &[String]) -> Result<()> {
        self.refuse_foreign()?;
        let mut draft = tempfile_in_temp()?;
        draft.1.write_all(self.text.as_bytes())?;
        draft.1.flush()?;
        let place = draft.0.display().to_string();
        let path = self.path.display().to_string();
        let done = (|| {
            if let Some(check) = &self.check {
                let check = [prefix, check, std::slice::from_ref(&place)].concat();
                execute(&check)?;
            }
            let install = ["install", "-m", self.mode, place.as_str(), path.as_str()];
            execute(&[prefix, &words(&install)].concat())?;
            self.after
                .iter()
                .try_for_each(|after| execute(&[prefix, after].concat()))
        })();
        let _ = std::fs::remove_file(&draft.0);
        done
    }

    /// Removes the file again.
    ///
    /// # Errors
    /// When there is none, it is somebody else's, or a command fails.
    pub fn undo(&self, prefix: &[String]) -> Result<()> {
        if !self.path.exists() {
            return Err(fault(&format!(
                "{}: there is no such file",
                self.path.display()
            )));
        }
        self.refuse_foreign()?;
        let path = self.path.display().to_string();
        execute(&[prefix, &words(&["rm", "-f", path.as_str()])].concat())?;
        self.after
            .iter()
            .try_for_each(|after| execute(&[prefix, after].concat()))
    }

    /// A file that cannot be read is ours if its name is: sudoers are root's alone.
    fn refuse_foreign(&self) -> Result<()> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) if !text.starts_with(MARK) => Err(fault(&format!(
                "{} is there and was not written by this command; move it away first",
                self.path.display()
            ))),
            _ => Ok(()),
        }
    }
}

fn fault(what: &str) -> Error {
    Error::Program {
        program: "doctor".to_owned(),
        what: what.to_owned(),
    }
}

/// A new file that nobody else can have made.
fn tempfile_in_temp() -> Result<(PathBuf, std::fs::File)> {
    let name = format!("tracing-energy-{}", uuid::Uuid::new_v4());
    let path = std::env::temp_dir().join(name);
    let file = std::fs::File::create_new(&path)?;
    Ok((path, file))
}

fn execute(words: &[String]) -> Result<()> {
    let Some((program, arguments)) = words.split_first() else {
        return Ok(());
    };
    let output = Command::new(program).args(arguments).output();
    let told = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            format!("{}: {told} {said}", output.status)
        }
        Err(error) => error.to_string(),
    };
    Err(fault(&format!(
        "`{}` failed: {}",
        words.join(" "),
        told.trim()
    )))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["etc/sudoers.d", "etc/udev/rules.d"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        root
    }

    /// A stand-in for a command of the system: notes its arguments, ends with `code`.
    fn command(root: &Path, name: &str, code: i32) -> String {
        let path = root.join(name);
        let log = root.join("log");
        let text = format!(
            "#!/bin/sh\necho {name} \"$@\" >> '{}'\nexit {code}\n",
            log.display()
        );
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    #[test]
    fn sudoers_are_checked_written_and_taken_back() {
        let root = root();
        let mut fix = sudoers(root.path(), "joe.doe").unwrap();
        assert!(
            fix.text
                .ends_with("joe.doe ALL=(root) NOPASSWD: /usr/bin/powermetrics\n")
        );
        fix.check = Some(vec![command(root.path(), "visudo", 1)]);
        let refused = fix.apply(&[]).unwrap_err().to_string();
        assert!(refused.contains("visudo"), "{refused}");
        assert!(!fix.path.exists(), "an invalid file is not put in place");

        fix.check = Some(vec![command(root.path(), "visudo", 0)]);
        fix.apply(&[]).unwrap();
        assert_eq!(std::fs::read_to_string(&fix.path).unwrap(), fix.text);
        let mode = std::fs::metadata(&fix.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o440);
        fix.apply(&[]).unwrap();
        fix.undo(&[]).unwrap();
        assert!(!fix.path.exists());
        assert!(
            fix.undo(&[])
                .unwrap_err()
                .to_string()
                .contains("no such file")
        );
    }

    #[test]
    fn somebody_elses_file_is_left_alone() {
        let root = root();
        let fix = udev(root.path());
        std::fs::write(&fix.path, "mine\n").unwrap();
        for refused in [fix.apply(&[]), fix.undo(&[])] {
            assert!(
                refused
                    .unwrap_err()
                    .to_string()
                    .contains("was not written by")
            );
        }
        assert_eq!(std::fs::read_to_string(&fix.path).unwrap(), "mine\n");
    }

    #[test]
    fn names_that_could_be_rules_are_refused() {
        for user in ["", "-x", "joe ALL", "a\nb", "a,b", "%admin", "#0"] {
            assert!(sudoers(Path::new("/"), user).is_err(), "{user:?}");
        }
    }

    #[test]
    fn a_rule_takes_effect_at_once() {
        let root = root();
        let mut fix = udev(root.path());
        fix.after = vec![vec![
            command(root.path(), "udevadm", 0),
            "control".to_owned(),
        ]];
        fix.apply(&[]).unwrap();
        let log = std::fs::read_to_string(root.path().join("log")).unwrap();
        assert_eq!(log, "udevadm control\n");
        assert!(fix.text.contains("chmod a+r /sys%p/energy_uj"));
    }
}
