//! `energy requests`: a request is the instance of a span with all spans below it, on all threads.

use std::path::Path;

use crate::fixture;
use crate::fixture::command::{energy, errors, json, text};
use crate::fixture::rows::{self, MS, accounts, callsite, node, node_energy, span};
use energy_data::rows::*;
use proptest::prelude::*;
use serde_json::Value;
use tracing_energy::Batch;

/// Nodes: two kinds of requests, and what both start.
const GET: u32 = 1;
const PUT: u32 = 2;
const ROW: u32 = 3;

/// Power of each thread in each window of 100 ms, in watts.
type Powers = Vec<(u32, Vec<f64>)>;

fn write(folder: &Path, spans: Vec<SpanRow>, instances: Vec<InstanceRow>, powers: &Powers) {
    let windows = powers.iter().flat_map(|(thread, watts)| {
        (0..).zip(watts).map(|(at, power_w)| WindowPowerRow {
            rail: 1,
            start_ns: at * 100 * MS,
            end_ns: (at + 1) * 100 * MS,
            thread: Some(*thread),
            kind: None,
            power_w: *power_w,
        })
    });
    // Half a core each.
    let cpu = powers.iter().map(|(thread, watts)| CpuRow {
        scope: CpuScope::Thread(*thread),
        start_ns: 0,
        end_ns: watts.len() as i64 * 100 * MS,
        on_cpu_ns: watts.len() as i64 * 50 * MS,
    });
    let fields = spans
        .iter()
        .filter(|row| row.parent.is_none())
        .map(|row| FieldsRow {
            span: row.seq,
            json: format!(
                r#"{{"status":{},"user":"u{}"}}"#,
                200 + row.seq % 2,
                row.seq
            ),
        });
    let batch = Batch {
        run: Some(RunRow {
            end_ns: Some(1_000 * MS),
            ..rows::run("7a000000-0000-4000-8000-000000000002")
        }),
        rails: vec![rows::rail(1, "package", None)],
        callsites: vec![
            callsite(1, "get", None),
            callsite(2, "put", None),
            callsite(3, "row", None),
        ],
        nodes: vec![
            node(GET, None, 1, "get /a", 0),
            node(PUT, None, 2, "put /b", 0),
            node(ROW, Some(GET), 3, "row", 1),
        ],
        cpu: cpu.collect(),
        fields: fields.collect(),
        instances,
        attribution: AttributionRows {
            head: Some(rows::head(1, "proportional")),
            window_power: windows.collect(),
            balance: vec![BalanceRow {
                accounts: accounts([10.0, 2.0, 5.0, 1.0, 1.0, 0.5, 0.5]),
                ..rows::balance(1, 0.0)
            }],
            node_energy: vec![node_energy(GET, 1, 4.0, 1), node_energy(PUT, 1, 1.0, 1)],
            ..AttributionRows::default()
        },
        spans,
        ..Batch::default()
    };
    fixture::write(&folder.join("energy.db"), &[batch]);
}

fn on(thread: u32, parent: Option<u64>, row: SpanRow) -> SpanRow {
    SpanRow {
        thread,
        parent,
        ..row
    }
}

/// ```text
/// thread 1   |get, polled|put|get, polled again|          10 W, 4 W, 10 W
/// thread 2       |row  of get|                            2 W, 6 W
/// ```
fn service(folder: &Path) {
    let polled = |row: SpanRow| SpanRow {
        instance: Some(7),
        ..row
    };
    let spans = vec![
        polled(span(1, GET, 0, 100 * MS)),
        on(2, Some(1), span(2, ROW, 50 * MS, 150 * MS)),
        span(3, PUT, 100 * MS, 200 * MS),
        polled(span(4, GET, 200 * MS, 300 * MS)),
    ];
    let instance = InstanceRow {
        id: 7,
        callsite: 1,
        parent: None,
        created_ns: 0,
        closed_ns: Some(320 * MS),
    };
    let powers = vec![(1, vec![10.0, 4.0, 10.0]), (2, vec![2.0, 6.0, 0.0])];
    write(folder, spans, vec![instance], &powers);
}

fn number(row: &Value, key: &str) -> f64 {
    row[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{key} of {row}"))
}

fn is_close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 * expected.abs().max(1.0)
}

#[test]
fn a_request_is_all_its_polls_and_what_they_started() {
    let folder = tempfile::tempdir().unwrap();
    service(folder.path());
    let found = json(folder.path(), &["requests"]);
    let rows = found["requests"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{found}");
    let (get, put) = (&rows[0], &rows[1]);
    assert_eq!(
        (&get["request"], &put["request"]),
        (&"get /a".into(), &"put /b".into())
    );
    // Polls 1 J + 1 J, and on the other thread 0.1 J + 0.3 J.
    assert!(is_close(number(get, "mean_j"), 2.4), "{get}");
    assert!(is_close(number(put, "mean_j"), 0.4), "{put}");
    assert!(is_close(number(get, "share"), 2.4 / 5.0), "{get}");
    assert_eq!(
        (&get["count"], &get["open"], &get["unknown"]),
        (&1.into(), &0.into(), &0.into())
    );
    assert_eq!(get["duration_p50_ns"], 320 * MS);
    assert_eq!(put["duration_p50_ns"], 100 * MS);
    // Half a core on three intervals of 100 ms.
    assert_eq!(get["cpu_mean_ns"], 150 * MS);
    assert_eq!(get["rails_j"]["package"], get["mean_j"]);
    assert!(get["lo_j"].is_null(), "one request has no interval");
    assert_eq!(found["costliest"][0]["fields"]["user"], "u1");
    let table = text(&energy(folder.path(), &["requests"]));
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    assert!(table.contains("outside of spans: 1.000 J"), "{table}");
}

#[test]
fn requests_are_divided_by_fields_names_and_time() {
    let folder = tempfile::tempdir().unwrap();
    service(folder.path());
    let names = |arguments: &[&str]| -> Vec<String> {
        let found = json(folder.path(), &[&["routes"], arguments].concat());
        let rows = found["requests"].as_array().unwrap().iter();
        rows.map(|row| row["request"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names(&["--by", "status"]),
        ["get /a status=201", "put /b status=201"]
    );
    assert_eq!(
        names(&["--by", "status,missing"])[1],
        "put /b missing=- status=201"
    );
    assert_eq!(names(&["--window", "50ms..150ms"]), ["put /b"]);
    assert_eq!(names(&["--since", "950ms"]), ["put /b"]);
    assert_eq!(names(&["--span", "row"]), ["row"]);
    assert_eq!(names(&["--rail", "package"]).len(), 2);
    for (wrong, known) in [
        (["--span", "nothing"], "get, put, row"),
        (["--rail", "dram"], "package"),
    ] {
        let refused = errors(&energy(
            folder.path(),
            &[&["requests"], &wrong[..]].concat(),
        ));
        assert!(refused.contains(known), "{refused}");
    }
}

#[test]
fn requests_that_have_not_ended_are_counted_apart() {
    let folder = tempfile::tempdir().unwrap();
    let open = SpanRow {
        end_ns: None,
        ..span(2, GET, 100 * MS, 0)
    };
    let spans = vec![span(1, GET, 0, 100 * MS), open];
    write(folder.path(), spans, Vec::new(), &vec![(1, vec![1.0; 10])]);
    let found = json(folder.path(), &["requests"]);
    let row = &found["requests"][0];
    assert_eq!((&row["count"], &row["open"]), (&1.into(), &1.into()));
    assert!(is_close(number(row, "max_j"), 0.1), "{row}");
}

#[test]
fn requests_that_were_not_measured_are_counted_apart() {
    let folder = tempfile::tempdir().unwrap();
    let late = span(2, GET, 900 * MS, 950 * MS);
    let spans = vec![span(1, GET, 0, 100 * MS), late];
    write(folder.path(), spans, Vec::new(), &vec![(1, vec![1.0; 5])]);
    let found = json(folder.path(), &["requests"]);
    let row = &found["requests"][0];
    assert_eq!((&row["count"], &row["unknown"]), (&2.into(), &1.into()));
    assert!(is_close(number(row, "mean_j"), 0.1), "{row}");
    let table = text(&energy(folder.path(), &["requests"]));
    assert!(
        table.contains("1 request of which less than 99 %"),
        "{table}"
    );
}

/// Spans one after the other on each thread, each within an earlier one or none.
fn drawn() -> impl Strategy<Value = (Vec<SpanRow>, Powers)> {
    let powers = prop::collection::vec(prop::collection::vec(0.0..20.0_f64, 10), 3);
    let spans = prop::collection::vec(
        (
            1..4_u32,
            1..60_i64,
            any::<prop::sample::Index>(),
            any::<bool>(),
        ),
        1..30,
    );
    (spans, powers).prop_map(|(drawn, powers)| {
        let (mut ends, mut rows) = ([0_i64; 4], Vec::<SpanRow>::new());
        for (thread, length, parent, is_root) in drawn {
            let at = thread as usize;
            let (start, end) = (ends[at], (ends[at] + length).min(1_000));
            ends[at] = end;
            let outer = (!is_root && !rows.is_empty()).then(|| parent.index(rows.len()));
            let node = match outer {
                Some(_) => ROW,
                None => 1 + thread % 2,
            };
            let parent = outer.map(|outer| rows[outer].seq);
            // Numbers ascend with starts: times of threads are shifted against each other below.
            let seq = rows.len() as u64 + 1;
            rows.push(on(thread, parent, span(seq, node, start * MS, end * MS)));
        }
        (sorted(rows), (1..).zip(powers).collect())
    })
}

/// Numbers spans by their starts.
fn sorted(mut rows: Vec<SpanRow>) -> Vec<SpanRow> {
    let parents: Vec<Option<usize>> = rows
        .iter()
        .map(|row| row.parent.map(|parent| parent as usize - 1))
        .collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|at| rows[*at].start_ns);
    let mut seq = vec![0_u64; rows.len()];
    for (place, at) in order.iter().enumerate() {
        seq[*at] = place as u64 + 1;
    }
    for (at, row) in rows.iter_mut().enumerate() {
        row.seq = seq[at];
        // A parent begins before its child.
        row.parent = parents[at]
            .map(|parent| seq[parent])
            .filter(|parent| *parent < seq[at]);
        if row.parent.is_none() && row.node == ROW {
            row.node = GET;
        }
    }
    rows.sort_by_key(|row| row.seq);
    rows
}

fn energy_of(row: &SpanRow, powers: &Powers) -> f64 {
    let watts = &powers
        .iter()
        .find(|(thread, _)| *thread == row.thread)
        .unwrap()
        .1;
    let overlap = |at: i64| {
        let (from, until) = (at * 100 * MS, (at + 1) * 100 * MS);
        (row.end_ns.unwrap().min(until) - row.start_ns.max(from)).max(0)
    };
    (0..)
        .zip(watts)
        .map(|(at, power)| power * overlap(at) as f64 / 1e9)
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn energies_of_requests_are_those_of_their_trees((spans, powers) in drawn()) {
        let folder = tempfile::tempdir().unwrap();
        let root_of = |row: &SpanRow| {
            let mut row = *row;
            while let Some(parent) = row.parent {
                row = spans[parent as usize - 1];
            }
            row.seq
        };
        let mut expected = std::collections::BTreeMap::<u64, f64>::new();
        for row in &spans {
            *expected.entry(root_of(row)).or_default() += energy_of(row, &powers);
        }
        write(folder.path(), spans.clone(), Vec::new(), &powers);
        let found = json(folder.path(), &["requests", "--costliest", "1000"]);
        let found = found["costliest"].as_array().unwrap();
        prop_assert_eq!(found.len(), expected.len());
        for row in found {
            let wanted = expected[&row["span"].as_u64().unwrap()];
            prop_assert!(is_close(number(row, "energy_j"), wanted), "{} {}", row, wanted);
        }
    }
}
