//! Runs without tokens, without power, with one sample, with long or hostile names.

use serde_json::Value;

use super::fixture::{self, command, rows, spanned, summed};
use super::nested::{self, Nested};
use super::served::{JSON_VIEWS, OTHER_VIEWS, Served};

/// All answers of a run that succeed; the others must be problems with 404.
fn answers(server: &Served, id: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for view in JSON_VIEWS.into_iter().chain(OTHER_VIEWS) {
        let answered = server.get(&format!("/api/profiling/run/{id}{view}"));
        match answered.status {
            200 => found.push((view.to_owned(), answered.text())),
            _ => {
                answered.problem(404);
            }
        }
    }
    found
}

#[test]
fn runs_without_data_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let batches = [
        // Without power and without spans.
        tracing_energy::Batch {
            run: Some(energy_data::rows::RunRow {
                end_ns: Some(5),
                ..rows::run("aaaaaaaa-0000-4000-8000-000000000000")
            }),
            ..Default::default()
        },
        // With one sample, and not attributed.
        tracing_energy::Batch {
            run: Some(energy_data::rows::RunRow {
                end_ns: Some(1_000_000_000),
                ..rows::run("bbbbbbbb-0000-4000-8000-000000000000")
            }),
            rails: vec![rows::rail(1, "cpu", None)],
            samples: vec![rows::sample(1, 0, 1_000_000_000, Some(5.0))],
            ..Default::default()
        },
        // With phases, but without tokens.
        summed("modelled"),
    ];
    let db = folder.path().join("energy.db");
    fixture::write(&db, &batches);
    let server = Served::start(&db, &[]);
    assert_eq!(server.json("/api/profiling/runs")["total"], 3);
    for id in ["aaaa", "bbbb", fixture::UUID] {
        let found = answers(&server, id);
        let views: Vec<&str> = found.iter().map(|(view, _)| view.as_str()).collect();
        for needed in [
            "",
            "/summary",
            "/balance",
            "/charts",
            "/text",
            "/timeline",
            "/report",
        ] {
            assert!(views.contains(&needed), "{id}: {views:?}");
        }
    }
    // The sources were not examined: it is that of a recorded run.
    assert!(server.json("/api/profiling/status")["provenance"].is_string());
    let none = server.json("/api/profiling/run/aaaa/summary");
    assert!(
        none["total_energy_mj"].is_null() && none["avg_power_mw"].is_null(),
        "{none}"
    );
    let one = server.json("/api/profiling/run/bbbb/power");
    assert_eq!(one["samples"].as_array().unwrap().len(), 1);
    let modelled = server.json(&format!("/api/profiling/run/{}/charts", fixture::UUID));
    assert_eq!(modelled["provenance"], "modelled, not measured");
}

#[test]
fn the_recorded_part_of_a_cancelled_run_has_its_own_means() {
    let folder = tempfile::tempdir().unwrap();
    let (db, id) = nested::add(folder.path(), &Nested::default());
    let connection = rusqlite::Connection::open(&db).unwrap();
    let cancel = "UPDATE runs SET status = 'cancelled', output_tokens = NULL";
    connection.execute_batch(cancel).unwrap();
    let decode_j: f64 = connection
        .query_row(
            "SELECT energy_j FROM v_phases WHERE phase = 'decode'",
            [],
            |r| r.get(0),
        )
        .unwrap();
    let server = Served::start(&db, &[]);
    let summary = server.json(&format!("/api/profiling/run/{id}/summary"));
    assert!(summary["totals"]["j_per_output_token"].is_null());
    assert!(summary["tokens_per_second"].is_null());
    assert_eq!(summary["recorded_tokens"], nested::TOKENS);
    // Prefill computes the first token, which decode only samples.
    let expected = decode_j / (nested::TOKENS - 1) as f64;
    let mean = summary["recorded_j_per_output_token"].as_f64().unwrap();
    assert!((mean - expected).abs() < 1e-9, "{mean}, not {expected}");
    assert!(summary["recorded_tokens_per_s"].as_f64().unwrap() > 0.0);
    let command = command::json(folder.path(), &["summary", &id]);
    for key in ["recorded_j_per_output_token", "recorded_tokens_per_s"] {
        assert_eq!(command[key], summary[key], "{key}");
    }
    let table = command::text(&command::energy(folder.path(), &["summary", &id]));
    assert!(table.contains("recorded part"), "{table}");
}

#[test]
fn numbers_that_json_lacks_are_null() {
    let folder = tempfile::tempdir().unwrap();
    let (db, _) = nested::add(folder.path(), &Nested::default());
    let connection = rusqlite::Connection::open(&db).unwrap();
    // SQLite stores infinities; it reads NaN as NULL.
    connection
        .execute_batch(
            "UPDATE node_energy SET self_j = 9e999 WHERE node = 5;
         UPDATE span_energy SET energy_j = 9e999;
         UPDATE samples SET energy_j = -9e999 WHERE start_ns = 0;
         UPDATE balance SET peak_w = 9e999;",
        )
        .unwrap();
    let server = Served::start(&db, &[]);
    for (view, text) in answers(&server, "nested") {
        if OTHER_VIEWS.contains(&view.as_str()) {
            continue;
        }
        let value: Result<Value, _> = serde_json::from_str(&text);
        assert!(value.is_ok(), "{view}: {text}");
    }
    let power = server.json("/api/profiling/run/nested/power");
    assert!(
        power["samples"][0]["energy_j"].is_null(),
        "{}",
        power["samples"][0]
    );
}

#[test]
fn long_and_hostile_names_are_carried_unchanged_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "<img src=x onerror=alert(1)>\u{202e}\"'&</script>";
    let long = "long ".repeat(200_000);
    let run = Nested {
        name: hostile.into(),
        prompt: Some(long.clone()),
        text: Some(hostile.into()),
        tags: vec![(hostile.replace('=', ""), long.clone())],
        op: long.clone(),
        ..Nested::default()
    };
    let (db, uuid) = nested::add(folder.path(), &run);
    let server = Served::start(&db, &[]);
    let listed = server.get("/api/profiling/runs");
    assert_eq!(listed.header("content-type"), Some("application/json"));
    let listed = &listed.json()["runs"][0];
    assert_eq!(listed["name"], hostile);
    assert_eq!(listed["prompt"].as_str().unwrap().len(), 2000);
    assert_eq!(listed["texts_are_cut"], true);
    let text = server.json(&format!("/api/profiling/run/{uuid}/text"));
    assert_eq!(text["prompt"], long);
    assert_eq!(text["tokens"][0]["text"], hostile);
    // Two charts name each operation at most once, shortened.
    let charts = server.get(&format!("/api/profiling/run/{uuid}/charts"));
    let mut charts = charts.json();
    charts.as_object_mut().unwrap().remove("run");
    assert!(charts.to_string().len() < 100_000);
    for (view, text) in answers(&server, &uuid) {
        if view == "/report" || view == "/flamegraph" {
            assert!(!text.contains("<img src=x"), "{view}");
        }
    }
}

#[test]
fn imported_spans_with_odd_names_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let db = spanned::spanned(folder.path(), tracing_energy::Method::Proportional);
    let server = Served::start(&db, &[]);
    assert!(answers(&server, "spanned").len() > 8);
}

/// Records a program with a secret argument; returns whether any answer or export contains it.
fn is_secret_answered(folder: &std::path::Path, more: &[&str]) -> bool {
    let secret = "xyzzy-secret";
    let script = format!("sleep 0.3; : {secret}");
    let options = ["record", "--source", "modelled", "--baseline", "0s"];
    let program = ["--", "sh", "-c", &script];
    let recorded = command::energy(folder, &[&options[..], more, &program[..]].concat());
    command::text(&recorded);
    let server = Served::start(&folder.join("energy.db"), &[]);
    let mut all: Vec<String> = answers(&server, "last")
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    all.push(server.get("/api/profiling/runs").text());
    for format in ["json", "csv", "chrome", "perfetto"] {
        let path = format!("/api/profiling/export/last?format={format}");
        all.push(server.get(&path).text());
    }
    all.iter().any(|text| text.contains(secret))
}

#[test]
fn texts_that_were_not_stored_do_not_appear() {
    let [with, without] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    assert!(
        is_secret_answered(with.path(), &[]),
        "command lines are stored"
    );
    assert!(!is_secret_answered(without.path(), &["--no-text"]));
    let run = Nested {
        prompt: None,
        text: None,
        ..Nested::default()
    };
    let (_folder, server) = nested::serve(&run);
    let texts = server.json("/api/profiling/run/nested/text");
    assert!(texts["prompt"].is_null() && texts["response"].is_null());
    let mut tokens = texts["tokens"].as_array().unwrap().iter();
    assert!(tokens.all(|token| token["text"].is_null()));
    let listed = &server.json("/api/profiling/runs")["runs"][0];
    assert!(listed["prompt"].is_null() && listed["texts_are_cut"] == false);
}
