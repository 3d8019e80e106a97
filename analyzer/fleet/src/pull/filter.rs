//! Selection of runs: `KEY=VALUE`, of which all must hold.

use std::str::FromStr;

use crate::encode::Cell;
use crate::pack::{UNKNOWN_HOST, utc_date};

/// Keys that are columns of every table.
const OF_PACKS: [&str; 4] = ["host_id", "host", "service", "run"];
/// Keys that are columns of runs.
const OF_RUNS: [&str; 9] = [
    "name",
    "status",
    "model",
    "precision",
    "engine",
    "chip",
    "os",
    "version",
    "program_version",
];
/// Keys of the date of a run's start, both included.
const OF_TIME: [&str; 2] = ["since", "until"];

/// Conditions that a run must fulfil.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullFilter {
    /// All conditions.
    pub conditions: Vec<PullCondition>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullCondition {
    key: String,
    value: String,
}

impl FromStr for PullCondition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || OF_PACKS.iter().chain(&OF_RUNS).chain(&OF_TIME).copied();
        let listed = || known().collect::<Vec<_>>().join(", ");
        let Some((key, value)) = text.split_once('=') else {
            return Err(format!(
                "`{text}` is no filter; write KEY=VALUE, with one of: {}",
                listed()
            ));
        };
        if !known().any(|name| name == key) {
            return Err(format!(
                "key `{key}` is unknown; choose one of: {}",
                listed()
            ));
        }
        if OF_TIME.contains(&key) && !is_date(value) {
            return Err(format!("`{value}` is no date; write 2026-11-30"));
        }
        Ok(Self {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let digits =
        |part: &&str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    matches!(&parts[..], [year, month, day]
        if digits(year, 4) && digits(month, 2) && digits(day, 2))
}

impl PullFilter {
    /// Returns whether a row of a manifest can belong to a selected run: by its key columns.
    pub(super) fn selects_pack(&self, row: &[Cell]) -> bool {
        let of_packs = |condition: &&PullCondition| OF_PACKS.contains(&condition.key.as_str());
        self.conditions.iter().filter(of_packs).all(|condition| {
            let at = OF_PACKS.iter().position(|key| *key == condition.key);
            let value = at.and_then(|at| row.get(at)).and_then(Cell::text);
            let unknown = (condition.key == OF_PACKS[0]).then_some(UNKNOWN_HOST);
            value.or(unknown) == Some(condition.value.as_str())
        })
    }

    /// Returns whether a run is selected.
    pub(super) fn selects_run(&self, facts: &super::facts::PulledFacts) -> bool {
        self.conditions.iter().all(|condition| {
            let (key, value) = (condition.key.as_str(), condition.value.as_str());
            let date = || utc_date(facts.start_unix_ns);
            match key {
                "since" => date().as_str() >= value,
                "until" => date().as_str() <= value,
                _ if OF_RUNS.contains(&key) => facts.text(key) == Some(value),
                // Decided by the manifest.
                _ => true,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_host_is_selected_by_its_name_in_objects() {
        let selects = |text: &str, row: &[Cell]| {
            let conditions = vec![text.parse::<PullCondition>().unwrap()];
            PullFilter { conditions }.selects_pack(row)
        };
        let unknown = vec![Cell::Null; 4];
        assert!(selects("host_id=unknown", &unknown));
        assert!(!selects("host=unknown", &unknown));
        assert!(!selects("host_id=unknown", &[Cell::from("5eed")]));
        assert!(selects("host_id=5eed", &[Cell::from("5eed")]));
    }

    #[test]
    fn filters_are_keys_with_values() {
        assert!("service=search".parse::<PullCondition>().is_ok());
        assert!("since=2026-11-30".parse::<PullCondition>().is_ok());
        for wrong in ["service", "colour=red", "since=yesterday", "until=2026-1-1"] {
            assert!(wrong.parse::<PullCondition>().is_err(), "{wrong}");
        }
    }
}
