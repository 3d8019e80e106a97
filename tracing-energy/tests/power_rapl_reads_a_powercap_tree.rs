//! RAPL against a powercap tree in a temporary directory.
#![cfg(unix)]

use std::path::Path;

use tracing_energy::ManualClock;
use tracing_energy::power::rapl::Rapl;
use tracing_energy::power::{PowerSource, RailKind, Reading, SourceError};
use tracing_energy::units::Nanos;

const INTERVAL: Nanos = Nanos::from_millis(100);
const RANGE: u64 = 1_000_000_000;

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
fn step(rapl: &mut Rapl, clock: &ManualClock, count: i64) -> Reading {
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
    let rails = Rapl::open(root.path(), INTERVAL).unwrap().describe().rails;
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
fn another_control_type_adds_what_the_first_one_lacks_and_nothing_twice() {
    let root = tempfile::tempdir().unwrap();
    client(root.path());
    let before = Rapl::open(root.path(), INTERVAL).unwrap().describe().rails;
    zone(root.path(), "intel-rapl-mmio:0", "package-0", 5);
    zone(root.path(), "dtpm:0", "soc", 7);
    write(
        root.path(),
        "dtpm:1/name",
        "limits power and counts nothing",
    );
    let after = Rapl::open(root.path(), INTERVAL).unwrap().describe().rails;
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
        // Nested only, as some kernels' trees look from the package.
        zone(root.path(), &format!("{package}/{package}:0"), "dram", 0);
    }
    let rails = Rapl::open(root.path(), INTERVAL).unwrap().describe().rails;
    let names: Vec<_> = rails.iter().map(|rail| rail.name.as_str()).collect();
    assert_eq!(names, ["package-0", "dram-0", "package-1", "dram-1"]);
    assert!(rails.iter().all(|rail| rail.parent.is_none()));
}

#[test]
fn windows_are_shared_and_energy_is_the_counters_growth() {
    let root = tempfile::tempdir().unwrap();
    client(root.path());
    let mut rapl = Rapl::open(root.path(), INTERVAL).unwrap();
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
fn a_wrap_counts_a_reset_is_unknown_and_both_are_told() {
    let root = tempfile::tempdir().unwrap();
    zone(root.path(), "intel-rapl:0", "package-0", RANGE - 1_000_000);
    let mut rapl = Rapl::open(root.path(), INTERVAL).unwrap();
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
fn a_reset_near_the_top_would_be_an_impossible_power() {
    let root = tempfile::tempdir().unwrap();
    zone(root.path(), "intel-rapl:0", "package-0", RANGE * 9 / 10);
    let mut rapl = Rapl::open(root.path(), INTERVAL).unwrap();
    let clock = ManualClock::default();
    rapl.start(&clock).unwrap();
    write(root.path(), "intel-rapl:0/energy_uj", 900_000_000_u64 / 10);
    // 190 kJ... 0.19 of a 1 kJ range is 190 J in 0.1 s: believable.
    assert_eq!(joules(&step(&mut rapl, &clock, 1)), [Some(190.0)]);

    let root = tempfile::tempdir().unwrap();
    zone(root.path(), "intel-rapl:0", "package-0", 240_000_000_000);
    write(
        root.path(),
        "intel-rapl:0/max_energy_range_uj",
        262_143_328_850_u64,
    );
    let mut rapl = Rapl::open(root.path(), INTERVAL).unwrap();
    let clock = ManualClock::default();
    rapl.start(&clock).unwrap();
    write(root.path(), "intel-rapl:0/energy_uj", 0);
    let reading = step(&mut rapl, &clock, 1);
    assert_eq!(joules(&reading), [None]);
    assert_eq!(reading.notices[0].kind, "reset");
}

#[test]
fn a_counter_that_fails_is_null_and_told_and_an_error_once_all_fail() {
    let root = tempfile::tempdir().unwrap();
    client(root.path());
    let mut rapl = Rapl::open(root.path(), INTERVAL).unwrap();
    let clock = ManualClock::default();
    rapl.start(&clock).unwrap();
    write(root.path(), "intel-rapl:0/energy_uj", "garbage");
    let reading = step(&mut rapl, &clock, 1);
    assert_eq!(
        joules(&reading),
        [None, Some(0.0), Some(0.0), Some(0.0), Some(0.0)]
    );
    assert_eq!(reading.notices[0].kind, "unreadable");
    // The energy of the blind window is unknown, so the next one starts anew.
    write(root.path(), "intel-rapl:0/energy_uj", 9_000_500);
    assert_eq!(joules(&step(&mut rapl, &clock, 2))[0], None);
    write(root.path(), "intel-rapl:0/energy_uj", 9_500_500);
    assert_eq!(joules(&step(&mut rapl, &clock, 3))[0], Some(0.5));
    for zone in ["0", "0:0", "0:1", "0:2", "1"] {
        write(root.path(), &format!("intel-rapl:{zone}/energy_uj"), "");
    }
    clock.set(Nanos::from_millis(400));
    let mut reading = Reading::default();
    let error = rapl.read(&clock, Nanos::ZERO, &mut reading).unwrap_err();
    assert!(matches!(error, SourceError::Retry { .. }), "{error}");
    assert_eq!(joules(&reading), [None; 5]);
}

#[test]
fn a_counter_that_stands_still_under_load_is_told_once() {
    use std::sync::atomic::{AtomicI64, Ordering};
    static BUSY: AtomicI64 = AtomicI64::new(0);
    let root = tempfile::tempdir().unwrap();
    zone(root.path(), "intel-rapl:0", "package-0", 5);
    let busy = || Some(Nanos::from_nanos(BUSY.load(Ordering::SeqCst)));
    let mut rapl = Rapl::open(root.path(), INTERVAL)
        .unwrap()
        .with_busy_time(busy);
    let clock = ManualClock::default();
    rapl.start(&clock).unwrap();
    let mut told = 0;
    for count in 1..100 {
        BUSY.fetch_add(90_000_000, Ordering::SeqCst);
        let reading = step(&mut rapl, &clock, count);
        told += reading
            .notices
            .iter()
            .filter(|n| n.kind == "frozen")
            .count();
        assert!(count >= 20 || told == 0, "told after {count} readings");
    }
    assert_eq!(told, 1);
}

#[test]
fn no_zones_is_not_present() {
    let root = tempfile::tempdir().unwrap();
    let error = Rapl::open(root.path(), INTERVAL).err().unwrap();
    assert!(matches!(error, SourceError::NotPresent { .. }), "{error}");
    let error = Rapl::open(&root.path().join("none"), INTERVAL)
        .err()
        .unwrap();
    assert!(matches!(error, SourceError::NotPresent { .. }), "{error}");
}

#[test]
fn unreadable_counters_are_not_permitted_with_the_fix() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    client(root.path());
    let file = root.path().join("intel-rapl:0/energy_uj");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&file).is_ok() {
        eprintln!("SKIPPED: this user (root) reads files without permission");
        return;
    }
    let error = Rapl::open(root.path(), INTERVAL).err().unwrap();
    assert!(matches!(error, SourceError::NotPermitted { .. }), "{error}");
    assert!(error.to_string().contains("chmod"), "{error}");
}
