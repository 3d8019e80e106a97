//! A run is deleted or changed only if it has ended, and deleted only if its id confirms it.

use energy_data::rows::RunStatus;
use energy_store::Store;
use serde_json::json;

use super::nested::{self, Nested};
use super::served::Served;

#[test]
fn the_id_confirms_the_deletion() {
    let folder = tempfile::tempdir().unwrap();
    let (db, first) = nested::add(folder.path(), &Nested::default());
    let (_, second) = nested::add(folder.path(), &Nested::default());
    let server = Served::start(&db, &["--allow-delete"]);
    let path = format!("/api/profiling/run/{first}");
    assert!(server.get(&path).status == 200);
    for body in [
        json!({}),
        json!({ "confirm": "yes" }),
        json!({ "confirm": second }),
    ] {
        let refused = server.delete(&path, &body);
        refused.problem(422);
        assert!(refused.text().contains(&first), "{}", refused.text());
    }
    server.send("DELETE", &path, "text/plain", b"").problem(422);
    server
        .send("DELETE", &path, "text/plain", b"x")
        .problem(415);
    server
        .send("DELETE", &path, "application/json", b"{")
        .problem(422);
    assert_eq!(server.json("/api/profiling/runs")["total"], 2);
    let deleted = server.delete(&path, &json!({ "confirm": first }));
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    assert_eq!(deleted.json()["success"], true);
    assert_eq!(deleted.json()["run_id"], *first);
    // It was viewed before, and its answers were kept.
    assert!(server.get(&path).problem(404).contains(&first));
    server
        .delete(&path, &json!({ "confirm": first }))
        .problem(404);
    let by_query = format!("/api/profiling/run/last?confirm={second}");
    assert_eq!(
        server.send("DELETE", &by_query, "text/plain", b"").status,
        200
    );
    assert_eq!(server.json("/api/profiling/runs")["total"], 0);
    // The file alone holds the change, although the server still reads it.
    let log = std::fs::metadata(folder.path().join("energy.db-wal"));
    assert_eq!(log.map_or(0, |log| log.len()), 0);
    let copy = folder.path().join("copy.db");
    std::fs::copy(&db, &copy).unwrap();
    assert!(Store::open(&copy).unwrap().runs().unwrap().is_empty());
}

#[test]
fn a_run_that_is_recorded_stays() {
    let folder = tempfile::tempdir().unwrap();
    let run = Nested {
        status: RunStatus::Running,
        ..Nested::default()
    };
    let (db, uuid) = nested::add(folder.path(), &run);
    // Its process is this one.
    nested::set_recorder(&db, energy_host::process_start(std::process::id()));
    let server = Served::start(&db, &[]);
    let path = format!("/api/profiling/run/{uuid}");
    let refused = server.delete(&path, &json!({ "confirm": uuid }));
    assert!(refused.problem(409).contains("being recorded"));
    let renamed = server.send("PATCH", &path, "application/json", b"{\"name\":\"x\"}");
    renamed.problem(409);
    assert_eq!(
        server.json("/api/profiling/status")["recording"],
        json!([uuid])
    );
    // Answers about it are not kept.
    assert!(server.get(&format!("{path}/text")).header("etag").is_none());
}

#[test]
fn name_and_tags_are_changed_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (db, uuid) = nested::add(folder.path(), &Nested::default());
    let server = Served::start(&db, &[]);
    let path = format!("/api/profiling/run/{uuid}");
    let before = server.get(&format!("{path}/summary"));
    let change = |body: serde_json::Value| {
        server.send(
            "PATCH",
            &path,
            "application/json",
            body.to_string().as_bytes(),
        )
    };
    let changed = change(json!({ "name": "sky", "tags": { "keep": "", "gpu": "on" } }));
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json()["name"], "sky");
    assert_eq!(changed.json()["tags"], json!({ "keep": "", "gpu": "on" }));
    let stored = Store::open(&db).unwrap().find_run("sky").unwrap();
    assert_eq!(stored.row.metadata.tags.len(), 2);
    let after = server.get(&format!("{path}/summary"));
    assert_ne!(before.header("etag"), after.header("etag"));
    assert_eq!(after.json()["run"]["name"], "sky");
    let removed = change(json!({ "tags": { "keep": null }, "name": "" }));
    assert_eq!(removed.json()["tags"], json!({ "gpu": "on" }));
    assert!(removed.json()["name"].is_null());
    for wrong in [
        json!({ "name": "last" }),
        json!({ "tags": { "": "x" } }),
        json!({ "tags": { "a": 5 } }),
        json!({ "name": "x".repeat(2000) }),
        json!({ "color": "red" }),
        json!([]),
    ] {
        change(wrong).problem(422);
    }
}

#[test]
fn cleanups_are_dry_unless_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    for at in 0..4 {
        let tag = (at == 0).then(|| ("keep".to_owned(), String::new()));
        let run = Nested {
            start_s: at * 60,
            tags: tag.into_iter().collect(),
            ..Nested::default()
        };
        nested::add(folder.path(), &run);
    }
    let server = Served::start(&folder.path().join("energy.db"), &[]);
    let clean = |body| server.post("/api/profiling/retention/cleanup", &body);
    clean(json!({})).problem(422);
    clean(json!({ "older_than": "soon" })).problem(422);
    clean(json!({ "keep": -1 })).problem(422);
    let dry = clean(json!({ "keep": 1 })).json();
    assert_eq!(
        (&dry["dry_run"], &dry["deleted"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(dry["runs"].as_array().unwrap().len(), 2);
    assert_eq!(server.json("/api/profiling/runs")["total"], 4);
    let done = clean(json!({ "keep": 1, "confirm": true })).json();
    assert_eq!(done["deleted"], true);
    assert_eq!(server.json("/api/profiling/runs")["total"], 2);
    assert_eq!(
        server.json("/api/profiling/retention/stats")["protected_runs"],
        1
    );
}
