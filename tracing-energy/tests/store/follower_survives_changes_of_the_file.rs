//! A follower reports deleted runs, new attributions, dead recorders and replaced files, and
//! continues after a lock.

use std::path::Path;

use energy_data::rows::*;
use energy_store::{Error, FollowFrom, Follower, SqliteSink, Store, attribute_stored};
use tracing_energy::live::Update;
use tracing_energy::{Batch, Sink};

use crate::store_support::rows::{self, MS};
use crate::store_support::{ended, recording, write};
use crate::waiting::until;

/// Polls until an update fulfils `is_wanted`; returns all updates.
fn poll_until(follower: &mut Follower, is_wanted: impl Fn(&Update) -> bool) -> Vec<Update> {
    let mut all = Vec::new();
    until("an update", || {
        all.extend(follower.poll().expect("readable"));
        all.iter().any(&is_wanted)
    });
    all
}

fn spans(updates: &[Update]) -> usize {
    let spans = |update: &Update| match update {
        Update::Rows { batch, .. } => batch.spans.len(),
        _ => 0,
    };
    updates.iter().map(spans).sum()
}

fn new_spans(seqs: std::ops::Range<u64>) -> Batch {
    Batch {
        spans: seqs
            .map(|seq| rows::span(seq, 3, 400 * MS, 401 * MS))
            .collect(),
        ..Batch::default()
    }
}

#[test]
fn a_recorder_that_dies_ends_its_run_as_crashed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    let mut sink = SqliteSink::create(&path).expect("a new file");
    sink.write(&recording("a")).expect("written");
    let mut follower = Follower::open_from(&path, FollowFrom::Beginning).expect("opens");
    assert_eq!(spans(&follower.poll().expect("readable")), 9);
    // The same run, recorded by a process that has ended: this process has another start.
    let mut dead = recording("a").run.expect("a run");
    dead.pid_start = dead.pid_start.map(|start| start - 1);
    let last = Batch {
        run: Some(dead),
        ..new_spans(10..15)
    };
    sink.write(&last).expect("written");
    let bytes = std::fs::read(&path).expect("readable");
    let ended = |update: &Update| matches!(update, Update::Ended { .. });
    let updates = poll_until(&mut follower, ended);
    assert_eq!(spans(&updates), 5, "rows before the end are reported");
    let last = updates.last().expect("an update");
    assert_eq!(
        last,
        &Update::Ended {
            run: "a".into(),
            status: RunStatus::Crashed
        }
    );
    assert_eq!(
        std::fs::read(&path).expect("readable"),
        bytes,
        "nothing is written"
    );
}

#[test]
fn deleted_runs_and_new_attributions_are_reported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    write(&path, &ended("a"));
    write(&path, &ended("b"));
    let mut follower = Follower::open(&path).expect("opens");
    assert!(
        follower.poll().expect("readable").is_empty(),
        "ended runs are not reported"
    );
    let store = Store::open_writable(&path).expect("opens");
    let run = store.find_run("a").expect("a run").no;
    let id = store.attribute(run, attribute_stored).expect("attributed");
    let attributed = |update: &Update| matches!(update, Update::Attributed { .. });
    let updates = poll_until(&mut follower, attributed);
    let expected = Update::Attributed {
        run: "a".into(),
        attribution: id,
        method: "proportional".into(),
    };
    assert_eq!(updates, [expected]);
    let last = store.find_run("b").expect("a run").no;
    store.delete_run(last).expect("deleted");
    // A new run takes its number.
    write(&path, &recording("c"));
    let updates = poll_until(
        &mut follower,
        |update| matches!(update, Update::Rows { run, .. } if **run == *"c"),
    );
    assert_eq!(updates[0], Update::Deleted { run: "b".into() });
}

#[test]
fn a_vacuumed_file_repeats_no_row() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    let mut sink = SqliteSink::create(&path).expect("a new file");
    sink.write(&recording("a")).expect("written");
    let mut follower = Follower::open_from(&path, FollowFrom::Beginning).expect("opens");
    assert_eq!(spans(&follower.poll().expect("readable")), 9);
    let other = rusqlite::Connection::open(&path).expect("opens");
    other.execute_batch("VACUUM").expect("vacuumed");
    assert_eq!(spans(&follower.poll().expect("readable")), 0);
    sink.write(&new_spans(10..12)).expect("written");
    assert_eq!(spans(&follower.poll().expect("readable")), 2);
}

#[test]
fn a_replaced_file_is_followed_from_its_beginning() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    write(&path, &ended("a"));
    let mut follower = Follower::open(&path).expect("opens");
    assert!(follower.poll().expect("readable").is_empty());
    let remove = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        let _ = std::fs::remove_file(Path::new(&name));
    };
    ["", "-wal", "-shm"].into_iter().for_each(remove);
    assert_eq!(follower.poll().expect("no error"), [Update::FileGone]);
    assert!(
        follower.poll().expect("no error").is_empty(),
        "reported once"
    );
    let mut sink = SqliteSink::create(&path).expect("a new file");
    assert_eq!(follower.poll().expect("readable"), [Update::FileReplaced]);
    sink.write(&recording("b")).expect("written");
    let updates = follower.poll().expect("readable");
    assert_eq!(spans(&updates), 9);
}

#[test]
fn a_locked_file_is_busy_and_no_row_is_lost() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    let mut sink = SqliteSink::create(&path).expect("a new file");
    sink.write(&recording("a")).expect("written");
    sink.finish().expect("finished");
    // Without a write-ahead log, as on some network file systems, readers wait for writers.
    let other = rusqlite::Connection::open(&path).expect("opens");
    let mode = other.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0));
    assert_eq!(mode, Ok("delete".to_owned()));
    let mut follower = Follower::open_from(&path, FollowFrom::Beginning).expect("opens");
    other.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    let error = follower.poll().expect_err("locked");
    assert!(matches!(error, Error::Busy { .. }), "{error:?}");
    other.execute_batch("COMMIT").expect("unlocked");
    assert_eq!(spans(&follower.poll().expect("readable")), 9);
}

#[test]
fn runs_that_appear_complete_long_after_they_ended_have_no_rows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    drop(SqliteSink::create(&path).expect("a new file"));
    let mut follower = Follower::open(&path).expect("opens");
    let mut imported = ended("old");
    imported.heartbeat_unix_ns = 0;
    write(&path, &imported);
    let updates = follower.poll().expect("readable");
    assert_eq!((updates.len(), spans(&updates)), (2, 0), "{updates:?}");
    let complete = Update::Ended {
        run: "old".into(),
        status: RunStatus::Complete,
    };
    assert_eq!(updates[1], complete);
}

#[test]
fn a_missing_file_and_a_foreign_file_are_errors() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let absent = Follower::open(folder.path().join("absent.db")).expect_err("absent");
    assert!(absent.to_string().contains("absent.db"), "{absent}");
    let text = folder.path().join("text.db");
    std::fs::write(
        &text,
        "no database at all, but long enough for a header of one",
    )
    .expect("written");
    let foreign = Follower::open(&text).expect_err("foreign");
    assert!(foreign.to_string().contains("text.db"), "{foreign}");
}

fn change(path: &Path, sql: &str) {
    let other = rusqlite::Connection::open(path).expect("opens");
    other.execute_batch(sql).expect("changed");
}

#[test]
fn an_error_in_the_middle_of_a_read_neither_repeats_nor_loses_a_change() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    write(&path, &ended("a"));
    write(&path, &ended("b"));
    let mut follower = Follower::open(&path).expect("opens");
    assert!(follower.poll().expect("readable").is_empty());
    let store = Store::open_writable(&path).expect("opens");
    store.delete_run(1).expect("deleted");
    let id = store.attribute(2, attribute_stored).expect("attributed");
    let method = |text: &str| {
        change(
            &path,
            &format!("UPDATE attributions SET method = {text} WHERE run = 2"),
        );
    };
    method("x'ff'");
    until("an error", || follower.poll().is_err());
    assert!(follower.poll().is_err());
    method("'proportional'");
    let attributed = |update: &Update| matches!(update, Update::Attributed { .. });
    let updates = poll_until(&mut follower, attributed);
    let expected = [
        Update::Deleted { run: "a".into() },
        Update::Attributed {
            run: "b".into(),
            attribution: id,
            method: "proportional".into(),
        },
    ];
    assert_eq!(updates, expected);
}

#[test]
fn new_runs_are_followed_although_reading_one_of_them_fails_at_first() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    write(&path, &ended("old"));
    let mut follower = Follower::open(&path).expect("opens");
    assert!(follower.poll().expect("readable").is_empty());
    let mut first = SqliteSink::create(&path).expect("opens");
    let mut second = SqliteSink::create(&path).expect("opens");
    let other = rusqlite::Connection::open(&path).expect("opens");
    first.write(&recording("c")).expect("written");
    second.write(&recording("d")).expect("written");
    // An id that is no number.
    let wrong = "INSERT INTO attributions VALUES (3, 'x', 'live', 1, '{}', NULL, '{}', 0)";
    other.execute_batch(wrong).expect("inserted");
    assert!(follower.poll().is_err());
    let right = "DELETE FROM attributions WHERE id = 'x'";
    other.execute_batch(right).expect("deleted");
    let updates = follower.poll().expect("readable");
    assert_eq!(spans(&updates), 18, "{updates:?}");
    assert_eq!(spans(&follower.poll().expect("readable")), 0);
}
