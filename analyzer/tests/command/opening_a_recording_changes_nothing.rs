//! Opening a recording writes nothing to it. Only commands complete runs without an end, for
//! their own connection.

use crate::fixture;
use energy_analyzer::query::{self, Recording, repair};
use energy_analyzer::{Error, ErrorClass};

/// A run whose recorder has been silent for long, on another machine.
const SILENT: &str = "UPDATE runs SET status = 'running', end_ns = NULL, boot_id = 'another',
                      host = 'elsewhere', heartbeat_unix_ns = 0";

#[test]
fn a_run_without_an_end_is_completed_on_request_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = fixture::recording(folder.path(), "measured");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(SILENT).unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();

    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.notes, [""; 0]);
    let run = recording.run("last").unwrap();
    assert_eq!(run.row.end_ns, None);
    drop(recording);

    repair(&path).unwrap();
    let recording = Recording::open_repaired(&path).unwrap();
    assert_eq!(recording.notes.len(), 1, "{:?}", recording.notes);
    assert_eq!(query::list(&recording).unwrap().len(), 1);
    drop(recording);
    assert!(std::fs::read(&path).unwrap() == before, "the file changed");
}

#[test]
fn missing_and_ambiguous_names_have_different_classes() {
    let folder = tempfile::tempdir().unwrap();
    let class = |error: Error| (error.class(), error.to_string());
    let none = folder.path().join("none.db");
    assert_eq!(
        class(Recording::open(&none).unwrap_err()).0,
        ErrorClass::Absent
    );
    assert!(!none.exists(), "no file is created");

    let path = fixture::recording(folder.path(), "measured");
    let connection = rusqlite::Connection::open(&path).unwrap();
    let again =
        "INSERT INTO runs (no, uuid, status, pid, heartbeat_unix_ns, start_unix_ns, version)
                 SELECT 2, '0f1e2d3d' || substr(uuid, 9), status, pid, 0, 0, version FROM runs";
    connection.execute_batch(again).unwrap();
    let recording = Recording::open(&path).unwrap();
    let (absent, text) = class(recording.run("ffff").unwrap_err());
    assert_eq!(absent, ErrorClass::Absent, "{text}");
    let (ambiguous, text) = class(recording.run("0f1e2d3").unwrap_err());
    assert_eq!(ambiguous, ErrorClass::Invalid, "{text}");
    let (phase, text) = class(
        query::ledger(
            &recording,
            &recording.run("sky\u{1b}[31m").unwrap(),
            Some("none"),
        )
        .unwrap_err(),
    );
    assert_eq!(phase, ErrorClass::Absent, "{text}");
}
