//! A column that a later version adds to a table moves with its rows, from another file and from
//! a joined run. The later version is made up: every table of runs has a column `place`.

use std::path::Path;

use crate::store_support::{calibration, ended, experiment, number, trial, write};
use energy_data::rows::{CpuScope, RunStatus};
use energy_store::{MergeSource, Store};
use tracing_energy::Batch;

/// Tables of a joined run with rows that move to its parent run.
const JOINED: [&str; 11] = [
    "threads",
    "callsites",
    "nodes",
    "instances",
    "spans",
    "span_fields",
    "links",
    "span_events",
    "node_windows",
    "events",
    "cpu",
];

/// Adds the column to every table, as a migration does.
fn migrate(store: &Store) {
    for table in tables(store) {
        let sql = format!("ALTER TABLE {table} ADD COLUMN place TEXT");
        store.connection().execute_batch(&sql).expect("migrated");
    }
}

/// Returns the tables whose rows move: what was sent is known to one file only.
fn tables(store: &Store) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema
               WHERE type = 'table' AND name NOT LIKE 'sqlite%'
                 AND name NOT IN ('destinations', 'shipments') ORDER BY rowid";
    let mut statement = store.connection().prepare(sql).expect("tables");
    let names = statement.query_map([], |row| row.get(0)).expect("tables");
    names.map(|name| name.expect("a name")).collect()
}

/// Sets the column in all rows.
fn place(store: &Store, place: &str) {
    for table in tables(store) {
        let sql = format!("UPDATE {table} SET place = '{place}'");
        store.connection().execute_batch(&sql).expect("changed");
    }
}

fn rows(store: &Store, table: &str, condition: &str) -> i64 {
    let sql = format!("SELECT count(*) + 0.0 FROM {table} WHERE {condition}");
    number(store, &sql) as i64
}

fn open(path: &Path) -> Store {
    Store::open_writable(path).expect("writable")
}

/// A file with one run, a calibration and an experiment.
fn file(path: &Path, run: &Batch) -> Store {
    write(path, run);
    let store = open(path);
    store
        .insert_calibration(&calibration(2.0, 1))
        .expect("written");
    let inserted = store.insert_experiment(&experiment(), &[trial(1)], "group");
    assert_eq!(inserted.expect("written"), None);
    migrate(&store);
    store
}

#[test]
fn added_columns_move_from_another_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, there) = (
        folder.path().join("here.db"),
        folder.path().join("there.db"),
    );
    let source = file(&there, &ended("there"));
    place(&source, "there");
    let store = Store::create(&here).expect("a file");
    migrate(&store);
    let opened = MergeSource::open(&there, folder.path()).expect("readable");
    let mut merge = store.merge();
    assert_eq!(merge.run(&opened, 1).expect("merged"), Some(1));
    assert_eq!(merge.calibrations(&opened).expect("merged"), 1);
    assert_eq!(merge.experiments(&opened).expect("merged"), 1);
    drop(merge);
    for table in tables(&source) {
        let all = rows(&source, &table, "1");
        assert!(all > 0, "{table}: the recording has a row in each table");
        assert_eq!(rows(&store, &table, "place = 'there'"), all, "{table}");
    }
}

#[test]
fn added_columns_move_from_a_joined_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    write(&path, &ended("all"));
    let mut joined = ended("joined");
    if let Some(run) = &mut joined.run {
        (run.status, run.pid, run.pid_start) = (RunStatus::Complete, 71, Some(71));
        run.parent_run = Some("all".into());
    }
    let is_moved = |scope| matches!(scope, CpuScope::Thread(_) | CpuScope::Process);
    let times = joined.cpu.iter().filter(|row| is_moved(row.scope)).count();
    write(&path, &joined);
    let store = open(&path);
    migrate(&store);
    place(&store, "moved");
    let of_parent = "UPDATE {table} SET place = NULL WHERE ";
    for table in JOINED {
        let key = match table {
            "spans" => "id >> 40 = 1",
            "span_fields" => "span >> 40 = 1",
            _ => "run = 1",
        };
        let sql = of_parent.replace("{table}", table) + key;
        store.connection().execute_batch(&sql).expect("changed");
    }
    let before: Vec<i64> = JOINED
        .iter()
        .map(|table| rows(&store, table, "place = 'moved'"))
        .collect();
    assert_eq!(store.merge_joined(1).expect("merged").processes, 1);
    for (table, before) in JOINED.iter().zip(before) {
        let expected = match *table {
            "cpu" => times as i64,
            _ => before,
        };
        assert!(
            expected > 0,
            "{table}: the recording has a row in each table"
        );
        assert_eq!(rows(&store, table, "place = 'moved'"), expected, "{table}");
    }
}
