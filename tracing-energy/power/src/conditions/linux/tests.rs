//! Conditions of simulated machines: sysfs trees in temporary folders.

use super::*;

struct Machine(tempfile::TempDir);

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for (file, text) in files {
            machine.write(file, text);
        }
        machine
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.path().join("sys").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn snapshot(&self) -> Snapshot {
        read(self.0.path())
    }

    fn value(&self, key: &str) -> Option<String> {
        self.snapshot().values.get(key).cloned()
    }
}

const ADAPTER: &str = "class/power_supply/AC/";
const BATTERY: &str = "class/power_supply/BAT0/";
const MOUSE: &str = "class/power_supply/hid-mouse/";

/// A supply's files below its folder.
fn supply(folder: &str, files: &[(&str, &str)]) -> Vec<(String, String)> {
    let file = |(name, text): &(&str, &str)| (format!("{folder}{name}"), (*text).to_owned());
    files.iter().map(file).collect()
}

fn machine(supplies: &[Vec<(String, String)>]) -> Machine {
    let machine = Machine::new(&[]);
    for (file, text) in supplies.iter().flatten() {
        machine.write(file, text);
    }
    machine
}

#[test]
fn an_empty_tree_has_no_conditions() {
    assert_eq!(Machine::new(&[]).snapshot(), Snapshot::default());
    assert_eq!(read(Path::new("/no/such/folder")), Snapshot::default());
}

#[test]
fn an_online_adapter_is_mains_and_an_offline_one_is_battery() {
    let battery = supply(
        BATTERY,
        &[
            ("type", "Battery\n"),
            ("status", "Unknown\n"),
            ("capacity", "81\n"),
        ],
    );
    let adapter = |online| supply(ADAPTER, &[("type", "Mains\n"), ("online", online)]);
    let plugged = machine(&[battery.clone(), adapter("1\n")]);
    assert_eq!(plugged.value(POWER).as_deref(), Some("mains"));
    assert_eq!(plugged.value(BATTERY_PERCENT).as_deref(), Some("81"));
    let pulled = machine(&[battery.clone(), adapter("0\n")]);
    assert_eq!(pulled.value(POWER).as_deref(), Some("battery"));
    // An unplugged second adapter does not matter.
    let usb = supply(
        "class/power_supply/ucsi/",
        &[("type", "USB\n"), ("online", "0\n")],
    );
    let both = machine(&[adapter("1\n"), usb]);
    assert_eq!(both.value(POWER).as_deref(), Some("mains"));
}

#[test]
fn without_an_adapter_power_follows_the_battery_status() {
    let with = |status| machine(&[supply(BATTERY, &[("type", "Battery"), ("status", status)])]);
    assert_eq!(with("Discharging").value(POWER).as_deref(), Some("battery"));
    assert_eq!(with("Full").value(POWER).as_deref(), Some("mains"));
    assert_eq!(with("Not charging").value(POWER).as_deref(), Some("mains"));
    assert_eq!(with("Unknown").value(POWER), None);
}

#[test]
fn a_mouse_battery_or_an_offline_adapter_alone_gives_no_power() {
    let files = [
        ("type", "Battery"),
        ("scope", "Device"),
        ("status", "Discharging"),
        ("capacity", "7"),
    ];
    let mouse = machine(&[supply(MOUSE, &files)]);
    assert_eq!(mouse.snapshot().values.len(), 0);
    let offline = machine(&[supply(ADAPTER, &[("type", "Mains"), ("online", "0")])]);
    assert_eq!(offline.value(POWER), None, "something else must feed it");
}

#[test]
fn charge_is_the_mean_of_batteries_and_ignores_invalid_values() {
    let battery = |at: u32, capacity| {
        let folder = format!("class/power_supply/BAT{at}/");
        supply(&folder, &[("type", "Battery"), ("capacity", capacity)])
    };
    let two = machine(&[battery(0, "40"), battery(1, "91")]);
    assert_eq!(two.value(BATTERY_PERCENT).as_deref(), Some("66"));
    let odd = machine(&[battery(0, "inf"), battery(1, "full")]);
    assert_eq!(odd.value(BATTERY_PERCENT), None);
}

#[test]
fn all_distinct_governors_and_preferences_are_listed() {
    let machine = Machine::new(&[
        (
            "devices/system/cpu/cpufreq/policy0/scaling_governor",
            "powersave\n",
        ),
        (
            "devices/system/cpu/cpufreq/policy4/scaling_governor",
            "performance\n",
        ),
        (
            "devices/system/cpu/cpufreq/policy8/scaling_governor",
            "powersave\n",
        ),
        (
            "devices/system/cpu/cpufreq/policy0/energy_performance_preference",
            "balance_power\n",
        ),
        ("devices/system/cpu/cpufreq/boost", "1\n"),
    ]);
    assert_eq!(
        machine.value(GOVERNOR).as_deref(),
        Some("performance,powersave")
    );
    let preference = machine.value(ENERGY_PREFERENCE);
    assert_eq!(preference.as_deref(), Some("balance_power"));
    let old = Machine::new(&[
        (
            "devices/system/cpu/cpu0/cpufreq/scaling_governor",
            "schedutil\n",
        ),
        ("devices/system/cpu/cpuidle/current_governor", "menu\n"),
    ]);
    assert_eq!(old.value(GOVERNOR).as_deref(), Some("schedutil"));
}

#[test]
fn low_power_mode_follows_the_firmware_profile() {
    let with = |profile| Machine::new(&[("firmware/acpi/platform_profile", profile)]);
    assert_eq!(
        with("low-power\n").value(LOW_POWER_MODE).as_deref(),
        Some("on")
    );
    assert_eq!(
        with("balanced\n").value(LOW_POWER_MODE).as_deref(),
        Some("off")
    );
}

#[test]
fn a_zone_at_its_passive_trip_point_is_throttled() {
    let machine = Machine::new(&[
        ("class/thermal/thermal_zone0/temp", "71000\n"),
        (
            "class/thermal/thermal_zone0/trip_point_0_type",
            "critical\n",
        ),
        ("class/thermal/thermal_zone0/trip_point_0_temp", "60000\n"),
    ]);
    assert_eq!(machine.value(THERMAL_PRESSURE), None, "no passive point");
    machine.write("class/thermal/thermal_zone0/trip_point_1_type", "passive\n");
    machine.write("class/thermal/thermal_zone0/trip_point_1_temp", "-274000\n");
    assert_eq!(machine.value(THERMAL_PRESSURE), None, "not set");
    machine.write("class/thermal/thermal_zone0/trip_point_1_temp", "80000\n");
    let pressure = || machine.value(THERMAL_PRESSURE);
    assert_eq!(pressure().as_deref(), Some("nominal"));
    machine.write("class/thermal/thermal_zone0/temp", "80000\n");
    assert_eq!(pressure().as_deref(), Some("throttled"));
    machine.write("class/thermal/thermal_zone0/mode", "disabled\n");
    assert_eq!(pressure(), None);
}

#[test]
fn an_active_processor_cooling_device_is_throttling_and_a_fan_is_not() {
    let machine = Machine::new(&[
        ("class/thermal/cooling_device0/type", "Fan\n"),
        ("class/thermal/cooling_device0/cur_state", "3\n"),
    ]);
    assert_eq!(machine.value(THERMAL_PRESSURE), None);
    machine.write("class/thermal/cooling_device1/type", "Processor\n");
    machine.write("class/thermal/cooling_device1/cur_state", "0\n");
    let pressure = || machine.value(THERMAL_PRESSURE);
    assert_eq!(pressure().as_deref(), Some("nominal"));
    machine.write("class/thermal/cooling_device1/cur_state", "2\n");
    assert_eq!(pressure().as_deref(), Some("throttled"));
}

#[test]
fn throttle_counters_are_evaluated_at_the_end() {
    const COUNT: &str = "devices/system/cpu/cpu11/thermal_throttle/core_throttle_count";
    let machine = Machine::new(&[(COUNT, "12\n")]);
    let start = machine.snapshot();
    assert_eq!(start.values.get(THERMAL_PRESSURE), None);
    let end = machine.snapshot().since(&start);
    assert_eq!(end[THERMAL_PRESSURE], "nominal");
    machine.write(COUNT, "13\n");
    let end = machine.snapshot().since(&start);
    assert_eq!(end[THERMAL_PRESSURE], "throttled");
}

#[test]
fn binary_or_long_files_affect_their_condition_only() {
    let long = "x".repeat(100_000);
    let machine = Machine::new(&[
        ("devices/system/cpu/cpufreq/policy0/scaling_governor", &long),
        ("firmware/acpi/platform_profile", "\n"),
    ]);
    let path = machine.0.path().join("sys/class/power_supply/AC/type");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, [0xff, 0xfe, 0x00]).unwrap();
    let snapshot = machine.snapshot();
    assert_eq!(snapshot.values[GOVERNOR].len(), 4_096);
    assert_eq!(snapshot.values.len(), 1);
}

#[test]
fn the_design_power_is_that_of_all_packages_or_unknown() {
    let package = |zone: u8, name: &str, most_uw: &str| {
        [
            (
                format!("class/powercap/intel-rapl:{zone}/name"),
                name.to_owned(),
            ),
            (
                format!("class/powercap/intel-rapl:{zone}/constraint_0_max_power_uw"),
                most_uw.to_owned(),
            ),
        ]
    };
    let machine = |zones: &[[(String, String); 2]]| {
        let files = zones.iter().flatten();
        let files: Vec<(&str, &str)> = files
            .map(|(file, text)| (file.as_str(), text.as_str()))
            .collect();
        Machine::new(&files)
    };
    let two = [
        package(0, "package-0\n", "65000000\n"),
        package(1, "package-1\n", "65500000\n"),
        package(2, "psys\n", "0\n"),
    ];
    assert_eq!(machine(&two).value(TDP_W).as_deref(), Some("130.5"));
    for unknown in ["0\n", "", "-1"] {
        let other = [
            package(0, "package-0", "65000000"),
            package(1, "package-1", unknown),
        ];
        assert_eq!(machine(&other).value(TDP_W), None, "{unknown:?}");
    }
}
