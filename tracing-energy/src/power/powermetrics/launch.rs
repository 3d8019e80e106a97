//! How powermetrics is called.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::power::SourceError;
use crate::units::Nanos;

/// Names an executable to use instead of `sudo -n /usr/bin/powermetrics`; it is
/// run as it is, without sudo.
pub const EXECUTABLE_VARIABLE: &str = "TRACING_ENERGY_POWERMETRICS";

const EXECUTABLE: &str = "/usr/bin/powermetrics";

/// What is asked of it. `tasks` would cost more than all the rest.
pub(super) const SAMPLERS: &str = "cpu_power,gpu_power,ane_power,thermal";

/// The same before macOS 13, which does not know `ane_power`.
pub(super) const OLD_SAMPLERS: &str = "cpu_power,gpu_power,thermal";

/// A program and the arguments that come before powermetrics' own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Arguments before powermetrics' own.
    pub arguments: Vec<OsString>,
}

impl Launch {
    /// The executable that the environment names, else Apple's on macOS.
    ///
    /// # Errors
    /// [`SourceError::NotPresent`] elsewhere.
    pub fn find() -> Result<Self, SourceError> {
        if let Some(program) = std::env::var_os(EXECUTABLE_VARIABLE).filter(|p| !p.is_empty()) {
            return Ok(Self::direct(program));
        }
        if cfg!(target_os = "macos") {
            return Ok(Self::apple());
        }
        Err(SourceError::NotPresent {
            what: "powermetrics (part of macOS)".into(),
        })
    }

    /// Runs `program` itself.
    pub fn direct(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
        }
    }

    /// `sudo -n` never asks for a password: a prompt would take the terminal of
    /// the traced program.
    fn apple() -> Self {
        // SAFETY: geteuid has no preconditions and cannot fail.
        if unsafe { libc::geteuid() } == 0 {
            return Self::direct(EXECUTABLE);
        }
        Self {
            program: "/usr/bin/sudo".into(),
            arguments: vec!["-n".into(), EXECUTABLE.into()],
        }
    }

    pub(super) fn command(&self, interval: Nanos, bound: u64, samplers: &str) -> Command {
        let millis = (interval.nanos() / 1_000_000).max(1).to_string();
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .args(["-f", "plist", "-b", "0", "-i", &millis])
            .args(["-n", &bound.to_string(), "-s", samplers]);
        command
    }
}

/// The error where the output says that permission is missing.
pub(super) fn refusal(output: &str) -> Option<SourceError> {
    let signs = [
        "password is required",
        "terminal is required",
        "askpass",
        "not in the sudoers",
        "not allowed to",
        "may not run",
        "superuser",
        "a password",
    ];
    let refused = signs.iter().any(|sign| output.contains(sign));
    refused.then(|| SourceError::NotPermitted {
        what: "powermetrics".into(),
        fix: sudoers_fix(),
    })
}

/// The exact line, with the user's name where it is known.
fn sudoers_fix() -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "USER".into());
    format!(
        "it needs root: `energy doctor --fix` allows it, or run `sudo visudo -f /etc/sudoers.d/powermetrics` and add the line `{user} \
         ALL=(root) NOPASSWD: {EXECUTABLE}`, or run as root"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sudos_refusals_are_told_from_other_failures() {
        for output in [
            "sudo: a password is required\n",
            "sudo: a terminal is required to read the password; either use the -S option",
            "joe is not in the sudoers file.  This incident will be reported.",
            "Sorry, user joe is not allowed to execute '/usr/bin/powermetrics' as root on mac.",
            "powermetrics must be invoked as the superuser\n",
        ] {
            let error = refusal(output).unwrap().to_string();
            assert!(error.contains("ALL=(root) NOPASSWD: /usr/bin/powermetrics"));
            assert!(error.contains("visudo"));
        }
        assert_eq!(refusal("unrecognized sampler: ane_power"), None);
    }

    #[test]
    fn the_command_line_is_bounded_unbuffered_and_without_tasks() {
        let launch = Launch {
            program: "sudo".into(),
            arguments: vec!["-n".into(), EXECUTABLE.into()],
        };
        let command = launch.command(Nanos::from_millis(100), 36_000, SAMPLERS);
        let arguments: Vec<_> = command.get_args().map(|a| a.to_str().unwrap()).collect();
        assert_eq!(
            arguments.join(" "),
            "-n /usr/bin/powermetrics -f plist -b 0 -i 100 -n 36000 \
             -s cpu_power,gpu_power,ane_power,thermal"
        );
    }
}
