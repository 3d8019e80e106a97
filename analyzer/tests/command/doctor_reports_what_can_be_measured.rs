//! `energy doctor`: available sensors, their update periods, and the exit code.

use std::path::Path;
use std::time::Duration;

use crate::fixture::command::{energy, errors};
use energy_analyzer::doctor::{DoctorOptions, SourceState, examine};
use energy_power::detect::OpenOptions;
use serde_json::Value;

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/doctor.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn this_machine_is_reported_in_json_and_by_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let output = energy(folder.path(), &["doctor", "--json", "--time", "300ms"]);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(&value)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:?}\n{value}");
    let expected = if value["has_measured"] == true { 0 } else { 1 };
    assert_eq!(output.status.code(), Some(expected), "{}", errors(&output));
    assert!(
        !folder.path().join("energy.db").exists(),
        "nothing is recorded"
    );

    let table = energy(folder.path(), &["doctor", "--time", "300ms"]);
    let table = String::from_utf8(table.stdout).unwrap();
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(table.contains("modelled"), "{table}");
}

#[cfg(target_os = "linux")]
#[test]
fn sensors_are_read_and_the_best_are_chosen() {
    let root = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("hwmon/hwmon0/name", "amdgpu\n");
    write("hwmon/hwmon0/power1_average", "12000000\n");
    write("powercap/intel-rapl:0/name", "package-0\n");
    write("powercap/intel-rapl:0/energy_uj", "17\n");
    let options = DoctorOptions {
        time: Duration::from_millis(300),
        open: OpenOptions {
            hwmon: root.path().join("hwmon"),
            powercap: root.path().join("powercap"),
            ..OpenOptions::default().without_sensors()
        },
    };
    let examined = examine(&options);
    assert_eq!(examined.chosen, ["rapl", "hwmon"]);
    assert!(examined.has_measured());
    let state = |name: &str| {
        let found = examined.sources.iter().find(|one| one.0 == name);
        found.unwrap().1.clone()
    };
    let SourceState::Usable(_, seen) = state("hwmon") else {
        panic!("{:?}", state("hwmon"))
    };
    let watts = seen.rails[0].power.unwrap().watts();
    assert!((watts - 12.0).abs() < 1e-9, "{watts}");
    // The update period of a constant counter is unknown.
    let SourceState::Usable(_, seen) = state("rapl") else {
        panic!("{:?}", state("rapl"))
    };
    assert_eq!(
        (seen.rails[0].period, seen.rails[0].resolution),
        (None, None)
    );
    assert!(matches!(state("battery"), SourceState::Absent(_)));
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_is_written_if_nothing_is_locked() {
    // Checked first: a test must not change permissions of its machine.
    if Path::new("/sys/class/powercap/intel-rapl:0").exists() {
        eprintln!("SKIPPED: this machine has RAPL counters, which root or a user may unlock");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = energy(folder.path(), &["doctor", "--fix", "--yes"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("rapl: not available"),
        "{}",
        errors(&output)
    );
}
