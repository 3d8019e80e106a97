//! A program's work before its first span is its own work, not idle power.

use std::time::Duration;

use energy_power::SourceChoice;
use energy_tests::{FakeSensor, StoredRun, burn, record_with};
use tracing::info_span;
use tracing_energy::EnergyLayer;

/// A second and a half before a span, in which the program does that, at constant power.
fn record_after(before: impl FnOnce()) -> (tempfile::TempDir, StoredRun) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let sensor = FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics")).set("WATTS", "cpu=9");
    let launch = sensor.launch();
    let builder = EnergyLayer::builder()
        .database(&path)
        .source(SourceChoice::Powermetrics)
        .interval(Duration::from_millis(100))
        .source_options(|options| options.powermetrics = Some(launch));
    record_with(builder, || {
        before();
        info_span!("work").in_scope(|| burn(Duration::from_millis(500)));
    });
    let run = StoredRun::open(&path, "last");
    run.assert_closed();
    run.assert_balanced();
    (folder, run)
}

#[test]
fn own_work_before_the_first_span_is_not_idle_power() {
    crate::undisturbed(|| {
        let (_folder, run) = record_after(|| burn(Duration::from_millis(1_800)));
        assert_eq!(run.events("own_work_in_baseline"), 1);
        let known = "SELECT count(*) FROM baselines WHERE run = ?1";
        assert_eq!(run.number(known), 0.0);
        assert_eq!(
            run.number("SELECT count(idle_j) FROM balance WHERE run = ?1"),
            0.0
        );
        // 9 W for half a second belong to the span, less the CPU time of other programs.
        let spans_j = run.number("SELECT max(spans_j) FROM balance WHERE run = ?1");
        assert!(spans_j > 1.0, "{spans_j} J");

        let (_folder, run) = record_after(|| std::thread::sleep(Duration::from_millis(1_800)));
        assert_eq!(run.events("own_work_in_baseline"), 0);
        assert!(run.number(known) > 0.0);
    });
}
