//! A merged run is the same in every table except for its number, and is merged completely
//! or not at all.

use std::collections::BTreeMap;

use crate::store_support::{attributed, calibration, ended, file};
use energy_store::{MergeSource, Store, span_ids};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;
use tracing_energy::Batch;

/// Tables that belong to machines or experiments, not to runs; a new table must be added here or
/// have a run.
const OF_OTHERS: [&str; 6] = [
    "calibrations",
    "calibration_kinds",
    "experiments",
    "trials",
    "destinations",
    "shipments",
];

/// The tables of a file with their columns.
fn tables(connection: &Connection) -> BTreeMap<String, Vec<String>> {
    let sql = "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
               WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'";
    let mut statement = connection.prepare(sql).expect(sql);
    let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)));
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows.expect(sql) {
        let (table, column): (String, String) = row.expect(sql);
        tables.entry(table).or_default().push(column);
    }
    tables
}

/// Returns all rows of run number `run` by table. Its number, and span ids that contain it,
/// are replaced by those of run 0.
fn rows(store: &Store, run: i64) -> BTreeMap<String, Vec<String>> {
    let (first, last) = span_ids(run);
    let mut all = BTreeMap::new();
    for (table, columns) in tables(store.connection()) {
        if OF_OTHERS.contains(&table.as_str()) {
            continue;
        }
        let has = |name: &str| columns.iter().any(|column| column == name);
        let condition = match table.as_str() {
            "runs" => format!("no = {run}"),
            _ if has("run") => format!("run = {run}"),
            "spans" => format!("id BETWEEN {first} AND {last}"),
            _ => format!("span BETWEEN {first} AND {last}"),
        };
        let sql = format!("SELECT * FROM {table} WHERE {condition}");
        let mut statement = store.connection().prepare(&sql).expect(&sql);
        let row = |r: &rusqlite::Row<'_>| {
            let value = |at: usize| match r.get::<_, Value>(at)? {
                Value::Integer(number) if number >= first && number <= last => {
                    Ok(format!("span {}", number - first))
                }
                Value::Integer(_) if columns[at] == "run" || columns[at] == "no" => {
                    Ok("run".to_owned())
                }
                other => rusqlite::Result::Ok(format!("{other:?}")),
            };
            let values: rusqlite::Result<Vec<String>> = (0..columns.len()).map(value).collect();
            values.map(|values| values.join(" | "))
        };
        let found = statement.query_map([], row).expect(&sql);
        let mut found: Vec<String> = found.map(|row| row.expect(&sql)).collect();
        found.sort();
        all.insert(table, found);
    }
    all
}

/// Why a run is not merged.
fn refusal(into: &Store, source: &MergeSource, run: i64) -> String {
    let refused = into.merge().run(source, run).expect_err("refused");
    refused.to_string()
}

#[test]
fn a_merged_run_is_the_same_in_every_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let into = file(&folder.path().join("into.db"), &["a", "b", "c"].map(ended));
    let path = folder.path().join("other, #1?.db");
    let other = file(&path, &["x", "b"].map(ended));
    let known = rows(&other, 1);
    for (table, rows) in &known {
        assert!(!rows.is_empty(), "a table that no test fills: {table}");
    }
    let source = MergeSource::open(&path, folder.path()).expect("readable");
    let mut merge = into.merge();
    assert_eq!(merge.run(&source, 1).expect("merged"), Some(4));
    assert_eq!(merge.run(&source, 2).expect("skipped"), None);
    assert_eq!(merge.run(&source, 1).expect("skipped"), None);
    drop(merge);
    assert_eq!(rows(&into, 4), known);
    assert_eq!(rows(&other, 1), known, "a source does not change");
    let runs = into.runs().expect("runs");
    let uuids: Vec<_> = runs.iter().map(|run| run.row.uuid.as_str()).collect();
    assert_eq!(uuids, ["a", "b", "c", "x"]);
    assert!(
        into.connection()
            .execute("DETACH merge_source", [])
            .is_err()
    );
}

#[test]
fn every_table_belongs_to_runs_machines_experiments_or_destinations() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = file(&folder.path().join("a.db"), &[]);
    let of_runs = |columns: &Vec<String>| {
        let is_key = |column: &String| column == "run" || column == "span";
        columns.iter().any(is_key)
    };
    for (table, columns) in tables(store.connection()) {
        let known = matches!(table.as_str(), "runs" | "spans") || of_runs(&columns);
        assert_ne!(known, OF_OTHERS.contains(&table.as_str()), "{table}");
    }
}

#[test]
fn a_failed_copy_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let into = file(&folder.path().join("into.db"), &[ended("a")]);
    let path = folder.path().join("other.db");
    let other = file(&path, &[ended("x")]);
    // A trigger that refuses rows of the last table but one.
    let refuse = "CREATE TRIGGER no BEFORE INSERT ON kind_fits
                  BEGIN SELECT RAISE(ABORT, 'refused for this test'); END";
    into.connection().execute_batch(refuse).expect("a trigger");
    let before = rows(&into, 1);
    let source = MergeSource::open(&path, folder.path()).expect("readable");
    let error = refusal(&into, &source, 1);
    assert!(
        error.contains("into.db") && error.contains("refused for this test"),
        "{error}"
    );
    assert_eq!(rows(&into, 1), before);
    assert!(rows(&into, 2).values().all(Vec::is_empty));
    drop(other);
}

#[test]
fn a_run_that_is_being_recorded_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let into = file(&folder.path().join("into.db"), &[]);
    let path = folder.path().join("other.db");
    drop(file(&path, &[attributed("alive")]));
    let source = MergeSource::open(&path, folder.path()).expect("readable");
    let error = refusal(&into, &source, 1);
    assert!(
        error.contains("other.db") && error.contains("being recorded"),
        "{error}"
    );
    let error = refusal(&into, &source, 7);
    assert!(error.contains("no run number 7"), "{error}");
    assert!(into.runs().expect("runs").is_empty());
}

#[test]
fn calibrations_are_merged_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let into = file(&folder.path().join("into.db"), &[]);
    let path = folder.path().join("other.db");
    let calibrate = |store: &Store, watts: f64, made: i64| {
        let row = calibration(watts, made);
        store.insert_calibration(&row).expect("written");
    };
    calibrate(&into, 9.5, 1);
    let other = file(&path, &[]);
    calibrate(&other, 9.5, 1);
    calibrate(&other, 8.5, 2);
    let source = MergeSource::open(&path, folder.path()).expect("readable");
    assert_eq!(into.merge().calibrations(&source).expect("merged"), 1);
    assert_eq!(into.merge().calibrations(&source).expect("merged"), 0);
    let sql = "SELECT c.created_unix_ns, k.watts FROM calibrations c
               JOIN calibration_kinds k ON k.calibration = c.id ORDER BY c.id";
    let mut statement = into.connection().prepare(sql).expect(sql);
    let found = statement.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, f64>(1)?)));
    let found: Vec<(i64, f64)> = found.expect(sql).map(|row| row.expect(sql)).collect();
    assert_eq!(found, [(1, 9.5), (2, 8.5)]);
}

#[test]
fn a_newer_or_missing_source_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let newer = folder.path().join("newer.db");
    drop(file(&newer, &[ended("n")]));
    let connection = Connection::open(&newer).expect("opens");
    connection
        .pragma_update(None, "user_version", 99)
        .expect("changed");
    let error = MergeSource::open(&newer, folder.path())
        .expect_err("newer")
        .to_string();
    assert!(
        error.contains("newer.db") && error.contains("newer version"),
        "{error}"
    );
    let missing = MergeSource::open(folder.path().join("no.db"), folder.path());
    assert!(missing.expect_err("missing").to_string().contains("no.db"));
}

#[test]
fn a_damaged_source_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let into = file(&folder.path().join("into.db"), &[ended("a")]);
    let path = folder.path().join("other.db");
    drop(file(&path, &[ended("x")]));
    let mut bytes = std::fs::read(&path).expect("its bytes");
    let root: i64 = Connection::open(&path)
        .and_then(|c| {
            let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'nodes'";
            c.query_row(sql, [], |r| r.get(0))
        })
        .expect("a page");
    let at = (usize::try_from(root).expect("small") - 1) * 4096;
    bytes[at..at + 4096].fill(0xa5);
    std::fs::write(&path, bytes).expect("written");
    let source = MergeSource::open(&path, folder.path()).expect("opens");
    let error = refusal(&into, &source, 1);
    assert!(
        error.contains("other.db") && error.contains("damaged"),
        "{error}"
    );
    assert!(rows(&into, 2).values().all(Vec::is_empty));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the files contain and the order of merging: each uuid occurs once, with the
    /// rows of the file it was merged from first.
    #[test]
    fn merging_is_a_union_by_uuid(
        here in proptest::collection::btree_set(0..6u32, 0..4),
        files in proptest::collection::vec(proptest::collection::btree_set(0..6u32, 1..4), 1..3),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let batch = |file: usize, run: &u32| {
            let mut batch = ended(&format!("uuid {run}"));
            batch.spans.truncate(3 + file);
            batch.baselines[0].power_w = f64::from(*run) + file as f64 / 7.0;
            batch
        };
        let of = |number: usize, runs: &std::collections::BTreeSet<u32>| {
            let batches: Vec<Batch> = runs.iter().map(|run| batch(number, run)).collect();
            let path = folder.path().join(format!("{number}.db"));
            (file(&path, &batches), path)
        };
        let (into, _) = of(0, &here);
        let mut expected = BTreeMap::new();
        let mut remember = |store: &Store| {
            for run in store.runs().expect("runs") {
                let known = rows(store, run.no);
                expected.entry(run.row.uuid).or_insert(known);
            }
        };
        remember(&into);
        let mut merge = into.merge();
        for (number, runs) in files.iter().enumerate() {
            let (other, path) = of(number + 1, runs);
            remember(&other);
            let source = MergeSource::open(path, folder.path()).expect("readable");
            for (run, _) in source.runs().expect("runs") {
                merge.run(&source, run.no).expect("merged");
            }
        }
        let found = into.runs().expect("runs").into_iter();
        let found: BTreeMap<_, _> = found.map(|run| (run.row.uuid, rows(&into, run.no))).collect();
        prop_assert_eq!(found, expected);
    }
}
