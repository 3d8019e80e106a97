//! The server and the commands give the same figures.

use serde_json::Value;

use super::fixture::command;
use super::fixture::decoder::{self, Decoder};
use super::nested::{self, Nested};
use super::served::Served;

/// Asserts that everything in the command's answer is in the server's. Notes may differ: they
/// refer to options of the command.
fn assert_contains(served: &Value, command: &Value, path: &str) {
    match (served, command) {
        (Value::Object(served), Value::Object(command)) => {
            for (key, value) in command {
                if path.is_empty() && key == "notes" {
                    continue;
                }
                let path = format!("{path}/{key}");
                let found = served
                    .get(key)
                    .unwrap_or_else(|| panic!("{path} is absent"));
                assert_contains(found, value, &path);
            }
        }
        (Value::Array(served), Value::Array(command)) => {
            assert_eq!(served.len(), command.len(), "{path}");
            for (at, (served, command)) in served.iter().zip(command).enumerate() {
                assert_contains(served, command, &format!("{path}/{at}"));
            }
        }
        _ => assert_eq!(served, command, "{path}"),
    }
}

#[test]
fn views_of_a_run_are_those_of_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let decoder = Decoder::default();
    decoder::add(folder.path(), &decoder);
    let (db, _) = nested::add(folder.path(), &Nested::default());
    let server = Served::start(&db, &[]);
    for run in [decoder.name.as_str(), "nested"] {
        for view in [
            "summary", "pipeline", "tokens", "layers", "balance", "hot", "ops", "power",
        ] {
            if (run, view) == ("sky", "power") {
                // It has windows without samples.
                continue;
            }
            let command = command::json(folder.path(), &[view, run]);
            let served = server.json(&format!("/api/profiling/run/{run}/{view}"));
            assert_contains(&served, &command, "");
        }
        for (arguments, query) in [
            (
                &["summary", run, "--phase", "decode"][..],
                "summary?phase=decode",
            ),
            (&["ops", run, "--by", "path"], "ops?by=path"),
            (&["hot", run, "--limit", "3"], "hot?limit=3"),
            (&["tokens", run, "--outliers"], "tokens?outliers=true"),
        ] {
            let command = command::json(folder.path(), arguments);
            let served = server.json(&format!("/api/profiling/run/{run}/{query}"));
            assert_contains(&served, &command, "");
        }
    }
}

#[test]
fn lists_and_comparisons_are_those_of_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = None;
    for at in 0..6 {
        let side = if at % 2 == 0 { "a" } else { "b" };
        let run = Nested {
            name: format!("run {at}"),
            factor: 1.0 + 0.01 * at as f64 + if side == "b" { 0.5 } else { 0.0 },
            tags: vec![("side".into(), side.into())],
            start_s: 60 * at,
            ..Nested::default()
        };
        db = Some(nested::add(folder.path(), &run).0);
    }
    let server = Served::start(&db.unwrap(), &[]);
    let command = command::json(folder.path(), &["runs", "--sort", "energy"]);
    let served = server.json("/api/profiling/runs?sort_by=energy");
    assert_contains(&served["runs"], &command["runs"], "");
    assert_eq!(served["total"], command["total"]);
    let command = command::json(folder.path(), &["compare", "side=a", "side=b"]);
    let body = serde_json::json!({ "runs": ["side=a", "side=b"] });
    let served = server.post("/api/profiling/compare", &body).json();
    assert_contains(&served, &command, "");
    let command = command::json(folder.path(), &["compare", "--by", "tag=side"]);
    let body = serde_json::json!({ "by": "side" });
    let served = server.post("/api/profiling/compare", &body).json();
    assert_contains(&served, &command, "");
    let command = command::json(folder.path(), &["prune", "--keep", "2", "--dry-run"]);
    let body = serde_json::json!({ "keep": 2 });
    let served = server
        .post("/api/profiling/retention/cleanup", &body)
        .json();
    assert_contains(&served, &command, "");
    assert_eq!(served["dry_run"], true);
    let command = command::json(folder.path(), &["size"]);
    let served = server.json("/api/profiling/retention/stats");
    assert_contains(&served["runs"], &command["runs"], "");
    assert_eq!(served["total_runs"], 6);
}

#[test]
fn analyses_and_tables_are_those_of_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let all = super::fixture::cells::experiments();
    let db = super::fixture::cells::recording(folder.path(), "energy.db", &all);
    let server = Served::start(&db, &[]);
    let list = server.json("/api/profiling/analyses");
    let kinds: Vec<&str> = list["analyses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds.len(), 10, "{list}");
    assert_eq!(list["experiments"].as_array().unwrap().len(), 6, "{list}");
    for kind in kinds {
        for (arguments, query) in [
            (
                &["analyse", kind, "--experiment", "models"][..],
                "?experiment=models",
            ),
            (
                &[
                    "analyse",
                    kind,
                    "--per",
                    "output-token",
                    "--tag",
                    "quality.text",
                ],
                "?per=output_token&tags=quality.text",
            ),
        ] {
            let command = command::json(folder.path(), arguments);
            let served = server.json(&format!("/api/profiling/analyses/{kind}{query}"));
            assert_contains(&served, &command, "");
        }
    }
    let words = ["table", "--experiment", "batches", "--json"];
    let command: Value =
        serde_json::from_str(&command::text(&command::energy(folder.path(), &words))).unwrap();
    let served = server.json("/api/profiling/table?experiment=batches");
    assert_contains(&served, &command, "");
    for (path, status) in [
        ("analyses/none", 404),
        ("analyses/batch?experiment=none", 404),
        ("analyses/batch?per=run", 422),
        ("analyses/batch?unknown=1", 422),
        ("table?tags==", 422),
    ] {
        let answer = server.get(&format!("/api/profiling/{path}"));
        assert_eq!(answer.status, status, "{path}");
    }
}
