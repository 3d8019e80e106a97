//! Two sensors at once, each with its own interval and clock: the total is the sum of
//! the rails that lie in no other, a counter that wraps loses nothing, and all accounts
//! balance.
#![cfg(target_os = "linux")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use energy_power::SourceChoice;
use energy_tests::{FakeSensor, FakeZone, StoredRun, record_with, sensing, tokens};

/// The counter goes back to zero after so much.
const RANGE_UJ: u64 = 3_000_000;

#[test]
fn a_wrapping_counter_and_a_stream_add_up() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let powercap = folder.path().join("powercap");
        let zone = |zone, label| FakeZone::new(&powercap, zone, label, RANGE_UJ);
        let package = zone("intel-rapl:0", "package-0");
        let core = zone("intel-rapl:0:0", "core");
        let (used_uj, is_over) = (AtomicU64::new(RANGE_UJ - 10_000), AtomicBool::new(false));
        let show = || {
            let used = used_uj.load(Ordering::Relaxed);
            package.show(used % RANGE_UJ);
            core.show(used / 2 % RANGE_UJ);
        };
        show();

        let path = folder.path().join("energy.db");
        let sensor = FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics"));
        let launch = sensor.set("WATTS", "gpu=3").launch();
        let choice = SourceChoice::Several(vec![SourceChoice::Rapl, SourceChoice::Powermetrics]);
        let builder = sensing(&path, choice, |options| {
            options.powercap = powercap;
            options.powermetrics = Some(launch);
        });
        let builder = builder.interval(Duration::from_millis(20));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Two wraps and more; no step is so large that it looks like a reset.
                while !is_over.load(Ordering::Relaxed) {
                    used_uj.fetch_add(40_000, Ordering::Relaxed);
                    show();
                    std::thread::sleep(Duration::from_millis(4));
                }
            });
            let used = || used_uj.load(Ordering::Relaxed);
            record_with(builder, || {
                while used() < 3 * RANGE_UJ {
                    tokens(20);
                }
            });
            is_over.store(true, Ordering::Relaxed);
        });

        let run = StoredRun::open(&path, "last");
        run.assert_closed();
        run.assert_balanced();
        let measured = |condition: &str| {
            run.number(&format!(
            "SELECT sum(b.measured_j) FROM balance b JOIN rails r ON r.run = b.run AND r.id = b.rail
             WHERE b.run = ?1 AND {condition}
             AND b.attribution = (SELECT max(id) FROM attributions WHERE run = ?1)"
        ))
        };
        let parts =
            ["package-0", "core", "gpu"].map(|name| measured(&format!("r.name = '{name}'")));
        let total = measured("r.parent IS NULL");
        assert!(
            (total - parts[0] - parts[2]).abs() < 1e-9 * total,
            "{total}: {parts:?}"
        );
        assert!(parts[1] < parts[0] && parts[2] > 0.0, "{parts:?}");
        assert!(run.events("wrap") >= 2, "{}", run.events("wrap"));
        assert_eq!(run.events("reset"), 0);
        // From just before its end around at least twice.
        assert!(parts[0] > 2.0 * RANGE_UJ as f64 / 1e6 * 0.9, "{parts:?}");
        let samples =
            "SELECT count(*) FROM samples WHERE run = ?1 AND energy_j IS NULL AND rail <= 2";
        assert_eq!(run.number(samples), 0.0, "no window is lost to a wrap");
    });
}
