//! Tests RAPL with a powercap tree in a temporary directory.
#![cfg(unix)]

use std::path::Path;

use energy_data::units::Nanos;
use energy_power::ManualClock;
use energy_power::containment::Placement;
use energy_power::polled::Polled;
use energy_power::{PowerSource, RailKind, Reading, SourceError, UnusedSensor, rapl};

const INTERVAL: Nanos = Nanos::from_millis(100);
const RANGE: u64 = 1_000_000_000;

fn open(root: &Path) -> Result<Polled, SourceError> {
    rapl::open(root, INTERVAL, &mut Vec::new())
}

fn write(root: &Path, file: &str, text: impl ToString) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text.to_string()).unwrap();
}

fn zone(root: &Path, directory: &str, name: &str, energy_uj: u64) {
    write(root, &format!("{directory}/name"), format!("{name}\n"));
    write(root, &format!("{directory}/max_energy_range_uj"), RANGE);
    write(root, &format!("{directory}/energy_uj"), energy_uj);
}

fn client(root: &Path) {
    zone(root, "intel-rapl:0", "package-0", 500);
    zone(root, "intel-rapl:0:0", "core", 10);
    zone(root, "intel-rapl:0:1", "uncore", 0);
    zone(root, "intel-rapl:0:2", "dram", 7);
    zone(root, "intel-rapl:1", "psys", 0);
    zone(root, "intel-rapl-mmio:0", "package-0", 500);
    write(root, "intel-rapl/enabled", "1");
}

/// Moves the clock by an interval and reads.
fn step(rapl: &mut Polled, clock: &ManualClock, count: i64) -> Reading {
    let mut reading = Reading::default();
    clock.set(Nanos::from_millis(100 * count));
    rapl.read(clock, Nanos::ZERO, &mut reading).unwrap();
    reading
}

fn joules(reading: &Reading) -> Vec<Option<f64>> {
    let energies = reading.samples.iter().map(|sample| sample.energy);
    energies.map(|energy| energy.map(|e| e.joules())).collect()
}

#[test]
fn rails_form_the_tree_of_a_client_processor() {
    let root = tempfile::tempdir().unwrap();
    client(root.path());
    let rails = open(root.path()).unwrap().describe().rails;
    let seen: Vec<_> = rails
        .iter()
        .map(|rail| (rail.name.as_str(), rail.kind, rail.parent))
        .collect();
    assert_eq!(
        seen,
        [
            ("package-0", RailKind::Package, Some(4)),
            ("core", RailKind::Cpu, Some(0)),
            ("uncore", RailKind::Gpu, Some(0)),
            ("dram", RailKind::Dram, Some(4)),
            ("psys", RailKind::System, None),
        ]
    );
}

#[test]
fn another_control_type_adds_only_zones_that_the_first_lacks() {
    let root = tempfile::tempdir().unwrap();
    client(root.path());
    let before = open(root.path()).unwrap().describe().rails;
    zone(root.path(), "intel-rapl-mmio:0", "package-0", 5);
    zone(root.path(), "dtpm:0", "soc", 7);
    write(
        root.path(),
        "dtpm:1/name",
        "limits power and counts nothing",
    );
    let after = open(root.path()).unwrap().describe().rails;
    assert_eq!(after[..before.len()], before);
    let more: Vec<&str> = after[before.len()..]
        .iter()
        .map(|rail| rail.name.as_str())
        .collect();
    assert_eq!(more, ["soc"]);
}

#[test]
fn two_sockets_have_two_roots_and_distinct_names() {
    let root = tempfile::tempdir().unwrap();
    for socket in 0..2 {
        let package = format!("intel-rapl:{socket}");
        zone(root.path(), &package, &format!("package-{socket}"), 0);
        // Nested only, as on some kernels.
        zone(root.path(), &format!("{package}/{package}:0"), "dram", 0);
    }
    let rails = open(root.path()).unwrap().describe().rails;
    let names: Vec<_> = rails.iter().map(|rail| rail.name.as_str()).collect();
    assert_eq!(names, ["package-0", "dram-0", "package-1", "dram-1"]);
    assert!(rails.iter().all(|rail| rail.parent.is_none()));
}

#[test]
fn rails_share_windows_and_energy_is_the_counters_growth() {
    let root = tempfile::tempdir().unwrap();
    client(root.path());
    let mut rapl = open(root.path()).unwrap();
    let clock = ManualClock::default();
    rapl.start(&clock).unwrap();
    write(root.path(), "intel-rapl:0/energy_uj", 2_000_500);
    write(root.path(), "intel-rapl:0:2/energy_uj", 1_000_007);
    let reading = step(&mut rapl, &clock, 1);
    assert_eq!(
        joules(&reading),
        [Some(2.0), Some(0.0), Some(0.0), Some(1.0), Some(0.0)]
    );
    assert!(
        reading
            .samples
            .iter()
            .all(|s| s.start == Nanos::ZERO && s.end == INTERVAL)
    );
    assert!(reading.notices.is_empty());
}

#[test]
fn wraps_count_resets_are_unknown_and_both_are_reported() {
    let root = tempfile::tempdir().unwrap();
    zone(root.path(), "intel-rapl:0", "package-0", RANGE - 1_000_000);
    let mut rapl = open(root.path()).unwrap();
    let clock = ManualClock::default();
    rapl.start(&clock).unwrap();

    write(root.path(), "intel-rapl:0/energy_uj", 2_000_000);
    let wrapped = step(&mut rapl, &clock, 1);
    assert_eq!(joules(&wrapped), [Some(3.0)]);
    assert_eq!(wrapped.notices[0].kind, "wrap");

    write(root.path(), "intel-rapl:0/energy_uj", 0);
    let reset = step(&mut rapl, &clock, 2);
    assert_eq!(joules(&reset), [None]);
    assert_eq!(reset.notices[0].kind, "reset");

    write(root.path(), "intel-rapl:0/energy_uj", 500_000);
    assert_eq!(joules(&step(&mut rapl, &clock, 3)), [Some(0.5)]);
}

#[test]
fn an_implausible_wrap_is_a_reset() {
    let root = tempfile::tempdir().unwrap();
    zone(root.path(), "intel-rapl:0", "package-0", RANGE * 9 / 10);
    let mut rapl = open(root.path()).unwrap();
    let clock = ManualClock::default();
    rapl.start(&clock).unwrap();
    write(root.path(), "intel-rapl:0/energy_uj", 900_000_000_u64 / 10);
    // 0.19 of a range of 1 kJ is 190 J in 0.1 s: plausible.
    assert_eq!(joules(&step(&mut rapl, &clock, 1)), [Some(190.0)]);

    let root = tempfile::tempdir().unwrap();
    zone(root.path(), "intel-rapl:0", "package-0", 240_000_000_000);
    write(
        root.path(),
        "intel-rapl:0/max_energy_range_uj",
        262_143_328_850_u64,
    );
    let mut rapl = open(root.path()).unwrap();
    let clock = ManualClock::default();
    rapl.start(&clock).unwrap();
    write(root.path(), "intel-rapl:0/energy_uj", 0);
    let reading = step(&mut rapl, &clock, 1);
    assert_eq!(joules(&reading), [None]);
    assert_eq!(reading.notices[0].kind, "reset");
}

#[test]
fn energy_of_a_failing_counter_is_unknown_and_reported() {
    let root = tempfile::tempdir().unwrap();
    client(root.path());
    let mut rapl = open(root.path()).unwrap();
    let clock = ManualClock::default();
    rapl.start(&clock).unwrap();
    write(root.path(), "intel-rapl:0/energy_uj", "garbage");
    let reading = step(&mut rapl, &clock, 1);
    assert_eq!(
        joules(&reading),
        [None, Some(0.0), Some(0.0), Some(0.0), Some(0.0)]
    );
    assert_eq!(reading.notices[0].kind, "unreadable");
    // The energy of the unread window is unknown, so the next window restarts.
    write(root.path(), "intel-rapl:0/energy_uj", 9_000_500);
    assert_eq!(joules(&step(&mut rapl, &clock, 2))[0], None);
    write(root.path(), "intel-rapl:0/energy_uj", 9_500_500);
    assert_eq!(joules(&step(&mut rapl, &clock, 3))[0], Some(0.5));
    for zone in ["0", "0:0", "0:1", "0:2", "1"] {
        write(root.path(), &format!("intel-rapl:{zone}/energy_uj"), "");
    }
    let reading = step(&mut rapl, &clock, 4);
    assert_eq!(joules(&reading), [None; 5]);
    assert_eq!(reading.notices.len(), 5);
}

#[test]
fn an_unreadable_zone_does_not_affect_others() {
    let root = tempfile::tempdir().unwrap();
    client(root.path());
    let file = root.path().join("intel-rapl:0:2/energy_uj");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let mut left_out: Vec<UnusedSensor> = Vec::new();
    let source = rapl::open(root.path(), INTERVAL, &mut left_out).unwrap();
    let names: Vec<String> = source
        .describe()
        .rails
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(names, ["package-0", "core", "uncore", "psys"]);
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    assert_eq!(
        (left_out[0].sensor.as_str(), left_out[0].is_fault),
        ("rapl dram", true)
    );
}

#[test]
fn parts_have_the_number_of_their_package_in_their_name() {
    let root = tempfile::tempdir().unwrap();
    zone(root.path(), "intel-rapl:0", "package-0", 1);
    zone(root.path(), "intel-rapl:0:0", "core", 1);
    zone(root.path(), "intel-rapl:1", "psys", 1);
    zone(root.path(), "intel-rapl:3", "package-1", 1);
    zone(root.path(), "intel-rapl:3:0", "core", 1);
    let rails = open(root.path()).unwrap().describe().rails;
    let seen: Vec<_> = rails
        .iter()
        .map(|rail| (rail.name.as_str(), rail.parent))
        .collect();
    assert_eq!(
        seen,
        [
            ("package-0", Some(2)),
            ("core-0", Some(0)),
            ("psys", None),
            ("package-1", Some(2)),
            ("core-1", Some(3)),
        ]
    );
}

/// Two dies with one counter count once; two sockets with equal counters count twice.
#[test]
fn a_die_with_the_counter_of_another_die_repeats_it() {
    let placements = |names: [&str; 2], counts: [u64; 2]| {
        let root = tempfile::tempdir().unwrap();
        for (at, (name, count)) in names.iter().zip(counts).enumerate() {
            zone(root.path(), &format!("intel-rapl:{at}"), name, count);
        }
        let source = open(root.path()).unwrap();
        [source.placement(0), source.placement(1)]
    };
    let dies = ["package-0-die-0", "package-0-die-1"];
    let one = [Placement::Unknown, Placement::Repeats(0)];
    let two = [Placement::Unknown; 2];
    assert_eq!(placements(dies, [77_000, 77_000]), one);
    assert_eq!(placements(dies, [77_000, 77_001]), two);
    assert_eq!(placements(dies, [0, 0]), two);
    assert_eq!(
        placements(["package-0", "package-1"], [77_000, 77_000]),
        two
    );
}

#[test]
fn opening_without_zones_is_not_present() {
    let root = tempfile::tempdir().unwrap();
    let error = open(root.path()).err().unwrap();
    assert!(matches!(error, SourceError::NotPresent { .. }), "{error}");
    let error = open(&root.path().join("none")).err().unwrap();
    assert!(matches!(error, SourceError::NotPresent { .. }), "{error}");
}

#[test]
fn unreadable_counters_are_an_error_with_the_fix() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    client(root.path());
    let file = root.path().join("intel-rapl:0/energy_uj");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&file).is_ok() {
        eprintln!("SKIPPED: this user (root) reads files without permission");
        return;
    }
    let error = open(root.path()).err().unwrap();
    assert!(matches!(error, SourceError::NotPermitted { .. }), "{error}");
    assert!(error.to_string().contains("chmod"), "{error}");
}
