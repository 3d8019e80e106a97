//! Several processes and a reader share one file; foreign files are not changed.

use std::sync::Barrier;

use crate::store_support::{attributed, recording, span, spans};
use energy_store::{SCHEMA_VERSION, SqliteSink, Store};
use tracing_energy::{Batch, Sink};

#[test]
fn two_writers_and_a_reader_share_one_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("shared.db");
    let barrier = Barrier::new(2);
    let record = |uuid: &str| {
        barrier.wait();
        let mut sink = SqliteSink::create(&path).expect("opens");
        sink.write(&attributed(uuid)).expect("written");
        let reader = Store::open(&path).expect("readable concurrently");
        for first in (10..20_010).step_by(1_000) {
            let spans = (first..first + 1_000)
                .map(|seq| span(seq, 3, None, 1, 2))
                .collect();
            sink.write(&Batch {
                spans,
                ..Batch::default()
            })
            .expect("written");
            assert!(!reader.runs().expect("readable concurrently").is_empty());
        }
        sink.finish().expect("finished");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| record("a"));
        scope.spawn(|| record("b"));
    });
    let store = Store::open(&path).expect("readable");
    assert_eq!(store.runs().expect("readable").len(), 2);
    for run in 1..=2 {
        assert_eq!(spans(&store, run), 9 + 20_000);
    }
}

#[test]
fn newer_and_foreign_files_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let newer = folder.path().join("newer.db");
    drop(SqliteSink::create(&newer).expect("a new file"));
    let version = SCHEMA_VERSION + 1;
    let raw = rusqlite::Connection::open(&newer).expect("opens");
    raw.pragma_update(None, "user_version", version as i64)
        .expect("written");
    drop(raw);
    let foreign = folder.path().join("foreign.db");
    let raw = rusqlite::Connection::open(&foreign).expect("opens");
    raw.execute_batch("CREATE TABLE mine (x)").expect("written");
    drop(raw);
    for (path, expected) in [(newer, "newer version"), (foreign, "no recording")] {
        let before = std::fs::read(&path).expect("readable");
        for error in [
            SqliteSink::create(&path).err().map(|e| e.to_string()),
            Store::open(&path).err().map(|e| e.to_string()),
        ] {
            let message = error.expect("refused");
            assert!(
                message.contains(expected) && message.contains(".db"),
                "{message}"
            );
        }
        assert_eq!(std::fs::read(&path).expect("readable"), before);
    }
}

#[test]
fn a_removed_file_is_reported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("gone.db");
    let mut sink = SqliteSink::create(&path).expect("a new file");
    sink.write(&recording("a")).expect("written");
    std::fs::remove_file(&path).expect("removed");
    let message = sink
        .write(&Batch::default())
        .expect_err("reported")
        .to_string();
    assert!(
        message.contains("gone.db") && message.contains("removed"),
        "{message}"
    );
}

#[test]
fn after_a_locked_file_the_next_batch_writes_the_needed_rows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("locked.db");
    let mut sink = SqliteSink::create(&path).expect("a new file");
    let other = rusqlite::Connection::open(&path).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let message = sink
        .write(&attributed("a"))
        .expect_err("locked")
        .to_string();
    assert!(
        message.contains("locked.db") && message.contains("another process"),
        "{message}"
    );
    other.execute_batch("ROLLBACK").expect("unlocked");
    sink.write(&Batch {
        spans: vec![span(10, 3, None, 1, 2)],
        ..Batch::default()
    })
    .expect("written");
    sink.finish().expect("finished");
    let store = Store::open(&path).expect("readable");
    let nodes = store.nodes(1).and_then(|rows| rows.all());
    assert_eq!(nodes.expect("readable").len(), 8);
    assert_eq!(spans(&store, 1), 1);
}

#[test]
fn runs_are_found_by_uuid_name_and_uuid_prefix() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("many.db");
    for uuid in ["abc1", "abd2", "by hand"] {
        let mut sink = SqliteSink::create(&path).expect("opens");
        sink.write(&recording(uuid)).expect("written");
    }
    let store = Store::open(&path).expect("readable");
    let found = |which: &str| {
        store
            .find_run(which)
            .map(|run| run.no)
            .map_err(|e| e.to_string())
    };
    assert_eq!(found("abc1"), Ok(1));
    assert_eq!(found("abd"), Ok(2));
    assert_eq!(found("last"), Ok(3));
    assert_eq!(found("by hand"), Ok(3));
    assert!(found("ab").is_err_and(|e| e.contains("abc1") && e.contains("abd2")));
    assert!(found("zzz").is_err_and(|e| e.contains("abc1")));
    assert!(found("").is_err());
}
