//! A power recording whose samples are out of order, overlap or have no length: they are
//! sorted, counted in a warning, and the remaining energy balances.

use std::time::Duration;

use energy_power::SourceChoice;
use energy_tests::{StoredRun, burn, record_with, until};
use tracing::info_span;
use tracing_energy::EnergyLayer;
use tracing_energy::MemorySink;

/// A sample each 50 ms of 100 mJ; then the faults.
fn table() -> String {
    let mut rows = vec!["t_start_ns,t_end_ns,rail,energy_mj".to_owned()];
    let row = |start_ms: i64, end_ms: i64, energy: &str| {
        format!(
            "{},{},cpu,{energy}",
            start_ms * 1_000_000,
            end_ms * 1_000_000
        )
    };
    rows.extend((0..6).map(|at| row(at * 50, at * 50 + 50, "100")));
    // Two in the wrong order.
    rows.push(row(350, 400, "100"));
    rows.push(row(300, 350, "100"));
    // One repeated, one without length, one that overlaps the previous one by 25 ms.
    rows.push(row(350, 400, "100"));
    rows.push(row(400, 400, "100"));
    rows.push(row(375, 450, "150"));
    // One of unknown energy.
    rows.push(row(450, 500, ""));
    rows.push(row(500, 550, "100"));
    rows.join("\n")
}

#[test]
fn replayed_samples_in_disorder_balance() {
    let folder = tempfile::tempdir().expect("a folder");
    let power = folder.path().join("power.csv");
    std::fs::write(&power, table()).expect("written");
    let path = folder.path().join("energy.db");
    let memory = MemorySink::new();
    let builder = EnergyLayer::builder()
        .database(&path)
        .sink(memory.clone())
        .source(SourceChoice::Replay(power));
    let summary = record_with(builder, || {
        let played = || {
            let events = memory.rows().events;
            events
                .iter()
                .any(|event| event.message.contains("played to its end"))
        };
        info_span!("inference").in_scope(|| {
            until("the recording's end", || {
                burn(Duration::from_millis(20));
                played()
            });
        });
    });
    let run = StoredRun::open(&path, "last");
    run.assert_whole(1);
    for (kind, count) in [
        ("unsorted", 1),
        ("duplicate", 1),
        ("zero_length", 1),
        ("overlap", 1),
    ] {
        assert_eq!(run.events(kind), 1, "{kind}");
        let expected = format!("recording: {count} samples");
        assert!(
            summary
                .warnings
                .iter()
                .any(|text| text.starts_with(&expected))
        );
    }
    assert_eq!(run.events("dropped_sample"), 0, "{:?}", summary.warnings);

    // Nine whole samples, and two thirds of the one that overlapped.
    let given = run.number("SELECT sum(energy_j) FROM samples WHERE run = ?1");
    assert!((given - 1.0).abs() < 1e-9, "{given} J");
    // Samples before the run's start are not part of it.
    let inside = run.number(
        "SELECT sum(energy_j * (end_ns - max(start_ns, 0)) / (end_ns - start_ns))
         FROM samples WHERE run = ?1 AND end_ns > 0",
    );
    let measured = summary.measured_j().expect("measured");
    assert!(
        (measured - inside).abs() < 1e-9,
        "{measured} J of {inside} J"
    );
    let sql = "SELECT count(*) FROM samples WHERE run = ?1";
    assert_eq!(run.number(sql), 11.0);
    let overlaps = "
        SELECT count(*) FROM samples a JOIN samples b ON b.run = a.run AND b.rail = a.rail
        AND b.start_ns > a.start_ns AND b.start_ns < a.end_ns WHERE a.run = ?1";
    assert_eq!(run.number(overlaps), 0.0);
    assert_eq!(
        run.number("SELECT count(*) FROM samples WHERE run = ?1 AND energy_j IS NULL"),
        1.0
    );
}
