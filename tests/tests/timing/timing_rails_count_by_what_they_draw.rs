//! A parent rail counts only if it draws at least as much as its children; a rail that
//! becomes readable later is recorded from then on.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use energy_data::AttributeOptions;
use energy_power::SourceChoice;
use energy_store::reattribute;
use energy_tests::{FakeZone, StoredRun, record_with, sensing, tokens, until};
use tracing_energy::MemorySink;
use tracing_energy::Method;

/// A zone and its watts.
type Watts = (FakeZone, f64);

/// Counters that grow with time until `is_over`.
fn count(zones: &[Watts], is_over: &AtomicBool) {
    let begun = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        for (zone, watts) in zones {
            let joules = watts * begun.elapsed().as_secs_f64();
            zone.show(7_000_000 + (joules * 1e6) as u64);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn zone(powercap: &Path, folder: &str, name: &str, watts: f64) -> Watts {
    let zone = FakeZone::new(powercap, folder, name, 1 << 48);
    zone.show(7_000_000);
    (zone, watts)
}

/// Records `work` from zones of RAPL at `path`.
fn record(path: &Path, powercap: &Path, zones: &[Watts], work: impl FnOnce(&MemorySink)) {
    let memory = MemorySink::new();
    let powercap = powercap.to_owned();
    let builder = sensing(path, SourceChoice::Rapl, |options| {
        options.powercap = powercap
    })
    .sink(memory.clone())
    .interval(Duration::from_millis(20));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| count(zones, &is_over));
        record_with(builder, || work(&memory));
        is_over.store(true, Ordering::Relaxed);
    });
}

/// Energy of rails without a parent, by the attribution that is shown.
fn total(run: &StoredRun) -> f64 {
    run.number(
        "SELECT sum(b.measured_j) FROM balance b
         JOIN rails r ON r.run = b.run AND r.id = b.rail AND r.parent IS NULL
         WHERE b.run = ?1 AND b.attribution =
               (SELECT max(id) FROM attributions WHERE run = ?1)",
    )
}

fn measured(run: &StoredRun, rail: &str) -> f64 {
    run.number(&format!(
        "SELECT sum(b.measured_j) FROM balance b
         JOIN rails r ON r.run = b.run AND r.id = b.rail AND r.name = '{rail}'
         WHERE b.run = ?1 AND b.attribution = 1"
    ))
}

#[test]
fn a_parent_rail_below_its_children_is_not_counted() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let powercap = folder.path().join("powercap");
        let zones = [
            zone(&powercap, "intel-rapl:0", "package-0", 18.0),
            zone(&powercap, "intel-rapl:0:2", "dram", 5.0),
            zone(&powercap, "intel-rapl:1", "psys", 11.0),
        ];
        let path = folder.path().join("energy.db");
        record(&path, &powercap, &zones, |_| {
            let until = Instant::now() + Duration::from_millis(1_600);
            while Instant::now() < until {
                tokens(20);
            }
        });
        let run = StoredRun::open(&path, "last");
        run.assert_closed();
        run.assert_balanced();
        assert_eq!(run.events("containment"), 1);
        let parts = measured(&run, "package-0") + measured(&run, "dram");
        assert!(parts > 10.0, "{parts} J");
        assert!((total(&run) - parts).abs() < 1e-9 * parts);
        let own = "SELECT count(*) FROM rails WHERE run = ?1 AND name = 'psys' AND parent = id";
        assert_eq!(run.number(own), 1.0);
        drop(run);

        let options = AttributeOptions::new(Method::Proportional);
        reattribute(&path, "last", &options).expect("attributed again");
        let again = StoredRun::open(&path, "last");
        assert!((total(&again) - parts).abs() < 1e-9 * parts);
    });
}

#[test]
fn a_zone_that_becomes_readable_is_recorded_from_then_on() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let powercap = folder.path().join("powercap");
        let zones = [
            zone(&powercap, "intel-rapl:0", "package-0", 18.0),
            zone(&powercap, "intel-rapl:0:0", "core", 6.0),
        ];
        let late = FakeZone::new(&powercap, "intel-rapl:0:2", "dram", 1 << 48);
        std::fs::create_dir(&late.counter).expect("a folder that is no counter");
        let path = folder.path().join("energy.db");
        record(&path, &powercap, &zones, |memory| {
            tokens(50);
            std::fs::remove_dir(&late.counter).expect("it was there");
            let begun = Instant::now();
            let is_recorded =
                |kind: &str| memory.rows().events.iter().any(|event| event.kind == kind);
            let show = || late.show((4e6 * begun.elapsed().as_secs_f64()) as u64 + 9);
            until("the zone appears", || {
                show();
                tokens(2);
                is_recorded("rail_appeared")
            });
            for _ in 0..200 {
                show();
                tokens(2);
            }
        });
        let run = StoredRun::open(&path, "last");
        run.assert_closed();
        run.assert_balanced();
        assert_eq!(run.events("left_out"), 1);
        let (package, dram) = (measured(&run, "package-0"), measured(&run, "dram"));
        assert!(dram > 0.0 && dram < package, "{dram} J of {package} J");
        assert!((total(&run) - package - dram).abs() < 1e-9 * package);
        let first =
            "SELECT min(start_ns) FROM samples s JOIN rails r ON r.run = s.run AND r.id = s.rail
                 WHERE s.run = ?1 AND r.name = 'dram'";
        assert!(run.number(first) > 0.0, "it was missing at the start");
    });
}
