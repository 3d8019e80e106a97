//! The Chrome trace parses, nests, has energies and matches the golden file (`BLESS=1`
//! rewrites it).

use std::collections::BTreeMap;

use crate::store_support::{MS, attributed, recording, span};
use energy_data::rows::SampleRow;
use proptest::prelude::*;
use serde_json::Value;
use tracing_energy::chrome::ChromeSink;
use tracing_energy::{Batch, MemorySink, Sink};

fn fixed(mut batch: Batch) -> Batch {
    let run = batch.run.as_mut().expect("a run");
    run.pid = 42;
    batch
}

fn trace(batches: &[Batch]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("trace.json");
    let mut sink = ChromeSink::create(&path).expect("a new file");
    for batch in batches {
        sink.write(batch).expect("written");
    }
    sink.finish().expect("finished");
    std::fs::read_to_string(&path).expect("readable")
}

fn events(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_trace_matches_the_golden_file() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/chrome.json");
    let text = trace(&[fixed(attributed("a"))]);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"))
            .expect("a folder");
        std::fs::write(golden, &text).expect("written");
    }
    assert_eq!(
        text,
        std::fs::read_to_string(golden).expect("BLESS=1 writes it")
    );
}

#[test]
fn slices_wait_up_to_three_intervals_for_their_windows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("trace.json");
    let mut sink = ChromeSink::create(&path).expect("a new file");
    let slices = || {
        let text = std::fs::read_to_string(&path).expect("readable") + "\n]";
        events(&text)
            .into_iter()
            .filter(|e| e["ph"] == "X")
            .collect::<Vec<_>>()
    };
    sink.write(&Batch {
        time_ns: 90 * MS,
        ..fixed(recording("a"))
    })
    .expect("written");
    assert_eq!(slices().len(), 0);
    let mut attribution = crate::store_support::attribution();
    attribution
        .window_power
        .retain(|row| row.end_ns <= 100 * MS);
    attribution.sample_balance.clear();
    attribution.window_power.retain(|row| row.rail != 2);
    sink.write(&Batch {
        attribution,
        time_ns: 300 * MS,
        ..Batch::default()
    })
    .expect("written");
    // Layer 0 and prefill end in the first window: 12.5 W.
    let closed = slices();
    assert_eq!(closed.len(), 2);
    let energy = closed[0]["args"]["energy_j"].as_f64().expect("a number");
    assert!((energy - 0.07 * 12.5).abs() < 1e-12);
    sink.write(&Batch {
        time_ns: 690 * MS,
        ..Batch::default()
    })
    .expect("written");
    let late = slices();
    assert_eq!(late.len(), 8, "the run's own span ended 290 ms before");
    assert!(late[2]["args"].get("energy_j").is_none());
    sink.finish().expect("finished");
}

/// Idle power is measured before the run. Viewers drop events before zero and warn of lost
/// data.
#[test]
fn no_event_is_before_zero() {
    let counters = |events: &[Value]| events.iter().filter(|e| e["ph"] == "C").count();
    let mut batch = fixed(attributed("a"));
    let before = counters(&events(&trace(&[batch.clone()])));
    let samples = batch.samples.clone();
    for (at, length) in [
        (-200 * MS, 100 * MS),
        (-60 * MS, 60 * MS),
        (-40 * MS, 100 * MS),
    ] {
        let early = samples.iter().take(1).map(|sample| SampleRow {
            start_ns: at,
            end_ns: at + length,
            ..*sample
        });
        batch.samples.extend(early);
    }
    let events = events(&trace(&[batch]));
    let mut times = events.iter().filter_map(|event| event["ts"].as_f64());
    assert!(before > 0 && times.all(|ts| ts >= 0.0));
    let now = counters(&events);
    assert_eq!(now, before + 1, "one of three reaches into the run");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_reported_once() {
    let mut sink = ChromeSink::create("/dev/full").expect("opens");
    let message = sink
        .write(&fixed(attributed("a")))
        .expect_err("reported")
        .to_string();
    assert!(
        message.contains("/dev/full") && message.contains("space"),
        "{message}"
    );
    assert_eq!(sink.write(&fixed(attributed("a"))), Ok(()));
    assert_eq!(sink.finish(), Ok(()));
}

#[test]
fn spans_print_as_a_tree() {
    let mut sink = MemorySink::new();
    let mut batch = recording("a");
    batch.spans[0].end_ns = None;
    batch.spans.push(span(10, 3, Some(2), 91, 92));
    sink.write(&batch).expect("kept");
    assert_eq!(
        sink.tree(),
        "inference (open)\n  prefill\n    layer 0 x2\n  decode\n    token x2\n      layer 0\n      layer 1\n        layer 9\n"
    );
    sink.write(&Batch {
        attribution: crate::store_support::attribution(),
        ..recording("a")
    })
    .expect("kept");
    assert!(
        sink.tree()
            .starts_with("inference 1.250 J\n  prefill 2.500 J\n")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn parses_and_nests(names in prop::collection::vec("[\\x00-\\x7f\u{1f600}-\u{1f64f}]*", 1..5), lengths in prop::collection::vec(1..1_000_i64, 1..40)) {
        let mut batch = fixed(recording("a"));
        batch.nodes.iter_mut().zip(names.iter().cycle()).for_each(|(node, name)| node.label.clone_from(name));
        // Each second span lies in the one before it.
        let mut at = 0;
        batch.spans = (1..).zip(&lengths).map(|(seq, &ns)| {
            let mut row = span(seq, 1 + (seq % 8) as u32, None, 0, 0);
            row.start_ns = if seq % 2 == 0 { at - ns } else { at };
            at = at.max(row.start_ns + 1_000);
            row.end_ns = Some(if seq % 2 == 0 { row.start_ns + ns } else { row.start_ns + 1_000 });
            row
        }).collect();
        let mut by_thread: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for event in events(&trace(&[batch])).iter().filter(|e| e["ph"] == "X") {
            let (ts, dur) = (event["ts"].as_f64(), event["dur"].as_f64());
            let start = (ts.expect("a number") * 1e3).round();
            by_thread.entry(event["tid"].to_string()).or_default().push((start, start + (dur.expect("a number") * 1e3).round()));
        }
        for slices in by_thread.values() {
            for (i, a) in slices.iter().enumerate() {
                for b in &slices[i + 1..] {
                    let apart = a.1 <= b.0 || b.1 <= a.0;
                    let inside = (a.0 <= b.0 && b.1 <= a.1) || (b.0 <= a.0 && a.1 <= b.1);
                    prop_assert!(apart || inside, "{:?} {:?}", a, b);
                }
            }
        }
        prop_assert_eq!(by_thread.values().map(Vec::len).sum::<usize>(), lengths.len());
    }
}
