use super::*;
use crate::clock::ManualClock;
use crate::source::{PowerSource, Reading};

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("{text}\n")).unwrap();
    }
    root
}

const MS_100: Nanos = Nanos::from_millis(100);

fn described(source: &Polled) -> Vec<(String, &'static str, Option<usize>)> {
    let rails = source.describe().rails.into_iter();
    rails
        .map(|rail| (rail.name, rail.kind.name(), rail.parent))
        .collect()
}

#[test]
fn rails_of_a_jetson_lie_in_its_input_rail() {
    let root = tree(&[
        ("hwmon1/name", "ina3221"),
        ("hwmon1/in1_label", "VDD_IN"),
        ("hwmon1/in1_input", "5000"),
        ("hwmon1/curr1_input", "2000"),
        ("hwmon1/in2_label", "VDD_CPU_GPU_CV"),
        ("hwmon1/in2_input", "5000"),
        ("hwmon1/curr2_input", "800"),
        ("hwmon1/in3_label", "VDD_SOC"),
        ("hwmon1/in3_input", "5000"),
        ("hwmon1/curr3_input", "300"),
        ("hwmon1/in7_label", "sum of shunt voltages"),
        ("hwmon1/in7_input", "12"),
        ("hwmon0/name", "coretemp"),
        ("hwmon0/temp1_input", "40000"),
        ("hwmon2/name", "corsairpsu"),
        ("hwmon2/power1_input", "90000000"),
    ]);
    let mut left_out = Vec::new();
    let mut source = open(root.path(), MS_100, &mut left_out).unwrap();
    let (system, package, soc) = ("vdd_in", "vdd_cpu_gpu_cv", "vdd_soc");
    assert_eq!(
        described(&source),
        [
            (system.to_owned(), "system", None),
            (package.to_owned(), "package", Some(0)),
            (soc.to_owned(), "other", Some(0)),
        ]
    );
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    assert_eq!(left_out[0].sensor, "hwmon corsairpsu (hwmon2)");
    assert!(!left_out[0].is_fault);

    let clock = ManualClock::default();
    source.start(&clock).unwrap();
    clock.set(MS_100);
    let mut reading = Reading::default();
    source.stop(&clock, &mut reading);
    let joules = reading
        .samples
        .iter()
        .map(|sample| sample.energy.unwrap().joules());
    let joules: Vec<f64> = joules.collect();
    assert!(
        (joules[0] - 1.0).abs() < 1e-12 && (joules[1] - 0.4).abs() < 1e-12,
        "{joules:?}"
    );
}

#[test]
fn names_of_several_cards_are_unique_and_sockets_numbered() {
    let root = tree(&[
        ("hwmon3/name", "amdgpu"),
        ("hwmon3/power1_average", "25000000"),
        ("hwmon3/device/x", ""),
        ("hwmon10/name", "amdgpu"),
        ("hwmon10/power1_input", "30000000"),
        ("hwmon4/name", "amd_energy"),
        ("hwmon4/energy1_label", "Ecore000"),
        ("hwmon4/energy1_input", "5"),
        ("hwmon4/energy17_label", "Esocket0"),
        ("hwmon4/energy17_input", "7000000"),
    ]);
    let source = open(root.path(), MS_100, &mut Vec::new()).unwrap();
    let names: Vec<String> = described(&source).into_iter().map(|rail| rail.0).collect();
    assert_eq!(names, ["gpu-device", "package-0", "gpu-hwmon10"]);
}

#[test]
fn unknown_sensors_are_not_present_and_invalid_values_are_errors() {
    let root = tree(&[("hwmon0/name", "coretemp")]);
    let none = open(root.path(), MS_100, &mut Vec::new());
    assert!(matches!(none, Err(SourceError::NotPresent { .. })));
    let root = tree(&[("hwmon0/name", "amdgpu"), ("hwmon0/power1_average", "N/A")]);
    let Err(error) = open(root.path(), MS_100, &mut Vec::new()) else {
        panic!("opened")
    };
    assert!(error.to_string().contains("is not a number"), "{error}");
}

#[test]
fn an_unreadable_sensor_does_not_affect_others() {
    let root = tree(&[
        ("hwmon1/name", "amdgpu"),
        ("hwmon1/power1_average/a_folder", "cannot be read"),
        ("hwmon2/name", "ina3221"),
        ("hwmon2/in1_label", "VDD_IN"),
        ("hwmon2/in1_input", "12000"),
        ("hwmon2/curr1_input", "1000"),
        ("hwmon3/name", "amdgpu"),
        ("hwmon3/power1_cap", "200000000"),
    ]);
    let mut left_out = Vec::new();
    let source = open(root.path(), MS_100, &mut left_out).unwrap();
    assert_eq!(described(&source), [("vdd_in".to_owned(), "system", None)]);
    let named: Vec<_> = left_out
        .iter()
        .map(|one| (one.sensor.as_str(), one.is_fault))
        .collect();
    assert_eq!(
        named,
        [("hwmon amdgpu (hwmon3)", false), ("hwmon gpu", true)]
    );
}

#[test]
fn the_second_file_is_read_if_the_first_is_unreadable() {
    let root = tree(&[
        ("hwmon0/name", "amdgpu"),
        ("hwmon0/power1_average/a_folder", "cannot be read"),
        ("hwmon0/power1_input", "45000000"),
        ("hwmon0/power1_cap", "200000000"),
    ]);
    let mut left_out = Vec::new();
    let mut source = open(root.path(), MS_100, &mut left_out).unwrap();
    assert_eq!(left_out, []);
    assert_eq!(source.placement(0), Placement::Discrete);
    let clock = ManualClock::default();
    source.start(&clock).unwrap();
    clock.set(MS_100);
    let mut reading = Reading::default();
    source.read(&clock, Nanos::ZERO, &mut reading).unwrap();
    let joules = reading.samples[0].energy.map(|energy| energy.joules());
    assert!((joules.unwrap() - 4.5).abs() < 1e-9, "{joules:?}");
}

#[test]
fn sockets_of_zenpower_are_numbered_by_their_device() {
    assert_eq!(socket("0000:00:18.3"), Some(0));
    assert_eq!(socket("0000:00:19.3"), Some(1));
    assert_eq!(socket("hwmon3"), None);
}
