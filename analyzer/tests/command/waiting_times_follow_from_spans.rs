//! Times until the first token and per further token, and their energies, follow from the spans of
//! requests, phases and tokens.

use std::path::Path;

use energy_data::rows::{Role, SpanRow};
use serde_json::{Value, json};
use tracing_energy::Batch;

use crate::fixture;
use crate::fixture::command::{energy, text};
use crate::fixture::rows::{callsite, node, span, span_energy};

const MS: i64 = 1_000_000;

/// Adds nodes of tokens within decode. Prefill has 1 s and 5 J in the fixture, decode 2 s and 10 J.
fn with_tokens(batch: &mut Batch) {
    batch
        .callsites
        .push(callsite(5, "token", Some(Role::Token)));
    batch.nodes.push(node(5, Some(3), 5, "token", 2));
    // Programs may have tokens elsewhere, too.
    batch.nodes.push(node(6, Some(2), 5, "token", 2));
}

/// Adds a span of a node, and its energy.
fn add(batch: &mut Batch, (node, thread): (u32, u32), from_ms: i64, to_ms: i64, joules: f64) {
    let seq = batch.spans.len() as i64 + 1;
    let row = SpanRow {
        thread,
        ..span(seq as _, node, from_ms * MS, to_ms * MS)
    };
    batch.spans.push(row);
    let energies = &mut batch.attribution.span_energy;
    energies.push(span_energy(
        seq as _,
        1,
        (to_ms - from_ms) * MS,
        Some(joules),
    ));
}

/// Adds spans of tokens on a thread, `step_ms` each, with keys.
fn add_tokens(batch: &mut Batch, thread: u32, from_ms: i64, step_ms: i64, keys: &[i64]) {
    for (at, key) in (0..).zip(keys) {
        let start_ms = from_ms + at * step_ms;
        add(batch, (5, thread), start_ms, start_ms + step_ms, 0.5);
        batch.spans.last_mut().unwrap().token = Some(*key);
    }
}

fn latency(change: impl FnOnce(&mut Batch)) -> Value {
    let folder = tempfile::tempdir().unwrap();
    fixture::changed(folder.path(), "measured", |batch| {
        with_tokens(batch);
        change(batch);
    });
    summary(folder.path())["latency"].clone()
}

fn summary(folder: &Path) -> Value {
    fixture::command::json(folder, &["summary"])
}

fn unknown(requests: i64) -> Value {
    json!({"requests": requests, "ttft_ns": null, "ttft_j": null, "tpot_ns": null, "tpot_j": null})
}

#[test]
fn the_first_token_ends_the_wait_and_the_others_share_decode() {
    let found = latency(|batch| {
        add(batch, (1, 1), 100, 3600, 15.5);
        add(batch, (6, 1), 200, 300, 0.1);
        add(batch, (5, 1), 1100, 1200, 0.5);
        // Tokens end at 3.1 s, and the request 0.5 s later.
        add_tokens(batch, 1, 1200, 100, &(1..20).collect::<Vec<i64>>());
    });
    let expected = json!({"requests": 1, "ttft_ns": 1100 * MS, "ttft_j": 5.5,
                          "tpot_ns": 100 * MS, "tpot_j": 0.5});
    assert_eq!(found, expected);
}

#[test]
fn waits_of_several_requests_are_means() {
    let found = latency(|batch| {
        for row in batch.attribution.node_energy.iter_mut() {
            row.instances = 2;
        }
        add(batch, (1, 1), 0, 1000, 7.0);
        // The second one runs at the same time, on another thread.
        add(batch, (1, 2), 500, 2500, 7.0);
        add(batch, (5, 1), 400, 500, 0.25);
        add(batch, (5, 2), 1400, 1500, 0.75);
        let further: Vec<i64> = (1..10).collect();
        add_tokens(batch, 1, 500, 50, &further);
        add_tokens(batch, 2, 1500, 100, &further);
    });
    // 20 tokens, of which 18 are further ones: 450 ms and 900 ms.
    let expected = json!({"requests": 2, "ttft_ns": 750 * MS, "ttft_j": 3.0,
                          "tpot_ns": 75 * MS, "tpot_j": 0.5});
    assert_eq!(found, expected);
}

#[test]
fn tokens_that_arrive_with_the_first_one_are_not_further_ones() {
    // 20 tokens: five in the first part of the stream, three in each of five others.
    let stream = |keys: &[i64]| {
        latency(|batch| {
            add(batch, (1, 1), 0, 3000, 15.0);
            add(batch, (5, 1), 1000, 1000, 0.0);
            batch.spans.last_mut().unwrap().token = Some(0);
            add_tokens(batch, 1, 1000, 300, keys);
        })
    };
    let found = stream(&[5, 8, 11, 14, 17]);
    assert_eq!(found["tpot_ns"], 100 * MS, "1.5 s for 15 tokens");
    assert_eq!(found["tpot_j"], 10.0 / 15.0);
    // The same times of a stream of single tokens differ: 1.5 s for 19.
    let single = stream(&[1, 2, 3, 4, 5]);
    assert_eq!(single["tpot_ns"], 1500 * MS / 19);
    // Ids of a vocabulary are no numbers of tokens.
    assert_eq!(stream(&[900, 3, 44, 7, 9])["tpot_ns"], 1500 * MS / 19);
    let at_once = stream(&[]);
    assert_eq!(at_once["ttft_ns"], 1000 * MS);
    assert_eq!(at_once["tpot_ns"], Value::Null);
    assert_eq!(at_once["tpot_j"], Value::Null);
}

#[test]
fn decode_of_a_request_without_tokens_is_no_wait() {
    let found = latency(|batch| {
        add(batch, (1, 1), 0, 1000, 7.0);
        add(batch, (5, 1), 400, 500, 0.25);
        add_tokens(batch, 1, 500, 10, &(1..20).collect::<Vec<i64>>());
        // Decode of the second one is within the 2 s of all decode phases.
        add(batch, (1, 1), 1000, 3000, 7.0);
    });
    assert_eq!(found["requests"], 1);
    assert_eq!(found["tpot_ns"], 10 * MS);
    assert_eq!(found["tpot_j"], Value::Null);
}

#[test]
fn steps_of_a_batch_are_shared_by_its_sequences() {
    let found = latency(|batch| {
        let metadata = &mut batch.run.as_mut().unwrap().metadata;
        metadata.batch = Some(4);
        metadata.config = Some(json!({"prompts": 4}).to_string());
        metadata.output_tokens = Some(40);
        for row in batch.attribution.node_energy.iter_mut() {
            row.instances = 1;
        }
        add(batch, (1, 1), 0, 3000, 15.0);
        add(batch, (5, 1), 1000, 1000, 0.0);
        for step in 0..10 {
            add(batch, (5, 1), 1000 + step * 200, 1200 + step * 200, 1.0);
        }
    });
    // 2 s in 10 steps; 10 J for 36 further tokens.
    assert_eq!(found["tpot_ns"], 200 * MS);
    assert_eq!(found["tpot_j"], 10.0 / 36.0);
    assert_eq!(found["ttft_j"], 5.0);
}

#[test]
fn without_spans_of_tokens_or_requests_the_waits_are_unknown() {
    assert_eq!(latency(|_| ()), unknown(0));
    let without_request = latency(|batch| add(batch, (5, 1), 0, 100, 1.0));
    assert_eq!(without_request["ttft_ns"], Value::Null);
    let without_token = latency(|batch| add(batch, (1, 1), 0, 100, 1.0));
    assert_eq!(without_token["requests"], 0);
    assert_eq!(without_token["ttft_j"], Value::Null);
    // One of two requests ended before its first token: the energy of the other is not known.
    let half = latency(|batch| {
        add(batch, (1, 1), 0, 1000, 7.0);
        add(batch, (5, 1), 400, 500, 0.25);
        add(batch, (1, 1), 2000, 2100, 7.0);
    });
    assert_eq!(
        (&half["requests"], &half["ttft_ns"]),
        (&json!(1), &json!(500 * MS))
    );
    assert_eq!(half["ttft_j"], Value::Null);
}

#[test]
fn the_table_has_the_waits_of_the_whole_run_only() {
    let folder = tempfile::tempdir().unwrap();
    fixture::changed(folder.path(), "measured", |batch| {
        with_tokens(batch);
        add(batch, (1, 1), 0, 3600, 15.5);
        add(batch, (5, 1), 1000, 1200, 0.5);
        add(batch, (5, 1), 1200, 1400, 0.5);
    });
    let table = text(&energy(folder.path(), &["summary"]));
    assert!(
        table.contains("time to first token  1.200 s, 5.500 J"),
        "{table}"
    );
    assert!(table.contains("time/further token"), "{table}");
    let part = text(&energy(folder.path(), &["summary", "--phase", "decode"]));
    assert!(!part.contains("first token"), "{part}");
}
