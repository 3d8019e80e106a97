//! What makes a run's figures doubtful: conditions that changed, a throttled
//! processor, other programs at work.

use super::{
    BUSY_CORES, CORES, ENERGY_PREFERENCE, GOVERNOR, LOAD_OTHERS, LOW_POWER_MODE, NOMINAL,
    OWN_CORES, POWER, THERMAL_PRESSURE, THROTTLED_SAMPLES, USABLE_CORES, Values,
};

/// A doubt: the kind of its event, and its words.
pub(crate) type Doubt = (&'static str, String);

/// Conditions that should be the same all along, with their names for people.
const STEADY: [(&str, &str); 6] = [
    (POWER, "the power source"),
    (LOW_POWER_MODE, "low-power mode"),
    (GOVERNOR, "the CPU frequency governor"),
    (ENERGY_PREFERENCE, "the energy-performance preference"),
    (CORES, "the number of processors"),
    (USABLE_CORES, "the number of usable processors"),
];

/// What is doubtful of a run with these conditions.
pub(super) fn doubts(start: &Values, end: &Values, samples: u64) -> Vec<Doubt> {
    let steady = STEADY.iter();
    let mut doubts: Vec<Doubt> = steady
        .filter_map(|&(key, name)| changed(name, start.get(key)?, end.get(key)?))
        .collect();
    doubts.extend(throttled(start, end, samples));
    let load = end.get(LOAD_OTHERS).and_then(|load| load.parse().ok());
    doubts.extend(busy(load));
    doubts
}

fn changed(name: &str, start: &str, end: &str) -> Option<Doubt> {
    (start != end).then(|| {
        let message = format!(
            "{name} changed during the run, from {start} to {end}: its parts were not measured under the same conditions"
        );
        ("conditions_changed", message)
    })
}

/// Throttling that began is a change; throttling from the start on is told, too.
fn throttled(start: &Values, end: &Values, samples: u64) -> Option<Doubt> {
    let level = |values: &Values| values.get(THERMAL_PRESSURE).cloned();
    let (before, after) = (level(start), level(end));
    let count = end
        .get(THROTTLED_SAMPLES)
        .and_then(|count| count.parse().ok());
    let count: u64 = count.unwrap_or(0);
    let is_hot = |level: &Option<String>| level.as_deref().is_some_and(|level| level != NOMINAL);
    if !is_hot(&before) && !is_hot(&after) && count == 0 {
        return None;
    }
    let word = |level: Option<String>| level.unwrap_or_else(|| "unknown".to_owned());
    let during = match count {
        0 => String::new(),
        _ => format!(", above nominal in {count} of {samples} power samples"),
    };
    let kind = match is_hot(&before) {
        true => "throttled",
        false => "conditions_changed",
    };
    let message = format!(
        "the processor was slowed down by heat: thermal pressure {} at the start, {} at the end{during}; let the machine cool down and record again",
        word(before),
        word(after)
    );
    Some((kind, message))
}

fn busy(load: Option<f64>) -> Option<Doubt> {
    let load = load.filter(|load| *load > BUSY_CORES)?;
    let message = format!(
        "other programs kept {load:.1} processors busy on average during the run: stop them and record again for figures that can be compared"
    );
    Some(("busy_machine", message))
}

/// Why idle power is not known if the program used so many cores while it was measured.
pub(crate) fn own_work_in_baseline(cores: f64) -> Option<Doubt> {
    (cores > OWN_CORES).then(|| {
        let message = format!(
            "idle power is not known: the program itself kept {cores:.1} processors busy while \
             it was to be measured; let it rest for that time, or start recording before its \
             work"
        );
        ("own_work_in_baseline", message)
    })
}

/// What is doubtful of idle power that was measured under this load of others, cores.
pub(crate) fn busy_baseline(load: f64) -> Option<Doubt> {
    (load > BUSY_CORES).then(|| {
        let message = format!(
            "other programs kept {load:.1} processors busy while idle power was measured, which holds what they drew: active energy is too low if they did less later; stop them and record again"
        );
        ("busy_baseline", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&'static str, &str)]) -> Values {
        let own = |&(key, value): &(&'static str, &str)| (key, value.to_owned());
        pairs.iter().map(own).collect()
    }

    fn kinds(start: &Values, end: &Values) -> Vec<&'static str> {
        doubts(start, end, 40)
            .into_iter()
            .map(|(kind, _)| kind)
            .collect()
    }

    #[test]
    fn what_stays_or_is_unknown_is_no_doubt() {
        let start = values(&[(POWER, "mains"), (GOVERNOR, "powersave"), (CORES, "8")]);
        assert_eq!(kinds(&start, &start), [""; 0]);
        assert_eq!(kinds(&start, &Values::new()), [""; 0]);
        assert_eq!(kinds(&Values::new(), &start), [""; 0]);
        let other_charge = |percent| values(&[("battery_percent", percent)]);
        assert_eq!(kinds(&other_charge("80"), &other_charge("79")), [""; 0]);
    }

    #[test]
    fn every_steady_condition_that_changes_is_told_with_both_values() {
        let start = values(&[(POWER, "mains"), (LOW_POWER_MODE, "off")]);
        let end = values(&[(POWER, "battery"), (LOW_POWER_MODE, "on")]);
        let told = doubts(&start, &end, 0);
        assert_eq!(told.len(), 2);
        assert!(told.iter().all(|(kind, _)| *kind == "conditions_changed"));
        assert!(
            told[0].1.contains("the power source") && told[0].1.contains("from mains to battery")
        );
        assert!(told[1].1.contains("low-power mode changed"));
    }

    #[test]
    fn throttling_that_begins_is_a_change() {
        let level = |level| values(&[(THERMAL_PRESSURE, level)]);
        assert_eq!(
            kinds(&level("nominal"), &level("heavy")),
            ["conditions_changed"]
        );
        assert_eq!(
            kinds(&Values::new(), &level("throttled")),
            ["conditions_changed"]
        );
        assert_eq!(kinds(&level("heavy"), &level("nominal")), ["throttled"]);
        let mut in_between = level("nominal");
        in_between.insert(THROTTLED_SAMPLES, "3".to_owned());
        let told = doubts(&level("nominal"), &in_between, 40);
        assert_eq!(told[0].0, "conditions_changed");
        assert!(told[0].1.contains("in 3 of 40 power samples"), "{told:?}");
    }

    #[test]
    fn half_a_core_of_others_is_still_quiet() {
        let load = |cores: &str| kinds(&Values::new(), &values(&[(LOAD_OTHERS, cores)]));
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
