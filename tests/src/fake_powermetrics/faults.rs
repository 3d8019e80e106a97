//! Ways to fail, from the variable `FAKE_POWERMETRICS_MISBEHAVE`.

use std::process::ExitCode;

use super::arguments::variable;
use super::print;

/// The requested faults.
pub(crate) struct RequestedFaults(Vec<String>);

impl RequestedFaults {
    pub(crate) fn from_environment() -> Self {
        let list = variable("MISBEHAVE").unwrap_or_default();
        Self(list.split(',').map(str::to_owned).collect())
    }

    pub(crate) fn has(&self, fault: &str) -> bool {
        self.0.iter().any(|requested| requested == fault)
    }

    pub(crate) fn number(&self, fault: &str) -> Option<u64> {
        let values = self
            .0
            .iter()
            .filter_map(|requested| requested.strip_prefix(fault)?.strip_prefix(':'));
        values.into_iter().find_map(|value| value.parse().ok())
    }

    pub(crate) fn refusal(&self) -> Option<ExitCode> {
        if self.has("sudo") {
            eprintln!("sudo: a password is required");
            return Some(ExitCode::from(1));
        }
        if self.has("superuser") {
            print("powermetrics must be invoked as the superuser\n");
            return Some(ExitCode::from(1));
        }
        None
    }

    pub(crate) fn dies_after(&self, number: u64) -> bool {
        self.number("die").is_some_and(|after| number >= after) || self.dies_once(number)
    }

    fn dies_once(&self, number: u64) -> bool {
        let requested = self
            .0
            .iter()
            .find_map(|fault| fault.strip_prefix("die-once:"));
        let Some((after, file)) = requested.and_then(|requested| requested.split_once(':')) else {
            return false;
        };
        let due = after.parse().is_ok_and(|after: u64| number >= after);
        // `create_new` fails if an earlier process has died already.
        due && std::fs::File::create_new(file).is_ok()
    }
}
