//! Later migrations, shown by made-up ones.

use super::*;

/// A made-up version 2: runs with a column `place`, and a table of places.
const SECOND: &str = "
    ALTER TABLE runs ADD COLUMN place TEXT;
    CREATE TABLE places (run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE);
    INSERT INTO places SELECT no FROM runs;";

const RUN: &str = "
    INSERT INTO runs (no, uuid, status, pid, heartbeat_unix_ns, start_unix_ns, version)
    VALUES (1, 'kept', 'complete', 1, 0, 0, '0.1.0')";

fn file() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("recording.db");
    (folder, path)
}

fn opened(path: &Path) -> Connection {
    Connection::open(path).expect("opens")
}

fn version(connection: &Connection) -> i64 {
    pragma(connection, "user_version").expect("a version")
}

/// Creates a file of version 1 with one run.
fn of_version_1(path: &Path) -> Connection {
    let mut connection = opened(path);
    apply(&STEPS[..1], &mut connection, path).expect("a new file");
    connection.execute_batch(RUN).expect("a run");
    connection
}

#[test]
fn a_later_migration_is_applied_once_and_keeps_the_rows() {
    let (_folder, path) = file();
    let mut connection = of_version_1(&path);
    assert_eq!(version(&connection), 1);
    let steps = [STEPS[0], SECOND];
    for _ in 0..2 {
        apply(&steps, &mut connection, &path).expect("migrated");
        assert_eq!(version(&connection), 2);
        let sql = "SELECT count(*) FROM places JOIN runs ON no = run WHERE uuid = 'kept'";
        let kept = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        assert_eq!(kept.expect("a count"), 1);
    }
    let refused = check_for(1, &connection, &path).expect_err("newer");
    assert!(
        refused
            .to_string()
            .contains("tables 2, this program knows 1")
    );
}

#[test]
fn a_failed_migration_changes_nothing() {
    let (_folder, path) = file();
    let mut connection = of_version_1(&path);
    let wrong = format!("{SECOND} INSERT INTO no_such_table VALUES (1);");
    let failed = apply(&[STEPS[0], &wrong], &mut connection, &path);
    let message = failed.expect_err("no such table").to_string();
    assert!(message.contains("recording.db"), "{message}");
    assert_eq!(version(&connection), 1);
    assert!(connection.prepare("SELECT place FROM runs").is_err());
}

#[test]
fn of_two_processes_one_migrates_and_the_other_waits() {
    let (_folder, path) = file();
    let first = of_version_1(&path);
    let migrate = |mut connection: Connection| {
        let patience = std::time::Duration::from_secs(30);
        connection.busy_timeout(patience).expect("a timeout");
        apply(&[STEPS[0], SECOND], &mut connection, &path).map(|()| version(&connection))
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(|| migrate(opened(&path)));
        assert_eq!(migrate(first).expect("migrated"), 2);
        assert_eq!(second.join().expect("no panic").expect("migrated"), 2);
    });
}

#[test]
fn a_file_is_a_recording_or_empty_while_another_process_creates_its_tables() {
    for _ in 0..40 {
        let (_folder, path) = file();
        let wal = |connection: &Connection| {
            connection
                .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF")
                .expect("WAL mode");
        };
        let mut creator = opened(&path);
        wal(&creator);
        let readers: Vec<Connection> = (0..2).map(|_| opened(&path)).collect();
        std::thread::scope(|scope| {
            for reader in readers {
                let path = &path;
                scope.spawn(move || {
                    while check(&reader, path).expect("a recording or empty") < SCHEMA_VERSION {}
                });
            }
            migrate(&mut creator, &path).expect("tables");
        });
    }
}
