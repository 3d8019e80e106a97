//! One reading of the conditions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::keys::{NOMINAL, THERMAL_PRESSURE};

/// Values by condition; a condition that could not be read is absent.
pub type ConditionValues = BTreeMap<&'static str, String>;

/// One reading of the system.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Conditions by key.
    pub values: ConditionValues,
    /// Cumulative throttle counts by file.
    pub(super) throttles: BTreeMap<PathBuf, u64>,
}

impl Snapshot {
    pub(super) fn set(&mut self, key: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.values.insert(key, value);
        }
    }

    /// Returns the values for the end of a run. A counter that has grown since `start` means
    /// that the machine was throttled in between, even if it no longer is.
    pub fn since(self, start: &Self) -> ConditionValues {
        let Self {
            mut values,
            throttles,
        } = self;
        let known = throttles
            .iter()
            .filter_map(|(file, count)| Some((start.throttles.get(file)?, count)));
        let grown: Vec<bool> = known.map(|(before, now)| now > before).collect();
        if grown.contains(&true) {
            values.insert(THERMAL_PRESSURE, "throttled".to_owned());
        } else if !grown.is_empty() {
            values
                .entry(THERMAL_PRESSURE)
                .or_insert_with(|| NOMINAL.to_owned());
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(counts: &[(&str, u64)], pressure: Option<&str>) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.set(THERMAL_PRESSURE, pressure.map(str::to_owned));
        snapshot.throttles = counts
            .iter()
            .map(|&(file, count)| (file.into(), count))
            .collect();
        snapshot
    }

    fn pressure(start: &Snapshot, end: Snapshot) -> Option<String> {
        end.since(start).remove(THERMAL_PRESSURE)
    }

    #[test]
    fn a_counter_that_grew_means_throttling_during_the_run() {
        let start = counted(&[("a", 7), ("b", 3)], None);
        let same = counted(&[("a", 7), ("b", 3)], None);
        assert_eq!(pressure(&start, same).as_deref(), Some("nominal"));
        let grown = counted(&[("a", 7), ("b", 4)], Some("nominal"));
        assert_eq!(pressure(&start, grown).as_deref(), Some("throttled"));
        // Counters of hot-plugged processors are ignored.
        let others = counted(&[("c", 9)], None);
        assert_eq!(pressure(&start, others), None);
        let hot = counted(&[("a", 7)], Some("throttled"));
        assert_eq!(pressure(&start, hot).as_deref(), Some("throttled"));
    }
}
