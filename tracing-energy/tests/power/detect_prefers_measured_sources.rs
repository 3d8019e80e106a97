//! Tests the choice of sources and the notices about others. The tests read environment
//! variables: use each in one test only.
#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::time::Duration;

use energy_data::units::Power;
use energy_power::MonotonicClock;
use energy_power::SourceError;
use energy_power::detect::{OpenOptions, OpenedSources, SourceChoice, open};
use energy_power::powermetrics::Launch;
use tracing_energy::Clock;

fn clock() -> Arc<dyn Clock> {
    Arc::new(MonotonicClock::starting_in(Duration::ZERO))
}

fn options(powercap: &std::path::Path) -> OpenOptions {
    OpenOptions {
        powercap: powercap.to_owned(),
        idle_w: Some(3.0),
        max_w: Some(30.0),
        ..OpenOptions::default().without_sensors()
    }
}

fn powercap() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let zone = root.path().join("intel-rapl:0");
    std::fs::create_dir(&zone).unwrap();
    std::fs::write(zone.join("name"), "package-0\n").unwrap();
    std::fs::write(zone.join("energy_uj"), "1\n").unwrap();
    root
}

fn name(opened: &OpenedSources) -> String {
    opened.sources[0].describe().name
}

#[test]
fn choices_are_parsed_and_formatted() {
    for text in [
        "auto",
        "powermetrics",
        "ioreport",
        "rapl",
        "hwmon",
        "nvml",
        "battery",
        "modelled",
        "replay:a/b.csv",
        "rapl+nvml",
    ] {
        assert_eq!(text.parse::<SourceChoice>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "Auto",
        "replay",
        "replay:",
        "nvidia",
        "auto+rapl",
        "rapl+",
    ] {
        let message = text.parse::<SourceChoice>().unwrap_err();
        assert!(message.contains("replay:FILE"), "{message}");
    }
}

#[test]
fn measured_sources_are_preferred_to_modelled_power() {
    let root = powercap();
    let opened = open(&SourceChoice::Auto, &options(root.path()), &clock()).unwrap();
    assert_eq!(name(&opened), "rapl");

    let empty = tempfile::tempdir().unwrap();
    let opened = open(&SourceChoice::Auto, &options(empty.path()), &clock()).unwrap();
    assert_eq!(name(&opened), "modelled");
    assert_eq!(
        opened.sources[0].configured_idle(0),
        Some(Power::from_watts(3.0))
    );
    let kinds: Vec<_> = opened.notices.iter().map(|notice| notice.kind).collect();
    assert_eq!(kinds, ["source_refused", "modelled"]);
    assert!(opened.notices[0].message.contains("not present"));
}

fn hwmon(folder: &std::path::Path, name: &str, files: &[(&str, &str)]) {
    let device = folder.join("hwmon0");
    std::fs::create_dir_all(&device).unwrap();
    for (file, text) in files.iter().chain(&[("name", name)]) {
        std::fs::write(device.join(file), text).unwrap();
    }
}

fn names(opened: &OpenedSources) -> Vec<String> {
    let names = opened.sources.iter().map(|source| source.describe().name);
    names.collect()
}

#[test]
fn each_measured_source_is_opened_once() {
    let root = powercap();
    let sensors = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        hwmon: sensors.path().to_owned(),
        power_supply: sensors.path().to_owned(),
        ..options(root.path())
    };
    let auto = || open(&SourceChoice::Auto, &options, &clock()).unwrap();
    hwmon(sensors.path(), "amdgpu", &[("power1_average", "9000000")]);
    assert_eq!(names(&auto()), ["rapl", "hwmon"]);
    // The same socket by another driver is handled by containment; a battery would count
    // everything twice.
    let socket = [("energy1_label", "Esocket0"), ("energy1_input", "5")];
    hwmon(sensors.path(), "amd_energy", &socket);
    let battery = sensors.path().join("BAT0");
    std::fs::create_dir(&battery).unwrap();
    for (file, text) in [
        ("type", "Battery"),
        ("status", "Discharging"),
        ("power_now", "7000000"),
    ] {
        std::fs::write(battery.join(file), text).unwrap();
    }
    assert_eq!(names(&auto()), ["rapl", "hwmon"]);
    // An unknown driver is reported.
    hwmon(sensors.path(), "somepsu", &[("power1_input", "90000000")]);
    let opened = auto();
    assert_eq!(names(&opened), ["rapl"]);
    assert!(
        opened.notices[0]
            .message
            .contains("hwmon somepsu (hwmon0) is not used"),
        "{:?}",
        opened.notices
    );
    hwmon(sensors.path(), "amd_energy", &socket);
    std::fs::remove_dir_all(root.path().join("intel-rapl:0")).unwrap();
    assert_eq!(names(&auto()), ["hwmon"]);
    std::fs::remove_dir_all(sensors.path().join("hwmon0")).unwrap();
    assert_eq!(names(&auto()), ["battery"]);
}

#[test]
fn a_refused_source_is_reported_with_its_fix() {
    let root = powercap();
    let script = root.path().join("refuse.sh");
    std::fs::write(&script, "echo 'sudo: a password is required' >&2; exit 1").unwrap();
    let mut options = options(root.path());
    options.powermetrics = Some(Launch {
        program: "/bin/sh".into(),
        arguments: vec![script.into()],
    });
    let opened = open(&SourceChoice::Auto, &options, &clock()).unwrap();
    assert_eq!(name(&opened), "rapl");
    assert_eq!(opened.notices[0].kind, "source_refused");
    assert!(opened.notices[0].message.contains("NOPASSWD"));
    let error = open(&SourceChoice::Powermetrics, &options, &clock())
        .err()
        .unwrap();
    assert!(matches!(error, SourceError::NotPermitted { .. }), "{error}");
}

#[test]
fn an_explicit_choice_that_cannot_be_opened_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    for choice in ["rapl", "replay:/nonexistent"] {
        let choice: SourceChoice = choice.parse().unwrap();
        let error = open(&choice, &options(empty.path()), &clock())
            .err()
            .unwrap();
        assert!(matches!(error, SourceError::NotPresent { .. }), "{error}");
    }
}
