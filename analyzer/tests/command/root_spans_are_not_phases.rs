//! A service whose requests are root spans without roles has no phases, even if an earlier
//! version wrote some, and counts spans, not polls.
//!
//! ```text
//! get   3 spans, polled 30 times   |====|  |=====|
//! put   1 span                        |======|
//! ```

use std::path::Path;

use crate::fixture;
use crate::fixture::command::{energy, errors, json, text};
use crate::fixture::rows::{self, accounts, callsite, known_phase, node, node_energy};
use energy_data::rows::*;
use energy_power::RailKind;
use rusqlite::Connection;
use tracing_energy::Batch;

/// A row of a phase: node, rail, seconds, energy, idle energy, energy of spans, peak.
type Phase = (Option<u32>, u32, f64, [f64; 4]);

/// Phases as they are written now, and as earlier versions wrote them.
const NOW: &[Phase] = &[
    (None, 1, 4.0, [20.0, 4.0, 14.0, 6.0]),
    (None, 2, 4.0, [8.0, 2.0, 6.0, 3.0]),
];
const BEFORE: &[Phase] = &[
    (Some(1), 1, 2.5, [12.0, 2.5, 10.0, 6.0]),
    (Some(2), 1, 1.0, [6.0, 1.0, 4.0, 6.0]),
    (None, 1, 0.5, [2.0, 0.5, 0.0, 5.0]),
    (Some(1), 2, 2.5, [5.0, 1.25, 6.0, 3.0]),
    (Some(2), 2, 1.0, [2.0, 0.5, 0.0, 3.0]),
    (None, 2, 0.5, [1.0, 0.25, 0.0, 2.5]),
];

fn recording(folder: &Path, phases: &[Phase]) {
    let run = RunRow {
        end_ns: Some(4_000_000_000),
        metadata: RunMetadata {
            name: Some("service".into()),
            ..RunMetadata::default()
        },
        ..rows::run("7a000000-0000-4000-8000-000000000001")
    };
    let batch = Batch {
        run: Some(run),
        rails: vec![
            RailRow {
                kind: RailKind::Package,
                ..rows::rail(1, "package", None)
            },
            RailRow {
                kind: RailKind::Dram,
                ..rows::rail(2, "dram", None)
            },
        ],
        callsites: vec![
            callsite(1, "get", None),
            callsite(2, "put", None),
            callsite(3, "row", None),
        ],
        nodes: vec![
            node(1, None, 1, "get", 0),
            node(2, None, 2, "put", 0),
            node(3, Some(1), 3, "row", 1),
        ],
        attribution: attribution(phases),
        ..Batch::default()
    };
    fixture::write(&folder.join("energy.db"), &[batch]);
}

fn attribution(phases: &[Phase]) -> AttributionRows {
    let balance = |rail, parts, peak_w| BalanceRow {
        accounts: accounts(parts),
        peak_w: Some(peak_w),
        peak_ns: Some(1000),
        ..rows::balance(rail, 0.0)
    };
    let node =
        |node, rail, [self_j, inclusive_j, idle_j]: [f64; 3], self_ns, counts: (u64, u64)| {
            NodeEnergyRow {
                inclusive_j,
                idle_j: Some(idle_j),
                activations: counts.0,
                instances: counts.1,
                ..node_energy(node, rail, self_j, self_ns)
            }
        };
    let phases = phases.iter().map(|&(node, rail, seconds, parts)| {
        let duration_ns = (seconds * 1e9) as i64;
        known_phase(node, rail, duration_ns, parts)
    });
    AttributionRows {
        head: Some(rows::head(1, "proportional")),
        balance: vec![
            balance(1, [20.0, 4.0, 14.0, 1.0, 1.0, 0.0, 0.0], 6.0),
            balance(2, [8.0, 2.0, 6.0, 0.0, 0.0, 0.0, 0.0], 3.0),
        ],
        node_energy: vec![
            node(1, 1, [6.0, 10.0, 1.0], 900, (30, 3)),
            node(2, 1, [4.0, 4.0, 1.0], 400, (1, 1)),
            node(3, 1, [4.0, 4.0, 0.0], 100, (5, 5)),
            node(1, 2, [6.0, 6.0, 1.0], 900, (30, 3)),
        ],
        phase_energy: phases.collect(),
        ..AttributionRows::default()
    }
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
