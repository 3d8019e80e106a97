//! A recorder's liveness is determined by looking up its process, else by a lease; the
//! length of a dead run by its own clock.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::store_support::{MS, attributed, attribution, number, recording, run_row, span};
use energy_data::rows::RunStatus;
use energy_host::{self as host, Host};
use energy_store::{Patience, RunLiveness, ShownEnd, SqliteSink, Store, StoredRun, liveness};
use rusqlite::Connection;
use tracing_energy::{Batch, Sink};

const DAY_NS: i64 = 86_400_000_000_000;

/// Returns a run recorded by this process, with changes.
fn stored(change: impl FnOnce(&mut StoredRun)) -> StoredRun {
    let mut run = StoredRun {
        no: 1,
        heartbeat_unix_ns: host::unix_ns(),
        last_seen_ns: Some(0),
        pid_space: Host::here().pid_space,
        row: run_row("a"),
    };
    change(&mut run);
    run
}

/// Covers every row of the table in `store/repair.rs`.
#[test]
fn a_run_is_dead_only_where_its_process_can_be_looked_up_and_is_gone() {
    let judged = |change: fn(&mut StoredRun)| liveness(&stored(change), &Host::here());
    let process_is_another = |run: &mut StoredRun| run.row.pid_start = Some(1);
    assert_eq!(judged(|_| ()), RunLiveness::Alive);
    assert_eq!(judged(process_is_another), RunLiveness::Dead);
    assert_eq!(judged(|run| run.row.pid = u32::MAX), RunLiveness::Dead);
    // Containers of one machine have names of their own.
    assert_eq!(
        judged(|run| run.row.host = Some("container".into())),
        RunLiveness::Alive
    );
    assert_eq!(
        judged(|run| {
            run.row.host = Some("container".into());
            run.row.pid_start = Some(1);
        }),
        RunLiveness::Dead
    );
    let elsewhere: [fn(&mut StoredRun); 6] = [
        |run| run.row.boot_id = Some("another".into()),
        |run| run.row.boot_id = None,
        |run| run.pid_space = Some("another".into()),
        |run| run.pid_space = Some(String::new()),
        |run| run.pid_space = None,
        |run| run.row.pid_start = None,
    ];
    for change in elsewhere {
        assert_eq!(judged(change), RunLiveness::Uncertain);
        let mut silent = stored(change);
        silent.heartbeat_unix_ns = 0;
        silent.row.pid = u32::MAX;
        assert_eq!(
            liveness(&silent, &Host::here()),
            RunLiveness::Uncertain,
            "regardless of the silence"
        );
    }
    // Clocks are irrelevant for a process that can be looked up.
    assert_eq!(judged(|run| run.heartbeat_unix_ns = 0), RunLiveness::Alive);
    assert_eq!(
        judged(|run| {
            run.heartbeat_unix_ns += DAY_NS;
            run.row.pid = u32::MAX;
        }),
        RunLiveness::Dead
    );
    for status in [
        RunStatus::Complete,
        RunStatus::Cancelled,
        RunStatus::Crashed,
    ] {
        let mut ended = stored(process_is_another);
        ended.row.status = status;
        assert_eq!(liveness(&ended, &Host::here()), RunLiveness::Ended);
    }
}

/// Creates a recording of `uuid` whose recorder is gone, or on another machine.
fn left(folder: &Path, uuid: &str, pid_start: Option<i64>) -> (PathBuf, SqliteSink) {
    let path = folder.join(format!("{uuid}.db"));
    let mut sink = SqliteSink::create(&path).expect("a new file");
    let mut batch = attributed(uuid);
    batch.spans[0].end_ns = None;
    if let Some(run) = &mut batch.run {
        run.pid_start = pid_start;
    }
    sink.write(&batch).expect("written");
    (path, sink)
}

fn sql(path: &Path, change: &str) {
    let connection = Connection::open(path).expect("the file");
    assert_eq!(connection.execute(change, []).expect(change), 1);
}

#[test]
fn the_length_of_a_dead_run_does_not_depend_on_the_wall_clock() {
    let folder = tempfile::tempdir().expect("a folder");
    for shift in [0, DAY_NS, -DAY_NS] {
        let uuid = format!("shifted {shift}");
        let (path, mut sink) = left(folder.path(), &uuid, Some(1));
        let later = Batch {
            time_ns: 2_300 * MS,
            heartbeat_unix_ns: host::unix_ns() + shift,
            ..Batch::default()
        };
        sink.write(&later).expect("written");
        drop(sink);
        let store = Store::open_writable(&path).expect("writable");
        assert!(store.repair(1, |_| Ok(())).expect("repaired"));
        let end = store.find_run(&uuid).expect("the run").row.end_ns;
        assert_eq!(end, Some(2_300 * MS + 1));
        assert_eq!(store.spans(1).unwrap().all().unwrap()[0].end_ns, end);
    }
}

#[test]
fn without_a_flush_time_the_rows_give_the_length_of_a_dead_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, sink) = left(folder.path(), "old", Some(1));
    drop(sink);
    sql(
        &path,
        "UPDATE runs SET last_seen_ns = NULL, heartbeat_unix_ns = start_unix_ns + 86400000000000",
    );
    let store = Store::open_writable(&path).expect("writable");
    assert!(store.repair(1, |_| Ok(())).expect("repaired"));
    let end = store.find_run("old").expect("the run").row.end_ns;
    // The last sample ends at 400 ms.
    assert!(
        end.is_some_and(|end| (400 * MS..500 * MS).contains(&end)),
        "{end:?}"
    );
}

const AT_ONCE: Patience = Patience {
    silence: Duration::ZERO,
    wait: Duration::from_millis(30),
};
/// Long enough for a recorder on a busy machine to renew its lease.
const PATIENT: Patience = Patience {
    wait: Duration::from_millis(500),
    ..AT_ONCE
};

#[test]
fn an_uncertain_run_is_closed_only_if_its_lease_is_not_renewed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, sink) = left(folder.path(), "far", None);
    let store = Store::open_writable(&path).expect("writable");
    assert!(!store.repair(1, |_| Ok(())).expect("left alone"));
    // Seen too recently.
    let error = store.take_over(1, &Patience::default(), |_| Ok(()));
    let message = error.expect_err("refused").to_string();
    assert!(
        message.contains("may be being recorded") && message.contains("600 s"),
        "{message}"
    );
    // Its recorder renews the lease while the repairer waits.
    let is_over = AtomicBool::new(false);
    let mut sink = std::thread::scope(|scope| {
        let renewing = scope.spawn(|| {
            let mut sink = sink;
            while !is_over.load(Ordering::Relaxed) {
                let beat = Batch {
                    time_ns: 500 * MS,
                    heartbeat_unix_ns: host::unix_ns(),
                    ..Batch::default()
                };
                sink.write(&beat).expect("written");
                std::thread::sleep(Duration::from_millis(2));
            }
            sink
        });
        let taken = store.take_over(1, &PATIENT, |_| Ok(()));
        is_over.store(true, Ordering::Relaxed);
        assert!(!taken.expect("left alone"));
        renewing.join().expect("renewed")
    });
    assert_eq!(
        store.find_run("far").unwrap().row.status,
        RunStatus::Running
    );
    assert!(store.set_name(1, Some("x")).is_err(), "it may be alive");
    // The lease is no longer renewed.
    let rows = attribution();
    let taken = store.take_over(1, &AT_ONCE, |writer| writer.write(&rows));
    assert!(taken.expect("taken over"));
    let run = store.find_run("far").expect("the run").row;
    assert_eq!(
        (run.status, run.end_ns),
        (RunStatus::Crashed, Some(500 * MS + 1))
    );
    assert_eq!(store.shown_attribution(1).unwrap(), Some(2));
    assert!(
        !store
            .take_over(1, &AT_ONCE, |_| Ok(()))
            .expect("nothing left to do")
    );

    // The recorder was alive: it detects the closing and continues.
    let was = attribution_ids(&store);
    let late = Batch {
        spans: vec![span(9, 3, None, 510, 520)],
        time_ns: 600 * MS,
        heartbeat_unix_ns: host::unix_ns(),
        ..Batch::default()
    };
    sink.write(&late).expect("written");
    assert_eq!(was, [1, 2]);
    assert_eq!(attribution_ids(&store), [1]);
    let run = store.find_run("far").expect("the run").row;
    assert_eq!((run.status, run.end_ns), (RunStatus::Running, None));
    let spans = store.spans(1).unwrap().all().unwrap();
    assert_eq!(spans[0].end_ns, None, "it is open again");
    assert!(spans[1..].iter().all(|span| span.end_ns.is_some()));
}

fn attribution_ids(store: &Store) -> Vec<i64> {
    let sql = "SELECT id FROM attributions WHERE run = 1 ORDER BY id";
    let mut ids = store.connection().prepare(sql).expect("a query");
    let ids = ids.query_map([], |row| row.get(0)).expect("rows");
    ids.collect::<rusqlite::Result<_>>().expect("ids")
}

#[test]
fn a_recorder_whose_run_was_deleted_reports_it_and_writes_to_no_other_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, mut sink) = left(folder.path(), "deleted", None);
    Store::open_writable(&path)
        .and_then(|store| store.delete_run(1))
        .expect("deleted");
    let mut other = SqliteSink::create(&path).expect("the file");
    other.write(&recording("other")).expect("written");
    let more = Batch {
        spans: vec![span(9, 3, None, 510, 520)],
        ..Batch::default()
    };
    let message = sink.write(&more).expect_err("refused").to_string();
    assert!(message.contains("was deleted"), "{message}");
    let store = Store::open(&path).expect("readable");
    let spans = store.spans(1).unwrap().all().unwrap();
    assert_eq!(spans.len(), recording("other").spans.len());
}

/// The file's bytes, its write-ahead log included.
fn bytes(path: &Path) -> Vec<Vec<u8>> {
    let log = path.with_extension("db-wal");
    [path.to_owned(), log]
        .iter()
        .map(|file| std::fs::read(file).unwrap_or_default())
        .collect()
}

#[test]
fn a_reader_shows_the_results_of_a_dead_run_without_writing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, sink) = left(folder.path(), "dead", Some(1));
    // A second run of the same file keeps its own results.
    let mut whole = SqliteSink::create(&path).expect("the file");
    whole.write(&attributed("whole")).expect("written");
    let before = bytes(&path);

    let store = Store::open(&path).expect("readable");
    let shown = ShownEnd {
        run: 1,
        has_crashed: true,
    };
    let rows = attribution();
    let attribute = |writer: &mut energy_store::AttributionWriter<'_>| {
        let spans = writer.store().spans(writer.run())?.all()?;
        assert!(spans.iter().all(|span| span.end_ns.is_some()));
        writer.write(&rows)
    };
    store.show_ends(&[shown], attribute).expect("shown");
    let run = store.find_run("dead").expect("the run").row;
    assert_eq!(
        (run.status, run.end_ns),
        (RunStatus::Crashed, Some(400 * MS + 1))
    );
    assert_eq!(store.shown_attribution(1).unwrap(), Some(1));
    for run in [1, 2] {
        let of = |column: &str, table: &str| {
            let sql = format!("SELECT total({column}) FROM {table} WHERE run = {run}");
            number(&store, &sql)
        };
        // Root rails only: 255 J and as much on the second one.
        assert_eq!(of("spans_j", "v_runs"), of("self_j", "v_nodes"));
        assert!(of("measured_j", "balance") > 0.0 && of("power_w", "window_power") > 0.0);
        assert_eq!(of("run", "attributions"), f64::from(run));
    }
    assert_eq!(bytes(&path), before);
    drop((store, whole, sink));
    let raw = Store::open(&path).expect("readable");
    assert_eq!(raw.find_run("dead").unwrap().row.end_ns, None);
}
