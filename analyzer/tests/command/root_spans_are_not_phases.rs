//! A service whose requests are root spans without roles has no phases, even if an earlier
//! version wrote some, and counts spans, not polls.
//!
//! ```text
//! get   3 spans, polled 30 times   |====|  |=====|
//! put   1 span                        |======|
//! ```

use std::path::Path;

use crate::fixture::command::{energy, errors, text};
use rusqlite::Connection;
use serde_json::Value;
use tracing_energy::store::SqliteSink;

const ROWS: &str = "
INSERT INTO runs (no, uuid, name, status, pid, heartbeat_unix_ns, start_unix_ns, end_ns, version)
VALUES (1, '7a000000-0000-4000-8000-000000000001', 'service', 'complete', 1, 0,
        1795479656000000000, 4000000000, '0.1.0');
INSERT INTO rails VALUES
    (1, 1, 'rapl', 'package', NULL, 'package', 'uJ', 100000000, 'box', 'measured'),
    (1, 2, 'rapl', 'dram', NULL, 'dram', 'uJ', 100000000, 'box', 'measured');
INSERT INTO callsites VALUES
    (1, 1, 'get', 't', 'INFO', NULL, NULL, 'cpu', NULL),
    (1, 2, 'put', 't', 'INFO', NULL, NULL, 'cpu', NULL),
    (1, 3, 'row', 't', 'INFO', NULL, NULL, 'cpu', NULL);
INSERT INTO nodes (run, id, parent, callsite, label, depth) VALUES
    (1, 1, NULL, 1, 'get', 0), (1, 2, NULL, 2, 'put', 0), (1, 3, 1, 3, 'row', 1);
INSERT INTO attributions VALUES (1, 1, 'proportional', 1, '{}', NULL, '{}', 0);
INSERT INTO balance (run, attribution, rail, measured_j, idle_j, spans_j, outside_j, others_j,
                     profiler_j, residual_j, extrapolated_j, peak_w, peak_ns) VALUES
    (1, 1, 1, 20.0, 4.0, 14.0, 1.0, 1.0, 0.0, 0.0, 0.0, 6.0, 1000),
    (1, 1, 2, 8.0, 2.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 1000);
INSERT INTO node_energy
    (run, attribution, node, rail, self_j, lo_j, hi_j, inclusive_j, idle_j, self_ns,
     activations, instances, min_w, avg_w, peak_w, basis)
    VALUES
    (1, 1, 1, 1, 6.0, NULL, NULL, 10.0, 1.0, 900, 30, 3, NULL, NULL, NULL, 'proportional'),
    (1, 1, 2, 1, 4.0, NULL, NULL, 4.0, 1.0, 400, 1, 1, NULL, NULL, NULL, 'proportional'),
    (1, 1, 3, 1, 4.0, NULL, NULL, 4.0, 0.0, 100, 5, 5, NULL, NULL, NULL, 'proportional'),
    (1, 1, 1, 2, 6.0, NULL, NULL, 6.0, 1.0, 900, 30, 3, NULL, NULL, NULL, 'proportional');
";

/// Phases as they are written now, and as earlier versions wrote them.
const NOW: &str = "
INSERT INTO phase_energy (run, attribution, node, rail, duration_ns, energy_j, idle_j, spans_j,
                          peak_w) VALUES
    (1, 1, NULL, 1, 4000000000, 20.0, 4.0, 14.0, 6.0),
    (1, 1, NULL, 2, 4000000000, 8.0, 2.0, 6.0, 3.0);";
const BEFORE: &str = "
INSERT INTO phase_energy (run, attribution, node, rail, duration_ns, energy_j, idle_j, spans_j,
                          peak_w) VALUES
    (1, 1, 1, 1, 2500000000, 12.0, 2.5, 10.0, 6.0),
    (1, 1, 2, 1, 1000000000, 6.0, 1.0, 4.0, 6.0),
    (1, 1, NULL, 1, 500000000, 2.0, 0.5, 0.0, 5.0),
    (1, 1, 1, 2, 2500000000, 5.0, 1.25, 6.0, 3.0),
    (1, 1, 2, 2, 1000000000, 2.0, 0.5, 0.0, 3.0),
    (1, 1, NULL, 2, 500000000, 1.0, 0.25, 0.0, 2.5);";

fn recording(folder: &Path, phases: &str) {
    let path = folder.join("energy.db");
    drop(SqliteSink::create(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(ROWS).unwrap();
    connection.execute_batch(phases).unwrap();
}

fn json(folder: &Path, words: &[&str]) -> Value {
    let words: Vec<&str> = words.iter().copied().chain(["--format", "json"]).collect();
    serde_json::from_str(&text(&energy(folder, &words))).unwrap()
}

#[test]
fn a_summary_lists_root_spans_by_energy_with_counts_of_spans() {
    for phases in [NOW, BEFORE] {
        let folder = tempfile::tempdir().unwrap();
        recording(folder.path(), phases);
        let summary = json(folder.path(), &["summary"]);
        assert_eq!(summary["phases"], serde_json::json!([]));
        assert_eq!(summary["totals"]["energy_j"], 28.0);
        assert_eq!(summary["totals"]["duration_ns"], 4_000_000_000_i64);
        let roots = summary["roots"].as_array().unwrap();
        let shown: Vec<_> = roots
            .iter()
            .map(|root| {
                (
                    root["name"].as_str().unwrap(),
                    &root["energy_j"],
                    &root["instances"],
                )
            })
            .collect();
        assert_eq!(shown[0].0, "get");
        assert_eq!((shown[0].1, shown[0].2), (&18.0.into(), &3.into()));
        assert_eq!((shown[1].0, shown[1].1), ("put", &5.0.into()));
        assert!(roots.iter().all(|root| root["share"].is_null()));
        assert_eq!(summary["hottest"][0]["instances"], 3);
        assert_eq!(summary["hottest"][0]["activations"], 30);

        let table = text(&energy(folder.path(), &["summary"]));
        assert!(table.contains("Root spans"), "{table}");
        assert!(
            !table.contains("\nPhases") && !table.contains("30"),
            "{table}"
        );
    }
}

#[test]
fn a_pipeline_without_phases_lists_root_spans() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), BEFORE);
    let rows = json(folder.path(), &["pipeline"])["pipeline"].clone();
    let rows = rows.as_array().unwrap();
    assert!(rows.iter().all(|row| row["phase"].is_null()));
    assert_eq!(rows[0]["root"], "get");
    assert_eq!(
        (&rows[0]["instances"], &rows[0]["activations"]),
        (&3.into(), &30.into())
    );
    let sum: f64 = rows
        .iter()
        .filter_map(|row| row["share_of_run"].as_f64())
        .sum();
    assert!((sum - 1.0).abs() < 1e-12, "{sum}");
}

#[test]
fn an_unknown_phase_is_refused_with_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), BEFORE);
    for words in [
        &["summary", "--phase", "get"][..],
        &["pipeline", "--phase", "get"],
        &["hot", "--phase", "get"],
        &["flamegraph", "--phase", "get", "--folded", "-"],
    ] {
        let output = energy(folder.path(), words);
        assert!(!output.status.success(), "{words:?}");
        assert!(
            errors(&output).contains("no span has the role `phase`"),
            "{}",
            errors(&output)
        );
    }
}

#[test]
fn an_average_never_exceeds_its_peak() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), BEFORE);
    let connection = Connection::open(folder.path().join("energy.db")).unwrap();
    connection
        .execute("UPDATE callsites SET role = 'phase' WHERE id < 3", [])
        .unwrap();
    // 7 W on average on both rails together, 6 W at most on one of them.
    for rail in [None, Some("package")] {
        let words: Vec<&str> = ["summary"]
            .into_iter()
            .chain(rail.map(|_| "--rail"))
            .chain(rail)
            .collect();
        let summary = json(folder.path(), &words);
        let phases = summary["phases"].as_array().unwrap();
        assert_eq!(phases.len(), 3, "{rail:?}");
        for phase in phases {
            let peak = phase["peak_w"].as_f64();
            assert_eq!(peak.is_some(), rail.is_some(), "{phase}");
            assert!(
                peak.is_none_or(|peak| phase["avg_w"].as_f64().unwrap() <= peak),
                "{phase}"
            );
        }
    }
}
