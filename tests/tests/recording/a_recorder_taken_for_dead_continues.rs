//! Another process takes a live recorder for dead, closes its run and attributes it. The
//! recorder notices and continues: its totals are those of the whole run.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::Duration;

use energy_data::rows::RunStatus;
use energy_store::Store;
use energy_store::repair_dead_runs;
use energy_tests::{StoredRun, burn, oracle, record, tokens, until};
use rusqlite::Connection;
use tracing_energy::RunSummary;

/// The run's spans that are in the file.
fn stored(path: &Path) -> usize {
    StoredRun::try_open(path, "last").map_or(0, |run| run.spans().len())
}

/// Records, and calls `close` on the file in the middle.
fn closed_during(path: &Path, close: impl FnOnce()) -> RunSummary {
    record(path, || {
        let _open = tracing::info_span!("open while it is closed").entered();
        until("spans in the file", || {
            tokens(5);
            stored(path) > 20
        });
        close();
        let before = stored(path);
        until("the recorder goes on", || {
            tokens(5);
            stored(path) > before
        });
        burn(Duration::from_millis(100));
    })
}

#[test]
fn a_run_that_was_closed_too_early_has_complete_totals() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let mut repaired_j = 0.0;
    let summary = closed_during(&path, || {
        // The file names a process that no longer exists as the recorder.
        let connection = Connection::open(&path).expect("the file");
        connection
            .busy_timeout(Duration::from_secs(60))
            .expect("patience");
        let lie = "UPDATE runs SET pid_start = 1";
        assert_eq!(connection.execute(lie, []), Ok(1));
        let store = Store::open_writable(&path).expect("writable");
        assert_eq!(repair_dead_runs(&store).expect("repaired").len(), 1);
        let total = "SELECT total(measured_j) FROM balance";
        repaired_j = connection
            .query_row(total, [], |row| row.get::<_, f64>(0))
            .expect("totals");
    });
    assert_eq!(oracle::check_with(&path, &summary), [""; 0]);
    let run = StoredRun::open(&path, "last");
    assert_eq!(run.status, RunStatus::Complete);
    assert_eq!(run.events("reopened"), 1);
    run.assert_closed();
    run.assert_balanced();
    let of_run = |sql: &str| run.number(sql);
    assert_eq!(
        of_run("SELECT count(*) FROM attributions WHERE run = ?1"),
        1.0
    );
    let stored_j = of_run("SELECT total(measured_j) FROM balance WHERE run = ?1");
    let measured_j = summary.measured_j().expect("energy");
    assert!(
        (stored_j - measured_j).abs() < 1e-6 * measured_j,
        "{stored_j} J in the file, {measured_j} J measured"
    );
    assert!(repaired_j > 0.0 && repaired_j < stored_j);
    // The span that was open when the run was closed has its real end.
    let open = of_run(
        "SELECT s.duration_ns / 1e9 FROM activations s
         JOIN nodes n ON n.run = s.run AND n.id = s.node
         WHERE s.run = ?1 AND n.label = 'open while it is closed'",
    );
    let seconds = summary.duration_ns as f64 / 1e9;
    assert!(
        open > 0.5 * seconds && open <= seconds,
        "{open} of {seconds} s"
    );
    assert_eq!(run.spans().len() as u64, summary.activations);
}

#[test]
fn a_reader_on_another_machine_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let mut shown = Vec::new();
    let summary = closed_during(&path, || {
        // The view of another machine: another boot, and a heartbeat of a clock an hour behind.
        let connection = Connection::open(&path).expect("the file");
        connection
            .busy_timeout(Duration::from_secs(60))
            .expect("patience");
        let elsewhere = "UPDATE runs SET boot_id = 'another', heartbeat_unix_ns = 0";
        connection.execute(elsewhere, []).expect("changed");
        let recording = energy_analyzer::query::Recording::open_repaired(&path).expect("readable");
        let run = recording.run("last").expect("the run");
        shown.push((run.row.status, recording.notes.len()));
    });
    // A flush may have updated the heartbeat before the reader read it.
    assert!(
        shown
            .iter()
            .all(|(status, notes)| *status == RunStatus::Running && *notes <= 1),
        "{shown:?}"
    );
    assert_eq!(oracle::check_with(&path, &summary), [""; 0]);
    let run = StoredRun::open(&path, "last");
    assert_eq!(
        (run.status, run.events("reopened")),
        (RunStatus::Complete, 0)
    );
}
