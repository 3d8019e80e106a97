//! Messages about a real recording have the values of its file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tracing_energy::{EnergyLayer, RunMetadata, SourceChoice};
use tracing_subscriber::prelude::*;

use super::follow::FollowThread;
use super::message::{Message, MessageKind};
use crate::query::{self, Recording};

/// Long enough for any machine, so that only a hang fails.
const PATIENCE: Duration = Duration::from_secs(120);

type Received = Arc<Mutex<Vec<Message>>>;

fn follow(path: &Path) -> (Received, FollowThread) {
    let received = Received::default();
    let kept = Arc::clone(&received);
    let publish = move |message| kept.lock().unwrap().push(message);
    let thread = FollowThread::start(path.to_owned(), publish).unwrap();
    (received, thread)
}

fn until(received: &Received, what: MessageKind) {
    let begin = Instant::now();
    let has = || received.lock().unwrap().iter().any(|one| one.kind == what);
    while !has() {
        assert!(begin.elapsed() < PATIENCE, "no {}", what.name());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn burn(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn component(name: &'static str) {
    let work = || {
        tracing::info_span!("q_proj").in_scope(|| burn(Duration::from_millis(2)));
        tracing::event!(target: "test::span_metrics", tracing::Level::INFO,
            mean_abs = 0.5, std = 0.25, max_abs = 2.0, sparsity = 0.125);
    };
    match name {
        "attention" => tracing::info_span!("attention").in_scope(work),
        _ => tracing::info_span!("mlp").in_scope(work),
    }
}

/// Records tokens of two layers with two components each.
fn record(path: &Path, tokens: u64) {
    let (layer, guard) = EnergyLayer::builder()
        .database(path)
        .source(SourceChoice::Modelled)
        .interval(Duration::from_millis(20))
        .metadata(RunMetadata {
            name: Some("watched".into()),
            output_tokens: i64::try_from(tokens).ok(),
            ..RunMetadata::default()
        })
        .build()
        .unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let _run = tracing::info_span!("inference").entered();
        let _decode = tracing::info_span!("decode").entered();
        for token in 0..tokens {
            let text = format!("word{token}");
            let _token = tracing::info_span!("token", token, text).entered();
            for layer in 0..2_u64 {
                tracing::info_span!("layer", layer).in_scope(|| {
                    component("attention");
                    component("mlp");
                });
            }
        }
    });
    guard.finish();
}

fn of_kind(messages: &[Message], kind: MessageKind) -> impl Iterator<Item = &Value> {
    let found = messages.iter().filter(move |one| one.kind == kind);
    found.map(|one| &one.data)
}

/// Asserts that the energies of a list sum up to `expected`. On a busy machine samples are missing, and
/// the energies of spans without enough of them are unknown.
#[track_caller]
fn assert_sum(messages: &[Message], kind: MessageKind, list: &str, expected: f64) {
    let lists = of_kind(messages, kind).filter_map(|data| data[list].as_array());
    let all: Vec<&Value> = lists.flatten().collect();
    let known: Vec<f64> = all
        .iter()
        .filter_map(|one| one["energy_j"].as_f64())
        .collect();
    let found: f64 = known.iter().sum();
    match all.iter().all(|one| one["coverage"].as_f64() == Some(1.0)) {
        true => assert_near(found, expected),
        false => assert!(found < 1.01 * expected, "{found} or more, of {expected}"),
    }
    assert!(
        2 * known.len() > all.len(),
        "{} of {} are known",
        known.len(),
        all.len()
    );
}

fn number(recording: &Recording, sql: &str) -> f64 {
    recording
        .connection()
        .query_row(sql, [], |r| r.get(0))
        .unwrap()
}

#[track_caller]
fn assert_near(found: f64, expected: f64) {
    let difference = (found - expected).abs();
    assert!(
        difference <= 1e-6 * expected.abs(),
        "{found} instead of {expected}"
    );
}

#[test]
fn energies_of_messages_are_those_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("energy.db");
    let (received, thread) = follow(&path);
    record(&path, 80);
    until(&received, MessageKind::InferenceComplete);
    drop(thread);
    let messages = received.lock().unwrap();
    let recording = Recording::open(&path).unwrap();
    let run = recording.run("watched").unwrap();

    let view = |view: &str, row: &str| {
        format!("SELECT sum(spans_j) FROM {view} WHERE {row} <> '(remainder)'")
    };
    let layers = number(&recording, &view("v_layers", "layer"));
    assert!(layers > 0.0);
    assert_sum(&messages, MessageKind::LayerMetrics, "layers", layers);
    let components = number(&recording, &view("v_components", "component"));
    assert_sum(
        &messages,
        MessageKind::ComponentMetrics,
        "components",
        components,
    );
    let operations = number(&recording, &view("v_operations", "operation"));
    assert_sum(
        &messages,
        MessageKind::OperationMetrics,
        "operations",
        operations,
    );
    let samples = of_kind(&messages, MessageKind::PowerSample);
    let samples: f64 = samples.filter_map(|data| data["energy_j"].as_f64()).sum();
    assert_near(
        samples,
        number(&recording, "SELECT sum(energy_j) FROM samples"),
    );

    let ledger = query::ledger(&recording, &run, None).unwrap();
    let tokens = query::tokens(&recording, &run, &ledger, None).unwrap();
    let sent: BTreeMap<i64, &Value> = of_kind(&messages, MessageKind::TokenComplete)
        .filter_map(|data| Some((data["token"].as_i64()?, data)))
        .collect();
    assert_eq!(sent.len(), 80);
    assert_eq!(tokens.len(), 80);
    for token in &tokens {
        let data = sent[&token.token.unwrap()];
        assert_eq!(data["energy_j"].as_f64(), token.energy_j);
        assert_eq!(data["lo_j"].as_f64(), token.lo_j);
        assert_eq!(data["text"].as_str(), token.text.as_deref());
        assert_eq!(data["note"].as_str(), token.note);
        assert_eq!(data["phase"], "decode");
        assert_eq!(data["provenance"], "modelled");
    }

    let phases = query::phases_on(&recording, &run, None).unwrap();
    let totals = query::totals(&recording, &run, &phases).unwrap();
    let complete = of_kind(&messages, MessageKind::InferenceComplete)
        .next()
        .unwrap();
    assert_eq!(complete["total_energy_j"].as_f64(), totals.energy_j);
    assert_eq!(complete["status"], "complete");
    let currents: Vec<&Value> = of_kind(&messages, MessageKind::Current).collect();
    assert!(
        currents.iter().any(|data| data["phase"] == "decode"),
        "{currents:?}"
    );
    assert!(currents.last().unwrap()["phase"].is_null());
    let ends: Vec<&Value> = of_kind(&messages, MessageKind::SectionEnd).collect();
    let decode = ends.iter().find(|data| data["name"] == "decode").unwrap();
    let [found, expected] = [decode["energy_j"].as_f64(), phases[0].energy_j].map(Option::unwrap);
    match phases[0].coverage == Some(1.0) {
        true => assert_near(found, expected),
        // What fills missing samples is settled at the end of the run.
        false => assert!((found / expected - 1.0).abs() < 1e-3, "{found} {expected}"),
    }
    assert_eq!(decode["coverage"].as_f64(), phases[0].coverage);
    assert_eq!(decode["provenance"], "modelled");
    assert_eq!(complete["coverage"].as_f64(), totals.coverage);
    assert_eq!(complete["lo_j"].as_f64(), totals.lo_j);
    assert_eq!(complete["hi_j"].as_f64(), totals.hi_j);
    assert_eq!(complete["provenance"], "modelled");
    for data in of_kind(&messages, MessageKind::LayerMetrics) {
        assert_eq!(data["provenance"], "modelled");
        for layer in data["layers"].as_array().unwrap() {
            let is_known = layer["coverage"].as_f64().unwrap() >= 0.99;
            assert_eq!(layer["energy_j"].is_number(), is_known, "{layer}");
        }
    }
}

#[test]
fn messages_of_one_type_are_in_order_of_time_and_cells_are_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("energy.db");
    let (received, thread) = follow(&path);
    record(&path, 20);
    until(&received, MessageKind::InferenceComplete);
    drop(thread);
    let messages = received.lock().unwrap();
    assert_eq!(messages[0].kind, MessageKind::RunStarted);
    assert_eq!(
        messages.last().unwrap().kind,
        MessageKind::InferenceComplete
    );
    let mut latest: BTreeMap<&str, i64> = BTreeMap::new();
    for message in messages.iter() {
        let ordered = [
            "power_sample",
            "token_complete",
            "layer_metrics",
            "component_metrics",
        ];
        if ordered.contains(&message.kind.name()) {
            let before = latest.insert(message.kind.name(), message.timestamp_unix_ns);
            assert!(
                before.is_none_or(|before| before <= message.timestamp_unix_ns),
                "{message:?}"
            );
        }
    }
    let cells: Vec<&Value> = of_kind(&messages, MessageKind::ComponentMetrics).collect();
    assert_eq!(cells.len(), 20);
    for data in &cells {
        let components = data["components"].as_array().unwrap();
        assert_eq!(components.len(), 4, "{data}");
        for one in components {
            assert_eq!(one["activation_mean"], 0.5);
            assert_eq!(one["activation_sparsity"], 0.125);
            assert!(one["duration_ms"].as_f64().unwrap() >= 2.0);
            assert!(one["layer_index"].as_i64().unwrap() < 2);
        }
    }
}

#[test]
fn a_deleted_run_and_a_removed_file_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("energy.db");
    let (received, thread) = follow(&path);
    record(&path, 2);
    until(&received, MessageKind::InferenceComplete);
    let store = energy_store::Store::open_writable(&path).unwrap();
    let run = store.find_run("watched").unwrap();
    store.delete_run(run.no).unwrap();
    until(&received, MessageKind::RunDeleted);
    drop(store);
    std::fs::remove_file(&path).unwrap();
    until(&received, MessageKind::Error);
    drop(thread);
    let messages = received.lock().unwrap();
    let deleted = messages
        .iter()
        .find(|one| one.kind == MessageKind::RunDeleted);
    assert_eq!(deleted.unwrap().run.as_deref(), Some(&*run.row.uuid));
    let error = of_kind(&messages, MessageKind::Error).next().unwrap();
    assert!(error["message"].as_str().unwrap().contains("energy.db"));
    assert!(error["remedy"].is_string());
}
