//! A recording of each version of the tables is kept as rows in `golden/version_N.sql`. Opened for
//! writing, it has the tables of this version, and reads and is attributed as before.
//!
//! Rows of the current version are generated: `BLESS=1` writes them. A released version's file
//! never changes; a new version needs a line in [`STEPS`] and in [`KEPT`].

use std::path::{Path, PathBuf};

use crate::store_support::attributed;
use energy_data::rows::RunStatus;
use energy_store::{SCHEMA_VERSION, SqliteSink, Store};
use rusqlite::Connection;
use tracing_energy::{Batch, Sink};

/// The SQL that leads to each version from the one before.
const STEPS: [&str; SCHEMA_VERSION] = [
    include_str!("../../store/src/schema.sql"),
    include_str!("../../store/src/migration_2.sql"),
    include_str!("../../store/src/migration_3.sql"),
];

/// Rows of a recording of each version.
const KEPT: [&str; SCHEMA_VERSION] = [
    include_str!("../golden/version_1.sql"),
    include_str!("../golden/version_2.sql"),
    include_str!("../golden/version_3.sql"),
];

/// Returns the recording that is kept: without anything of this machine.
fn kept() -> Batch {
    let mut batch = attributed("kept");
    if let Some(run) = &mut batch.run {
        (run.pid, run.pid_start, run.start_unix_ns) = (1, None, 0);
        (run.status, run.end_ns) = (RunStatus::Complete, Some(400_000_000));
        (run.boot_id, run.os, run.chip) = (None, None, None);
        run.host_id = Some("0".repeat(32));
        run.host = Some("machine".into());
    }
    batch.heartbeat_unix_ns = 0;
    batch
}

fn written(path: &Path, batch: &Batch) {
    let mut sink = SqliteSink::create(path).expect("opens for recording");
    sink.write(batch).expect("written");
    sink.finish().expect("finished");
}

/// Returns SQL that inserts all rows of the file.
fn dump(path: &Path) -> String {
    let connection = Connection::open(path).expect("opens");
    // Both differ between recorders.
    let own = "UPDATE runs SET lease = NULL, pid_space = ''";
    connection.execute_batch(own).expect("changed");
    let mut dump = String::new();
    for table in texts(
        &connection,
        "SELECT name FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid",
    ) {
        let columns = format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid");
        let columns = texts(&connection, &columns);
        let values: Vec<String> = columns
            .iter()
            .map(|name| format!("quote({name})"))
            .collect();
        let values = values.join(" || ', ' || ");
        let rows = texts(&connection, &format!("SELECT {values} FROM {table}"));
        let rows: Vec<String> = rows.iter().map(|row| format!("({row})")).collect();
        if !rows.is_empty() {
            let (columns, rows) = (columns.join(", "), rows.join(",\n"));
            dump += &format!("INSERT INTO {table} ({columns}) VALUES\n{rows};\n");
        }
    }
    dump
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).expect(sql);
    let rows = statement.query_map([], |row| row.get(0)).expect(sql);
    rows.map(|row| row.expect(sql)).collect()
}

fn number(store: &Store, sql: &str) -> f64 {
    let read = store.connection().query_row(sql, [], |row| row.get(0));
    read.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Creates the kept file of that version.
fn file_of(version: usize, folder: &Path) -> PathBuf {
    let new = folder.join("new.db");
    let id = number(
        &Store::create(&new).expect("a new file"),
        "SELECT application_id FROM pragma_application_id",
    );
    let path = folder.join(format!("version_{version}.db"));
    let connection = Connection::open(&path).expect("a new file");
    let pragmas = format!("PRAGMA application_id = {id}; PRAGMA user_version = {version};");
    for sql in STEPS[..version]
        .iter()
        .chain([&KEPT[version - 1], &pragmas.as_str()])
    {
        connection.execute_batch(sql).expect("a kept recording");
    }
    path
}

#[test]
fn the_kept_recording_of_this_version_is_what_it_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kept.db");
    written(&path, &kept());
    let rows = dump(&path);
    if std::env::var_os("BLESS").is_some() {
        let golden = format!("tests/golden/version_{SCHEMA_VERSION}.sql");
        std::fs::write(golden, &rows).expect("written");
        return;
    }
    assert_eq!(rows, KEPT[SCHEMA_VERSION - 1], "BLESS=1 writes the rows");
}

#[test]
fn a_file_of_each_version_has_the_tables_of_this_one_after_opening_for_writing() {
    let folder = tempfile::tempdir().expect("a folder");
    let tables = "SELECT t.name || '.' || c.name FROM sqlite_schema t
                  JOIN pragma_table_info(t.name) c
                  WHERE t.name NOT LIKE 'sqlite%' ORDER BY 1";
    let new = Store::create(folder.path().join("other.db")).expect("a new file");
    for version in 1..=SCHEMA_VERSION {
        let path = file_of(version, folder.path());
        if version < SCHEMA_VERSION {
            let error = Store::open(&path).expect_err("old").to_string();
            assert!(error.contains("open it once for writing"), "{error}");
        }
        drop(Store::open_writable(&path).expect("migrated"));
        let store = Store::open(&path).expect("readable");
        let found = number(&store, "SELECT user_version FROM pragma_user_version");
        assert_eq!(found, SCHEMA_VERSION as f64);
        assert_eq!(
            texts(store.connection(), tables),
            texts(new.connection(), tables)
        );
        let run = store.find_run("kept").expect("the run");
        assert_eq!((run.no, run.row.host.as_deref()), (1, Some("machine")));
        let spans = store.spans(1).and_then(|rows| rows.all());
        assert_eq!(spans.expect("spans"), kept().spans);
    }
}

#[test]
fn a_file_of_each_version_can_be_attributed_again_and_recorded_to() {
    let folder = tempfile::tempdir().expect("a folder");
    for version in 1..=SCHEMA_VERSION {
        let path = file_of(version, folder.path());
        let id = energy_store::reattribute(&path, "kept", &Default::default());
        assert_eq!(id.expect("attributed"), 2);
        written(&path, &attributed("new"));
        let store = Store::open(&path).expect("readable");
        assert!(store.find_run("new").is_ok());
        let again = "SELECT sum(measured_j) FROM balance WHERE run = 1 AND attribution = 2";
        let samples = "SELECT sum(energy_j) FROM samples WHERE run = 1 AND start_ns >= 0";
        let (again, samples) = (number(&store, again), number(&store, samples));
        assert!((again - samples).abs() < 1e-9, "{again} {samples}");
    }
}
