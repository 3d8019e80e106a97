//! A value of a wrong type in one run hides no other run, in the server and in the command.

use energy_data::rows::RunStatus;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::fixture::command;
use super::nested::{self, Nested};
use super::served::Served;

/// Runs `a`, `b` and `bad`, the newest, which `sql` spoils.
fn spoiled(sql: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (start_s, name) in ["a", "b", "bad"].into_iter().enumerate() {
        let run = Nested {
            name: name.into(),
            start_s: start_s as i64,
            ..Nested::default()
        };
        nested::add(folder.path(), &run);
    }
    let db = folder.path().join("energy.db");
    Connection::open(&db).unwrap().execute_batch(sql).unwrap();
    (folder, db)
}

fn named<'a>(listed: &'a Value, name: &str) -> &'a Value {
    let runs = listed["runs"].as_array().unwrap();
    let found = runs.iter().find(|run| run["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {listed}"))
}

#[test]
fn a_run_with_a_bad_value_is_listed_with_the_reason() {
    for sql in [
        "UPDATE runs SET start_unix_ns = 'yesterday' WHERE name = 'bad'",
        "UPDATE runs SET end_ns = 'late', output_tokens = x'00' WHERE name = 'bad'",
        "UPDATE run_tags SET value = x'ff' WHERE run = 3;
         INSERT INTO run_tags VALUES (3, 'x', x'ff')",
        "UPDATE rails SET provenance = 'guessed' WHERE run = 3",
        "UPDATE phase_energy SET duration_ns = 'long' WHERE run = 3",
    ] {
        let (_folder, db) = spoiled(sql);
        let server = Served::start(&db, &[]);
        for query in [
            "",
            "?order=asc",
            "?sort_by=energy",
            "?sort_by=duration",
            "?sort_by=j_per_token&order=asc",
            "?j_per_token=0..",
            "?limit=2",
        ] {
            let listed = server.json(&format!("/api/profiling/runs{query}"));
            assert!(
                named(&listed, "b")["energy_j"].is_number(),
                "{sql}: {listed}"
            );
        }
        let listed = server.json("/api/profiling/runs");
        assert_eq!(listed["total"], 3);
        let bad = named(&listed, "bad");
        assert!(bad["energy_j"].is_null(), "{sql}: {bad}");
        let reason = bad["reason"].as_str().unwrap();
        assert!(reason.contains("cannot be read"), "{reason}");
        assert_eq!(server.json("/api/profiling/status")["runs"], 3);
        assert_eq!(
            server.json("/api/profiling/retention/stats")["total_runs"],
            3
        );
        let compared = json!({ "runs": ["a", "b"], "allow_different": true });
        let compared = server.post("/api/profiling/compare", &compared);
        assert_eq!(compared.status, 200, "{sql}: {}", compared.text());
        assert!(server.json("/api/profiling/run/a/summary")["total_energy_mj"].is_number());
    }
}

#[test]
fn a_run_with_a_text_as_its_start_is_named_and_kept() {
    let (folder, db) = spoiled("UPDATE runs SET start_unix_ns = 'yesterday' WHERE name = 'bad'");
    let server = Served::start(&db, &[]);
    let listed = server.json("/api/profiling/runs");
    let names: Vec<&Value> = listed["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["name"])
        .collect();
    assert_eq!(names, ["b", "a", "bad"], "an unknown start is last");
    assert!(named(&listed, "bad")["timestamp"].is_null());
    let answered = server.get("/api/profiling/run/bad/summary");
    let detail = answered.problem(422);
    assert!(
        detail.contains("start_unix_ns") && detail.contains("sqlite3"),
        "{detail}"
    );
    // The newest run that can be read.
    assert_eq!(
        server.json("/api/profiling/run/last/summary")["run"]["name"],
        "b"
    );
    // Its age is unknown.
    let plan = server.post(
        "/api/profiling/retention/cleanup",
        &json!({ "older_than": "1h" }),
    );
    let deleted = plan.json()["runs"].as_array().unwrap().len();
    assert_eq!(deleted, 2, "{}", plan.text());
    let output = command::energy(folder.path(), &["runs", "--format", "json"]);
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(notes.contains("start_unix_ns"), "{notes}");
    let printed: Value = serde_json::from_str(&command::text(&output)).unwrap();
    assert!(named(&printed, "bad")["start_unix_ns"].is_null());
    assert!(named(&printed, "a")["energy_j"].is_number());
}

#[test]
fn a_bad_run_that_is_being_recorded_hides_no_other() {
    let (folder, db) =
        spoiled("UPDATE runs SET heartbeat_unix_ns = 'now', status = 'running' WHERE name = 'bad'");
    let server = Served::start(&db, &[]);
    assert_eq!(server.json("/api/profiling/runs")["total"], 3);
    assert!(server.json("/api/profiling/run/a/summary")["total_energy_mj"].is_number());
    let run = Nested {
        name: "new".into(),
        status: RunStatus::Complete,
        ..Nested::default()
    };
    nested::add(folder.path(), &run);
    assert_eq!(server.json("/api/profiling/runs")["total"], 4);
}

#[test]
fn times_before_the_start_are_unknown() {
    let (_folder, db) = spoiled(
        "UPDATE runs SET end_ns = -5 WHERE name = 'bad';
         UPDATE phase_energy SET duration_ns = -7 WHERE run = 3",
    );
    let server = Served::start(&db, &[]);
    let listed = server.json("/api/profiling/runs?sort_by=duration");
    let bad = named(&listed, "bad");
    for key in ["duration_ns", "recorded_duration_ms", "total_duration_ms"] {
        assert!(bad[key].is_null(), "{key}: {bad}");
    }
    assert_eq!(listed["runs"][2]["name"], "bad");
    let summary = server.json("/api/profiling/run/bad/summary");
    assert!(summary["total_duration_ms"].is_null(), "{summary}");
    assert!(summary["avg_power_mw"].is_null(), "{summary}");
}

#[test]
fn long_labels_are_cut_in_lists_and_whole_in_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let long = "long ".repeat(200_000);
    let run = Nested {
        name: long.clone(),
        tags: vec![(long.clone(), long.clone())],
        ..Nested::default()
    };
    let (db, uuid) = nested::add(folder.path(), &run);
    let sql = "UPDATE runs SET model = name, experiment = name, engine = name";
    Connection::open(&db).unwrap().execute(sql, []).unwrap();
    let server = Served::start(&db, &[]);
    let listed = server.get("/api/profiling/runs");
    assert!(listed.body.len() < 10_000, "{}", listed.body.len());
    let listed = &listed.json()["runs"][0];
    let name = listed["name"].as_str().unwrap();
    assert_eq!(name.chars().count(), 200);
    assert!(name.ends_with('\u{2026}'));
    assert_eq!(listed["texts_are_cut"], true);
    for path in ["retention/stats", "status"] {
        let answered = server.get(&format!("/api/profiling/{path}"));
        assert!(answered.body.len() < 20_000, "{path}");
    }
    let cleanup = server.post("/api/profiling/retention/cleanup", &json!({ "keep": 0 }));
    assert!(cleanup.body.len() < 10_000);
    assert_eq!(cleanup.json()["runs"][0]["id"], uuid.as_str());
    let head = server.json(&format!("/api/profiling/run/{uuid}/head"));
    assert_eq!(head["run"]["name"], long);
    assert_eq!(head["run"]["tags"][&long], long);
}
