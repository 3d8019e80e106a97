//! A run with a value of a wrong type in any column is either read or listed as unreadable, never
//! both and never neither.

use energy_store::{SqliteSink, Store};
use rusqlite::Connection;
use tracing_energy::{Batch, Sink};

use crate::store_support::rows;

const WRONG: [&str; 7] = [
    "x'ff00'",
    "'text'",
    "1.5",
    "-1",
    "9999999999",
    "NULL",
    "CAST(x'ff' AS TEXT)",
];

#[test]
fn each_run_is_read_or_listed_as_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("energy.db");
    drop(Store::create(&path).unwrap());
    let batch = Batch {
        run: Some(rows::run("0f1e2d3c-0000-4000-8000-000000000001")),
        ..Batch::default()
    };
    SqliteSink::create(&path).unwrap().write(&batch).unwrap();
    let connection = Connection::open(&path).unwrap();
    let statement = connection.prepare("SELECT * FROM runs").unwrap();
    let names = statement.column_names().map(str::to_owned);
    let columns: Vec<String> = names.filter(|name| name != "no").collect();
    drop(statement);
    let (mut read, mut unreadable) = (0, 0);
    for column in &columns {
        for wrong in WRONG {
            connection.execute_batch("SAVEPOINT before").unwrap();
            let changed = connection.execute(&format!("UPDATE runs SET {column} = {wrong}"), []);
            connection.execute_batch("RELEASE before").unwrap();
            if changed.is_err() {
                continue; // The schema refuses it.
            }
            let store = Store::open(&path).unwrap();
            let of_list = store.runs().unwrap().len();
            let listed = store.unreadable_runs().unwrap().len();
            // A run that joins another one is not listed.
            let is_joined = column == "parent_run" && listed == 0;
            assert!(
                of_list + listed == 1 || is_joined,
                "{column} = {wrong}: {of_list} {listed}"
            );
            (read, unreadable) = (read + of_list, unreadable + listed);
            let restored = original(&batch, column);
            connection
                .execute(&format!("UPDATE runs SET {column} = ?1"), [restored])
                .unwrap();
        }
    }
    assert!(read > 20 && unreadable > 40, "{read} {unreadable}");
}

/// Returns the value of a column of the run as written.
fn original(batch: &Batch, column: &str) -> rusqlite::types::Value {
    use rusqlite::types::Value;
    let run = batch.run.as_ref().unwrap();
    match column {
        "uuid" => Value::Text(run.uuid.clone()),
        "status" => Value::Text(run.status.name().to_owned()),
        "version" => Value::Text(run.version.clone()),
        "pid" => Value::Integer(run.pid.into()),
        "start_unix_ns" | "heartbeat_unix_ns" => Value::Integer(run.start_unix_ns),
        "lease_renewals" => Value::Integer(0),
        _ => Value::Null,
    }
}
