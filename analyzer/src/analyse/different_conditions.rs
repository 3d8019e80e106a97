//! Conditions of the machine that limit averages and comparisons of runs.

use std::collections::BTreeMap;

use energy_power::conditions::{ENERGY_PREFERENCE, GOVERNOR, LOW_POWER_MODE, POWER};

use crate::format::{counted, escape, shorten};
use crate::query::{RunConfiguration, RunFacts};

/// Conditions that change the energy of the same work, with their names in messages.
const CONDITIONS: [(&str, &str); 4] = [
    (POWER, "power supply"),
    (LOW_POWER_MODE, "low-power mode"),
    (GOVERNOR, "governor"),
    (ENERGY_PREFERENCE, "energy preference"),
];

/// Returns a warning if runs of one machine began under different conditions, with the number of
/// runs of each. They are no part of a configuration, because a user expects repeats on battery and
/// on mains to be found together; an unknown condition is a value of its own.
pub fn different_conditions<'c>(
    configurations: impl IntoIterator<Item = &'c RunConfiguration>,
) -> Option<String> {
    let mut by_machine: BTreeMap<Option<&str>, Vec<&RunFacts>> = BTreeMap::new();
    for one in configurations {
        let runs = by_machine.entry(one.key.machine.as_deref()).or_default();
        runs.extend(&one.runs);
    }
    let mut parts = Vec::new();
    for (key, name) in CONDITIONS {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for runs in by_machine.values() {
            let of_machine = counts_of(runs, key);
            if of_machine.len() > 1 {
                for (value, count) in of_machine {
                    *counts.entry(value).or_default() += count;
                }
            }
        }
        if !counts.is_empty() {
            let values = counts
                .into_iter()
                .map(|(value, count)| format!("{} {value}", counted(count, "run")));
            parts.push(format!(
                "{name} ({})",
                values.collect::<Vec<String>>().join(", ")
            ));
        }
    }
    (!parts.is_empty()).then(|| {
        let parts = shorten(&escape(&parts.join(", ")), 300);
        format!("Conditions differ between runs that are averaged or compared: {parts}.")
    })
}

/// Returns a caution if runs were disturbed, with their number.
pub fn disturbed_runs<'c>(
    configurations: impl IntoIterator<Item = &'c RunConfiguration>,
) -> Option<String> {
    let runs: Vec<&RunFacts> = configurations
        .into_iter()
        .flat_map(|one| &one.runs)
        .collect();
    let disturbed = runs.iter().filter(|run| run.is_disturbed).count();
    (disturbed > 0).then(|| {
        format!(
            "{disturbed} of {} had warnings about the machine, for example that other programs kept \
             processors busy: J/token contains the energy of these, too. `energy show` lists them.",
            counted(runs.len(), "run")
        )
    })
}

/// Counts runs by the value of a condition.
fn counts_of<'r>(runs: &[&'r RunFacts], key: &str) -> BTreeMap<&'r str, usize> {
    let mut counts = BTreeMap::new();
    for run in runs {
        let value = run.conditions.get(key).map_or("unknown", String::as_str);
        *counts.entry(value).or_default() += 1;
    }
    counts
}
