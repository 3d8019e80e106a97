//! Warnings about the conditions of a run: conditions that changed, a throttled
//! processor, load of other programs.

use super::keys::{
    BUSY_CORES, CORES, ENERGY_PREFERENCE, GOVERNOR, LOAD_OTHER_PROCESSES, LOW_POWER_MODE, NOMINAL,
    OWN_CORES, POWER, THERMAL_PRESSURE, THROTTLED_SAMPLES, USABLE_CORES,
};
use super::snapshot::ConditionValues;

/// A warning: the kind of its event, and its message.
pub type ConditionWarning = (&'static str, String);

/// Conditions that should not change during a run, with their names in messages.
const STEADY: [(&str, &str); 6] = [
    (POWER, "the power source"),
    (LOW_POWER_MODE, "low-power mode"),
    (GOVERNOR, "the CPU frequency governor"),
    (ENERGY_PREFERENCE, "the energy-performance preference"),
    (CORES, "the number of processors"),
    (USABLE_CORES, "the number of usable processors"),
];

/// Returns the warnings about a run with these conditions at its start and end.
pub(super) fn warnings(
    start: &ConditionValues,
    end: &ConditionValues,
    samples: u64,
) -> Vec<ConditionWarning> {
    let steady = STEADY.iter();
    let mut warnings: Vec<ConditionWarning> = steady
        .filter_map(|&(key, name)| changed(name, start.get(key)?, end.get(key)?))
        .collect();
    warnings.extend(throttled(start, end, samples));
    let load = end
        .get(LOAD_OTHER_PROCESSES)
        .and_then(|load| load.parse().ok());
    warnings.extend(busy(load));
    warnings
}

fn changed(name: &str, start: &str, end: &str) -> Option<ConditionWarning> {
    (start != end).then(|| {
        let message = format!(
            "{name} changed during the run, from {start} to {end}: its parts are not comparable; keep it constant and record again"
        );
        ("conditions_changed", message)
    })
}

/// Throttling that begins during the run is a change; throttling from the start has its own kind.
fn throttled(
    start: &ConditionValues,
    end: &ConditionValues,
    samples: u64,
) -> Option<ConditionWarning> {
    let level = |values: &ConditionValues| values.get(THERMAL_PRESSURE).cloned();
    let (before, after) = (level(start), level(end));
    let count = end
        .get(THROTTLED_SAMPLES)
        .and_then(|count| count.parse().ok());
    let count: u64 = count.unwrap_or(0);
    let is_hot = |level: &Option<String>| level.as_deref().is_some_and(|level| level != NOMINAL);
    if !is_hot(&before) && !is_hot(&after) && count == 0 {
        return None;
    }
    let text = |level: Option<String>| level.unwrap_or_else(|| "unknown".to_owned());
    let during = match count {
        0 => String::new(),
        _ => format!(", above nominal in {count} of {samples} power samples"),
    };
    let kind = match is_hot(&before) {
        true => "throttled",
        false => "conditions_changed",
    };
    let message = format!(
        "the processor was throttled by heat: thermal pressure {} at the start, {} at the end{during}; let the machine cool down and record again",
        text(before),
        text(after)
    );
    Some((kind, message))
}

fn busy(load: Option<f64>) -> Option<ConditionWarning> {
    let load = load.filter(|load| *load > BUSY_CORES)?;
    let message = format!(
        "other programs kept {load:.1} processors busy on average during the run: stop them and record again to get comparable results"
    );
    Some(("busy_machine", message))
}

/// Returns the warning that idle power is unknown because the program itself used `cores`
/// cores during the baseline; `None` if that load is low enough.
pub fn own_work_in_baseline(cores: f64) -> Option<ConditionWarning> {
    (cores > OWN_CORES).then(|| {
        let message = format!(
            "idle power is unknown: the program itself kept {cores:.1} processors busy during the \
             baseline; keep it idle during that time, or start recording before its work"
        );
        ("own_work_in_baseline", message)
    })
}

/// Returns the warning that other programs used `load` cores during the baseline; `None` if
/// that load is low enough.
pub fn busy_baseline(load: f64) -> Option<ConditionWarning> {
    (load > BUSY_CORES).then(|| {
        let message = format!(
            "other programs kept {load:.1} processors busy while idle power was measured, so that it includes their power: active energy is too low if they used less later; stop them and record again"
        );
        ("busy_baseline", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&'static str, &str)]) -> ConditionValues {
        let own = |&(key, value): &(&'static str, &str)| (key, value.to_owned());
        pairs.iter().map(own).collect()
    }

    fn kinds(start: &ConditionValues, end: &ConditionValues) -> Vec<&'static str> {
        warnings(start, end, 40)
            .into_iter()
            .map(|(kind, _)| kind)
            .collect()
    }

    #[test]
    fn constant_or_unknown_conditions_give_no_warning() {
        let start = values(&[(POWER, "mains"), (GOVERNOR, "powersave"), (CORES, "8")]);
        assert_eq!(kinds(&start, &start), [""; 0]);
        assert_eq!(kinds(&start, &ConditionValues::new()), [""; 0]);
        assert_eq!(kinds(&ConditionValues::new(), &start), [""; 0]);
        let other_charge = |percent| values(&[("battery_percent", percent)]);
        assert_eq!(kinds(&other_charge("80"), &other_charge("79")), [""; 0]);
    }

    #[test]
    fn each_changed_condition_is_reported_with_both_values() {
        let start = values(&[(POWER, "mains"), (LOW_POWER_MODE, "off")]);
        let end = values(&[(POWER, "battery"), (LOW_POWER_MODE, "on")]);
        let found = warnings(&start, &end, 0);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|(kind, _)| *kind == "conditions_changed"));
        assert!(
            found[0].1.contains("the power source") && found[0].1.contains("from mains to battery")
        );
        assert!(found[1].1.contains("low-power mode changed"));
    }

    #[test]
    fn throttling_that_begins_is_a_change() {
        let level = |level| values(&[(THERMAL_PRESSURE, level)]);
        assert_eq!(
            kinds(&level("nominal"), &level("heavy")),
            ["conditions_changed"]
        );
        assert_eq!(
            kinds(&ConditionValues::new(), &level("throttled")),
            ["conditions_changed"]
        );
        assert_eq!(kinds(&level("heavy"), &level("nominal")), ["throttled"]);
        let mut in_between = level("nominal");
        in_between.insert(THROTTLED_SAMPLES, "3".to_owned());
        let found = warnings(&level("nominal"), &in_between, 40);
        assert_eq!(found[0].0, "conditions_changed");
        assert!(found[0].1.contains("in 3 of 40 power samples"), "{found:?}");
    }

    #[test]
    fn half_a_core_of_other_load_gives_no_warning() {
        let load = |cores: &str| {
            kinds(
                &ConditionValues::new(),
                &values(&[(LOAD_OTHER_PROCESSES, cores)]),
            )
        };
        assert_eq!(load("0.50"), [""; 0]);
        assert_eq!(load("0.51"), ["busy_machine"]);
        assert_eq!(own_work_in_baseline(0.05), None);
        let (kind, message) = own_work_in_baseline(1.02).unwrap();
        assert_eq!(kind, "own_work_in_baseline");
        assert!(message.contains("1.0 processors"), "{message}");
        assert_eq!(busy_baseline(0.5), None);
        let (kind, message) = busy_baseline(1.26).unwrap();
        assert_eq!(kind, "busy_baseline");
        assert!(message.contains("1.3 processors"), "{message}");
    }
}
