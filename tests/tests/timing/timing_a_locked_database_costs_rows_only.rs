//! Another connection holds the database's lock for longer than the recorder waits: rows
//! are lost and counted, the traced program neither waits nor loses a record, and every
//! span in the file has its end.

use std::sync::atomic::{AtomicBool, Ordering};

use energy_data::rows::RunStatus;
use energy_tests::{StoredRun, burn, modelled, oracle, tokens, until};
use rusqlite::Connection;
use std::time::Duration;
use tracing::info_span;
use tracing_subscriber::prelude::*;

#[test]
fn a_locked_database_costs_rows_only() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("energy.db");
        let (layer, guard) = modelled(&path).build().expect("a recording");
        let stored = || StoredRun::try_open(&path, "last").map_or(0, |run| run.spans().len());
        let (locked, left) = (AtomicBool::new(false), AtomicBool::new(false));
        let locker = || {
            let connection = Connection::open(&path).expect("the database");
            connection
                .busy_timeout(Duration::from_secs(60))
                .expect("a timeout");
            connection
                .execute_batch("BEGIN EXCLUSIVE")
                .expect("the lock");
            locked.store(true, Ordering::SeqCst);
            until("a span ends during the lock", || {
                left.load(Ordering::SeqCst)
            });
            // The recorder waits five seconds for the first of its batches.
            std::thread::sleep(Duration::from_secs(12));
            connection.execute_batch("COMMIT").expect("released");
            locked.store(false, Ordering::SeqCst);
        };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let _outermost = info_span!("outermost").entered();
            let ends_locked = info_span!("ends locked").entered();
            burn(Duration::from_millis(100));
            until("spans in the file", || stored() >= 2);
            std::thread::scope(|scope| {
                scope.spawn(locker);
                until("the lock", || locked.load(Ordering::SeqCst));
                burn(Duration::from_millis(50));
                drop(ends_locked);
                left.store(true, Ordering::SeqCst);
                while locked.load(Ordering::SeqCst) {
                    tokens(10);
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            let before = stored();
            until("the recorder continues", || {
                tokens(10);
                stored() > before
            });
        });
        let summary = guard.finish();
        assert_eq!(summary.stalled_ns, 0, "{summary:?}");
        assert!(summary.lost > 0, "{summary:?}");
        let is_reported = |text: &String| text.contains("energy.db") && text.contains("write lock");
        assert!(
            summary.warnings.iter().any(is_reported),
            "{:?}",
            summary.warnings
        );

        // Losses are stored although the file could not be written when they occurred.
        assert_eq!(oracle::check_with(&path, &summary), [""; 0]);
        let run = StoredRun::open(&path, "last");
        assert_eq!(run.status, RunStatus::Complete);
        assert_eq!(run.events("records_dropped"), 0);
        assert!(run.events("rows_dropped") > 0);
        assert!((run.spans().len() as u64) < summary.activations);
        run.assert_closed();
        let length = |label: &str| {
            let sql = format!(
                "SELECT s.duration_ns FROM activations s JOIN nodes n ON n.run = s.run
             AND n.id = s.node WHERE s.run = ?1 AND n.label = '{label}'"
            );
            run.number(&sql)
        };
        assert!(length("ends locked") < length("outermost") - 11e9);
        for rail in &summary.rails {
            let accounts = rail.accounts.expect("measured");
            assert!(energy_attribution::balances(&accounts));
        }
    });
}
