//! A run whose process was killed reads as crashed and is closed and attributed.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::store_support::{MS, recording, span};
use crate::waiting::until;
use energy_data::rows::RunStatus;
use energy_host as host;
use energy_store::{SqliteSink, Store};
use tracing_energy::{Batch, Sink};

const PATH: &str = "STORE_REPAIRS_PATH";

/// Runs in a child process: writes an open span over and over until it is killed.
#[test]
fn the_process_that_is_killed() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    let mut sink = SqliteSink::create(path).expect("a new file");
    let mut batch = recording("killed");
    batch.spans[0].end_ns = None;
    sink.write(&batch).expect("written");
    for seq in 10.. {
        let batch = Batch {
            spans: vec![span(seq, 3, None, 401, 402)],
            heartbeat_unix_ns: host::unix_ns(),
            ..Batch::default()
        };
        sink.write(&batch).expect("written");
    }
}

fn status(store: &Store) -> RunStatus {
    store.runs_with_liveness().expect("readable")[0]
        .0
        .row
        .status
}

#[test]
fn killed_while_writing_then_repaired() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("killed.db");
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "repairs_dead_runs::the_process_that_is_killed"])
        .env(PATH, &path)
        .spawn()
        .expect("a child process");
    let written = || {
        let store = Store::open(&path).ok()?;
        let spans = store.spans(1).and_then(|rows| rows.all()).ok()?;
        (spans.len() > 20).then_some(store)
    };
    let mut alive = None;
    until("spans in the file", || {
        alive = written();
        alive.is_some()
    });
    let alive = alive.expect("a file with spans");
    assert_eq!(status(&alive), RunStatus::Running);
    let writable = Store::open_writable(&path).expect("writable");
    assert!(!writable.repair(1, |_| Ok(())).expect("left alone"));
    child.kill().expect("killed");
    child.wait().expect("reaped");

    // A reader shows it as crashed and writes nothing.
    assert_eq!(status(&alive), RunStatus::Crashed);
    assert_eq!(
        alive.runs().expect("readable")[0].row.status,
        RunStatus::Running
    );

    let fails = writable.repair(1, |_| {
        Err(energy_store::Error::Input {
            path: "x".into(),
            message: "no".into(),
        })
    });
    assert!(fails.is_err());
    assert_eq!(
        writable.runs().expect("readable")[0].row.status,
        RunStatus::Running
    );

    let rows = crate::store_support::attribution();
    assert!(
        writable
            .repair(1, |writer| {
                let spans = writer.store().spans(writer.run())?.all()?;
                assert!(spans.iter().all(|span| span.end_ns.is_some()));
                writer.write(&rows)
            })
            .expect("repaired")
    );
    let run = writable.find_run("killed").expect("a run");
    assert_eq!(run.row.status, RunStatus::Crashed);
    assert!(run.row.end_ns.is_some_and(|end| end >= 402 * MS));
    assert!(writable.shown_attribution(1).expect("readable").is_some());
    assert!(!writable.repair(1, |_| Ok(())).expect("nothing left to do"));
}
