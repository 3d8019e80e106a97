//! A counter that jumps back, jumps by an impossible amount, disappears and reappears:
//! each fault is reported and invalidates the affected windows only.
#![cfg(target_os = "linux")]

use std::cell::Cell;
use std::time::Duration;

use energy_power::SourceChoice;
use energy_tests::{FakeZone, StoredRun, record_with, sensing, tokens, until};
use tracing_energy::MemorySink;

/// Spent in each step of the work, which takes a millisecond or so.
const STEP_UJ: u64 = 10_000;

/// Twenty kilojoules: a million watts for one window.
const JUMP_UJ: u64 = 20_000_000_000;

#[test]
fn a_faulty_sensor_costs_its_windows_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let powercap = folder.path().join("powercap");
    let zone = FakeZone::new(&powercap, "intel-rapl:0", "package-0", 262_143_328_850);
    let (shown_uj, spent_uj) = (Cell::new(50_000_000_u64), Cell::new(0_u64));
    let show = || zone.show(shown_uj.get());
    show();

    let path = folder.path().join("energy.db");
    let memory = MemorySink::new();
    let builder = sensing(&path, SourceChoice::Rapl, |options| {
        options.powercap = powercap
    })
    .sink(memory.clone())
    .interval(Duration::from_millis(20));
    let step = |is_seen: bool| {
        tokens(2);
        shown_uj.set(shown_uj.get() + STEP_UJ);
        spent_uj.set(spent_uj.get() + STEP_UJ);
        if is_seen {
            show();
        }
    };
    let is_reported = |kind: &str| memory.rows().events.iter().any(|event| event.kind == kind);
    let steps = |count: usize| (0..count).for_each(|_| step(true));
    record_with(builder, || {
        steps(200);
        shown_uj.set(shown_uj.get() - 1_000_000);
        until("the reset is detected", || {
            step(true);
            is_reported("reset")
        });
        steps(100);
        shown_uj.set(shown_uj.get() + JUMP_UJ);
        until("the jump is detected", || {
            step(true);
            is_reported("jump")
        });
        steps(100);
        std::fs::remove_file(&zone.counter).expect("it was there");
        until("it is missed", || {
            step(false);
            is_reported("unreadable")
        });
        show();
        steps(300);
    });

    let run = StoredRun::open(&path, "last");
    run.assert_closed();
    run.assert_balanced();
    for kind in ["reset", "jump", "unreadable"] {
        assert_eq!(run.events(kind), 1, "{kind}");
    }
    let sample = |what: &str| run.number(&format!("SELECT {what} FROM samples WHERE run = ?1"));
    let lost = sample("count(*) - count(energy_j)");
    assert!(lost >= 3.0, "a window of each fault is unknown: {lost}");
    let measured = sample("sum(energy_j)");
    let spent = spent_uj.get() as f64 / 1e6;
    // The first 200 steps without their last window, and most of the last 300.
    assert!(
        measured > 3.0 && measured <= spent,
        "{measured} of {spent} J"
    );
    let most = sample("max(energy_j * 1e9 / (end_ns - start_ns))");
    assert!(most < 1_000.0, "{most} W");
}
