//! Files of development versions, which came before version 1 of the tables, are refused with
//! one line that contains the file and the next step. They stay as they are.

use std::path::Path;

use energy_store::{MergeSource, SqliteSink, Store};
use rusqlite::Connection;

/// Writes a file as development versions did: `TREN`, and any version.
fn development_file(path: &Path, version: i64) {
    let connection = Connection::open(path).expect("a new file");
    let sql = format!(
        "PRAGMA application_id = 0x5452454e;
         PRAGMA user_version = {version};
         CREATE TABLE runs (no INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE);
         INSERT INTO runs VALUES (1, 'old');"
    );
    connection.execute_batch(&sql).expect("tables");
}

#[test]
fn every_way_to_open_a_development_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for version in [1, 6, 7, 99] {
        let path = folder.path().join(format!("development-{version}.db"));
        development_file(&path, version);
        let before = std::fs::read(&path).expect("its bytes");
        let errors = [
            Store::open(&path).err(),
            Store::open_writable(&path).err(),
            Store::create(&path).err(),
            SqliteSink::create(&path).err(),
            MergeSource::open(&path, folder.path()).err(),
        ];
        for error in errors {
            let message = error.expect("refused").to_string();
            assert_eq!(message.lines().count(), 1, "{message}");
            for part in [
                &format!("development-{version}.db"),
                "recorded by a development version",
                "record it again",
            ] {
                assert!(message.contains(part), "{message}");
            }
        }
        assert_eq!(std::fs::read(&path).expect("its bytes"), before);
    }
    let names = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(names, 4, "no copy and no log");
}

/// A file without tables is new unless it has that application id.
#[test]
fn an_empty_development_file_is_refused_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("empty.db");
    let connection = Connection::open(&path).expect("a new file");
    connection
        .execute_batch("PRAGMA application_id = 0x5452454e;")
        .expect("an id");
    drop(connection);
    let message = Store::create(&path).expect_err("refused").to_string();
    assert!(message.contains("development version"), "{message}");
}
