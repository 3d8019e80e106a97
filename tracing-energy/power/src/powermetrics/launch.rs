//! Builds the command line of powermetrics and its sudoers rules.
//!
//! Options of powermetrics can write files (`-o`) and read them. A rule that allows any
//! arguments would allow a user to overwrite any file as root. The sudoers rules therefore
//! name complete argument lists, and the child is started with one of them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::error::SourceError;
use energy_data::units::Nanos;

/// Environment variable with an executable to run instead of
/// `sudo -n /usr/bin/powermetrics`, without sudo.
pub const EXECUTABLE_VARIABLE: &str = "TRACING_ENERGY_POWERMETRICS";

const EXECUTABLE: &str = "/usr/bin/powermetrics";

/// The requested samplers. `tasks` would cost more than all of these.
pub(super) const SAMPLERS: &str = "cpu_power,gpu_power,ane_power,thermal";

/// The samplers before macOS 13, which lacks `ane_power`.
pub(super) const OLD_SAMPLERS: &str = "cpu_power,gpu_power,thermal";

/// Limits a child to an hour of samples, so that it ends even if nothing else stops it.
const BOUND_SECONDS: i64 = 3_600;

/// Intervals in milliseconds for which [`sudoers_rules`] is usually called.
pub const USUAL_INTERVALS_MS: [i64; 8] = [20, 50, 100, 200, 250, 500, 1_000, 2_000];

/// A program and the arguments that come before powermetrics' own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Arguments before powermetrics' own.
    pub arguments: Vec<OsString>,
}

impl Launch {
    /// Returns the executable named by the environment, or Apple's on macOS.
    ///
    /// # Errors
    /// [`SourceError::NotPresent`] on other systems.
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

    /// Returns a launch of `program` without sudo.
    pub fn direct(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
        }
    }

    /// Returns a launch of Apple's powermetrics. `-n` prevents a password prompt, which would
    /// block the terminal of the traced program.
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
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .args(arguments(interval, bound, samplers));
        command
    }
}

/// Returns the number of samples in an hour, the default limit of a child.
pub(super) fn usual_bound(interval: Nanos) -> u64 {
    let seconds = Nanos::from_millis(BOUND_SECONDS * 1_000);
    (seconds.nanos() / whole_millis(interval).nanos()).max(1) as u64
}

/// Rounds to whole milliseconds, at least one, as powermetrics requires.
fn whole_millis(interval: Nanos) -> Nanos {
    Nanos::from_millis((interval.nanos() / 1_000_000).max(1))
}

fn arguments(interval: Nanos, bound: u64, samplers: &str) -> Vec<String> {
    let millis = whole_millis(interval).nanos() / 1_000_000;
    let text = format!("-f plist -b 0 -i {millis} -n {bound} -s {samplers}");
    text.split(' ').map(str::to_owned).collect()
}

/// Returns the sudoers lines that allow `user` (a name, or `#` and a user id) to run
/// powermetrics as root at this interval, with the arguments of this source only.
pub fn sudoers_rules(user: &str, interval: Nanos) -> Vec<String> {
    let bound = usual_bound(interval);
    let rule = |samplers| sudoers_rule(user, &arguments(interval, bound, samplers));
    [SAMPLERS, OLD_SAMPLERS].map(rule).to_vec()
}

/// Returns one sudoers line. In arguments, sudoers requires a backslash before each of `,`,
/// `:`, `=` and `\`.
fn sudoers_rule(user: &str, arguments: &[String]) -> String {
    let mut line = format!("{user} ALL=(root) NOPASSWD: {EXECUTABLE} ");
    for letter in arguments.join(" ").chars() {
        if matches!(letter, ',' | ':' | '=' | '\\') {
            line.push('\\');
        }
        line.push(letter);
    }
    line
}

/// Returns an error if the child's output reports missing permission. The fix allows a child
/// at `interval`.
pub(super) fn refusal(output: &str, interval: Nanos) -> Option<SourceError> {
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
        fix: sudoers_fix(interval),
    })
}

/// Returns the fix with the exact sudoers line, including the user's name if known.
fn sudoers_fix(interval: Nanos) -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "USER".into());
    let millis = whole_millis(interval).nanos() / 1_000_000;
    let option = match USUAL_INTERVALS_MS.contains(&millis) {
        true => String::new(),
        false => format!(" --interval {millis}ms"),
    };
    let line = sudoers_rule(&user, &arguments(interval, usual_bound(interval), SAMPLERS));
    format!(
        "it needs root: `energy doctor --fix{option}` allows it, or run `sudo visudo -f \
         /etc/sudoers.d/powermetrics` and add the line `{line}`, or run as root"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_sudo_are_distinguished_from_other_failures() {
        for output in [
            "sudo: a password is required\n",
            "sudo: a terminal is required to read the password; either use the -S option",
            "joe is not in the sudoers file.  This incident will be reported.",
            "Sorry, user joe is not allowed to execute '/usr/bin/powermetrics' as root on mac.",
            "powermetrics must be invoked as the superuser\n",
        ] {
            let error = refusal(output, Nanos::from_millis(100))
                .unwrap()
                .to_string();
            assert!(error.contains("ALL=(root) NOPASSWD: /usr/bin/powermetrics -f plist "));
            assert!(error.contains("visudo") && error.contains("`energy doctor --fix`"));
        }
        let other = Nanos::from_millis(100);
        assert_eq!(refusal("unrecognized sampler: ane_power", other), None);
    }

    #[test]
    fn a_refusal_at_an_unusual_interval_names_the_interval() {
        let error = refusal(
            "sudo: a password is required",
            Nanos::from_nanos(33_300_000),
        );
        let error = error.unwrap().to_string();
        assert!(
            error.contains("`energy doctor --fix --interval 33ms`"),
            "{error}"
        );
        assert!(error.contains("-i 33 -n 109090 "), "{error}");
    }

    /// The rule matches the child's command line exactly.
    #[test]
    fn sudoers_rules_allow_the_commands_of_the_child_and_nothing_else() {
        for millis in USUAL_INTERVALS_MS {
            let interval = Nanos::from_millis(millis);
            let rules = sudoers_rules("#501", interval);
            assert_eq!(rules.len(), 2);
            for (rule, samplers) in rules.iter().zip([SAMPLERS, OLD_SAMPLERS]) {
                let launch = Launch::direct(EXECUTABLE);
                let command = launch.command(interval, usual_bound(interval), samplers);
                let words = command.get_args().map(|word| word.to_str().unwrap());
                let line: Vec<_> = [EXECUTABLE].into_iter().chain(words).collect();
                let allowed = rule.strip_prefix("#501 ALL=(root) NOPASSWD: ").unwrap();
                assert_eq!(allowed.replace('\\', ""), line.join(" "));
                for sign in ['*', '?', '[', ']', '!', '^', '$'] {
                    assert!(!rule.contains(sign), "{rule}");
                }
                assert!(!line.contains(&"-o") && !line.contains(&"--output-file"));
            }
        }
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
