//! The server notices what other processes do to its file.

use energy_data::rows::RunStatus;
use rusqlite::Connection;

use super::nested::{self, Nested};
use super::served::Served;

#[test]
fn answers_about_ended_runs_are_kept_until_the_run_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (db, uuid) = nested::add(folder.path(), &Nested::default());
    let server = Served::start(&db, &[]);
    let path = format!("/api/profiling/run/{uuid}/summary");
    let first = server.get(&path);
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let same = server.get_with(&path, &[("if-none-match", &tag)]);
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(same.header("etag"), Some(tag.as_str()));
    // Another run does not concern it.
    nested::add(folder.path(), &Nested::default());
    assert_eq!(
        server.get_with(&path, &[("if-none-match", &tag)]).status,
        304
    );
    energy_store::reattribute(
        &db,
        &uuid,
        &energy_data::AttributeOptions::new(tracing_energy::Method::Proportional),
    )
    .unwrap();
    let changed = server.get_with(&path, &[("if-none-match", &tag)]);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

#[test]
fn a_replaced_deleted_or_vacuumed_file_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("energy.db");
    let server = Served::start(&db, &[]);
    assert_eq!(server.json("/api/profiling/runs")["total"], 0);
    let absent = server.get("/api/profiling/run/last/summary");
    assert!(absent.problem(404).contains("energy.db"));
    assert_eq!(server.json("/api/profiling/status")["runs"], 0);
    let (_, first) = nested::add(folder.path(), &Nested::default());
    nested::add(folder.path(), &Nested::default());
    assert_eq!(server.json("/api/profiling/runs")["total"], 2);
    assert_eq!(
        server
            .get(&format!("/api/profiling/run/{first}/charts"))
            .status,
        200
    );
    let connection = Connection::open(&db).unwrap();
    connection.execute("DELETE FROM run_tags", []).unwrap();
    connection.execute_batch("VACUUM").unwrap();
    drop(connection);
    assert_eq!(server.json("/api/profiling/runs")["total"], 2);
    // Replaced by another file of the same name. Its run has the same id.
    let other = tempfile::tempdir().unwrap();
    let renamed = Nested {
        name: "replaced".into(),
        ..Nested::default()
    };
    let (new, _) = nested::add(other.path(), &renamed);
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.path().join(format!("energy.db{ending}")));
    }
    std::fs::copy(&new, folder.path().join("new.db")).unwrap();
    std::fs::rename(folder.path().join("new.db"), &db).unwrap();
    let runs = server.json("/api/profiling/runs");
    assert_eq!(
        (&runs["total"], &runs["runs"][0]["name"]),
        (&1.into(), &"replaced".into())
    );
    let summary = server.json(&format!("/api/profiling/run/{first}/summary"));
    assert_eq!(summary["run"]["name"], "replaced");
    std::fs::remove_file(&db).unwrap();
    assert_eq!(server.json("/api/profiling/runs")["total"], 0);
    server
        .get(&format!("/api/profiling/run/{first}/summary"))
        .problem(404);
    std::fs::write(
        &db,
        "this is no recording, but it is long enough to be read",
    )
    .unwrap();
    let broken = server.get("/api/profiling/runs");
    assert_eq!(broken.status, 503, "{}", broken.text());
    assert!(broken.problem(503).contains("energy.db"));
}

#[test]
fn what_is_no_recording_is_a_problem_with_a_remedy_until_it_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("energy.db");
    let server = Served::start(&db, &[]);
    let refused = |what: &str| {
        for path in ["/api/profiling/runs", "/api/profiling/run/last/summary"] {
            let answered = server.get(path);
            assert_eq!(answered.status, 503, "{what}: {}", answered.text());
            assert!(answered.problem(503).contains("energy.db"), "{what}");
            let remedy = answered.json()["remedy"].as_str().unwrap().to_owned();
            assert!(remedy.contains("--db"), "{what}: {remedy}");
        }
    };
    std::fs::create_dir(&db).unwrap();
    refused("a folder");
    std::fs::remove_dir(&db).unwrap();
    std::fs::write(&db, "no recording ".repeat(1000)).unwrap();
    refused("a text");
    std::fs::remove_file(&db).unwrap();
    let other = tempfile::tempdir().unwrap();
    let (whole, _) = nested::add(other.path(), &Nested::default());
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&db, &bytes[..bytes.len() / 8]).unwrap();
    refused("the beginning of a recording");
    std::fs::remove_file(&db).unwrap();
    std::fs::write(&db, "").unwrap();
    refused("an empty file");
    std::fs::remove_file(&db).unwrap();
    std::fs::write(&db, &bytes).unwrap();
    assert_eq!(server.json("/api/profiling/runs")["total"], 1);
    // It loses its content while connections to it are open.
    std::fs::File::create(&db).unwrap();
    refused("a file that was emptied");
}

/// Puts a recording into `folder` as a recorder leaves it that is killed: with rows in its log.
fn put_killed(folder: &std::path::Path) -> std::path::PathBuf {
    let recorder = tempfile::tempdir().unwrap();
    let (db, _) = nested::add(recorder.path(), &Nested::default());
    let connection = Connection::open(&db).unwrap();
    let mode = "PRAGMA journal_mode = WAL";
    connection.query_row(mode, [], |_| Ok(())).unwrap();
    let sql = "UPDATE runs SET name = 'killed'";
    connection.execute(sql, []).unwrap();
    for name in ["energy.db", "energy.db-wal"] {
        std::fs::copy(recorder.path().join(name), folder.join(name)).unwrap();
    }
    drop(connection);
    assert!(
        std::fs::metadata(folder.join("energy.db-wal"))
            .unwrap()
            .len()
            > 0
    );
    folder.join("energy.db")
}

#[test]
fn a_file_with_the_log_of_an_earlier_one_is_refused() {
    let other = tempfile::tempdir().unwrap();
    let renamed = Nested {
        name: "replaced".into(),
        ..Nested::default()
    };
    let (new, _) = nested::add(other.path(), &renamed);
    for is_overwritten in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let db = put_killed(folder.path());
        let log = folder.path().join("energy.db-wal");
        // The recorder was killed an hour ago.
        let file = std::fs::File::options().write(true).open(&log).unwrap();
        let hour = std::time::Duration::from_secs(3600);
        file.set_modified(std::time::SystemTime::now() - hour)
            .unwrap();
        let server = Served::start(&db, &[]);
        let name = || server.json("/api/profiling/runs")["runs"][0]["name"].clone();
        assert_eq!(name(), "killed");
        match is_overwritten {
            true => drop(std::fs::copy(&new, &db).unwrap()),
            false => {
                std::fs::copy(&new, folder.path().join("new.db")).unwrap();
                std::fs::rename(folder.path().join("new.db"), &db).unwrap();
            }
        }
        for _ in 0..2 {
            let answered = server.get("/api/profiling/runs");
            let detail = answered.problem(503);
            assert!(detail.contains("energy.db-wal"), "{detail}");
            assert!(detail.contains("Move the log away"), "{detail}");
        }
        // The follower of live messages has looked at the file, too, and does not keep the log open.
        std::thread::sleep(std::time::Duration::from_millis(500));
        for ending in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.path().join(format!("energy.db{ending}")));
        }
        // SQLite keeps the log of a file that is overwritten in place until the process ends.
        let server = match is_overwritten {
            true => Served::start(&db, &[]),
            false => server,
        };
        let listed = server.json("/api/profiling/runs");
        assert_eq!(listed["runs"][0]["name"], "replaced", "{is_overwritten}");
    }
}

#[test]
fn a_locked_file_is_busy_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let (db, _) = nested::add(folder.path(), &Nested::default());
    let lock = Connection::open(&db).unwrap();
    lock.execute_batch("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE")
        .unwrap();
    let server = Served::start(&db, &[]);
    let busy = server.get("/api/profiling/runs");
    busy.problem(503);
    assert!(busy.header("retry-after").is_some());
    lock.execute_batch("ROLLBACK").unwrap();
    assert_eq!(server.json("/api/profiling/runs")["total"], 1);
}

#[test]
fn a_run_of_a_dead_process_is_complete_and_the_file_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let run = Nested {
        status: RunStatus::Running,
        ..Nested::default()
    };
    let (db, uuid) = nested::add(folder.path(), &run);
    // The process with this id has another time of start, so that of the run is dead.
    let connection = nested::set_recorder(&db, Some(1));
    let sql = "UPDATE runs SET last_seen_ns = 800000000";
    connection.execute(sql, []).unwrap();
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    drop(connection);
    let bytes = std::fs::read(&db).unwrap();
    let server = Served::start(&db, &[]);
    for _ in 0..3 {
        let listed = server.json("/api/profiling/runs");
        assert_eq!(listed["runs"][0]["status"], "crashed");
        let energy = listed["runs"][0]["energy_j"].as_f64().unwrap();
        assert!(energy > 7.0, "{energy}");
        let tokens = server.json(&format!("/api/profiling/run/{uuid}/tokens"));
        assert_eq!(tokens["total"], nested::TOKENS);
    }
    drop(server);
    assert_eq!(std::fs::read(&db).unwrap(), bytes, "a read does not write");
}

#[test]
fn runs_of_two_hosts_in_one_file_have_their_own_clocks() {
    let folder = tempfile::tempdir().unwrap();
    for (host, start_s) in [("near", 0), ("far", -86_400 * 365)] {
        let run = Nested {
            host: host.into(),
            name: host.into(),
            start_s,
            ..Nested::default()
        };
        nested::add(folder.path(), &run);
    }
    let server = Served::start(&folder.path().join("energy.db"), &[]);
    let runs = server.json("/api/profiling/runs");
    let names: Vec<_> = runs["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["name"])
        .collect();
    assert_eq!(
        names,
        ["near", "far"],
        "the clock decides, not the order of writing"
    );
    assert_eq!(runs["runs"][1]["timestamp"], "2025-11-24T00:20:56.000000Z");
    let differ = server.post(
        "/api/profiling/compare",
        &serde_json::json!({ "runs": ["near", "far"] }),
    );
    assert!(differ.problem(422).contains("host"), "{}", differ.text());
}
