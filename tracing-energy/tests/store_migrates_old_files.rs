//! A file of an older version reads as it was written once it was opened for writing. The
//! file of version 1 is made by hand, that of version 2 was recorded by it: an inference of
//! three tokens.
//!
//! ```text
//! thread 1   |0 ----- work 1 ----- 100 ms|    10 W
//!                |20 - part 2 - 60|
//! ```

mod store_support;

use rusqlite::Connection;
use tracing_energy::power::Kernel;
use tracing_energy::sink::Sink;
use tracing_energy::store::{SCHEMA_VERSION, SqliteSink, Store, span_id};

/// The tables of version 1: this migration never changes.
const TABLES: &str = include_str!("../store/src/schema.sql");

const ROWS: &str = "
PRAGMA application_id = 0x5452454e;
PRAGMA user_version = 1;
INSERT INTO runs (no, uuid, name, status, pid, heartbeat_unix_ns, start_unix_ns, end_ns, version)
VALUES (1, 'old', 'from version 1', 'complete', 1, 0, 0, 100000000, '0.1.0');
INSERT INTO rails VALUES
    (1, 1, 'rapl', 'package', NULL, 'package', 'uJ', 100000000, 'box', 'measured');
INSERT INTO threads VALUES (1, 1, 4711, 'main', 'program');
INSERT INTO callsites VALUES
    (1, 1, 'work', 't', 'INFO', NULL, NULL, 'cpu', 'phase'),
    (1, 2, 'part', 't', 'INFO', NULL, NULL, 'cpu', NULL);
INSERT INTO nodes VALUES
    (1, 1, NULL, 1, 'work', 0, 1, NULL, NULL, NULL, NULL, NULL),
    (1, 2, 1, 2, 'part', 1, 1, NULL, NULL, NULL, NULL, NULL);
INSERT INTO spans VALUES
    (1 << 40 | 1, 1, NULL, NULL, 1, 0, 100000000, NULL),
    (1 << 40 | 2, 2, NULL, 1, 1, 20000000, 60000000, NULL);
INSERT INTO samples VALUES (1, 1, 0, 100000000, 1.0, NULL);
INSERT INTO attributions VALUES (1, 1, 'proportional', 1, '{}', NULL, '{}', 0);
INSERT INTO balance VALUES
    (1, 1, 1, 1.0, NULL, 1.0, NULL, NULL, NULL, 0.0, 0.0, 10.0, 50000000);
INSERT INTO window_power VALUES (1, 1, 1, 0, 100000000, 1, 0, 10.0);
";

fn old_file(folder: &std::path::Path) -> std::path::PathBuf {
    let path = folder.join("old.db");
    let connection = Connection::open(&path).expect("a new file");
    connection.execute_batch(TABLES).expect("tables");
    connection.execute_batch(ROWS).expect("rows");
    path
}

#[test]
fn a_file_of_version_1_reads_as_before() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = old_file(folder.path());
    let error = Store::open(&path).expect_err("old").to_string();
    assert!(error.contains("open it once for writing"), "{error}");
    drop(Store::open_writable(&path).expect("brought up to date"));

    let store = Store::open(&path).expect("readable");
    let version = store
        .connection()
        .pragma_query_value(None, "user_version", |r| r.get::<_, i64>(0));
    assert_eq!(version.expect("a version"), SCHEMA_VERSION as i64);
    let run = store.find_run("from version 1").expect("the run");
    assert_eq!((run.no, run.row.uuid.as_str()), (1, "old"));
    let rails = store.rails(1).and_then(|rows| rows.all()).expect("rails");
    assert_eq!(rails[0].kernel, Kernel::Box);
    let nodes = store.nodes(1).and_then(|rows| rows.all()).expect("nodes");
    let labels: Vec<_> = nodes.iter().map(|n| (n.label.as_str(), &n.kind)).collect();
    assert_eq!(labels, [("work", &None), ("part", &None)]);
    let kinds = store.kinds(1, |_| 0).expect("kinds");
    assert_eq!(kinds.of_node, [0, 1, 2]);
    assert_eq!(kinds.kinds[1].name, "work > part");
    let energy = store
        .connection()
        .query_row("SELECT span_energy_j(?1)", [span_id(1, 2)], |r| {
            r.get::<_, f64>(0)
        });
    assert!((energy.expect("an energy") - 0.4).abs() < 1e-12);
}

#[test]
fn a_file_of_version_1_can_be_attributed_again_and_recorded_to() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = old_file(folder.path());
    drop(SqliteSink::create(&path).expect("opens for recording"));
    let id = tracing_energy::reattribute(&path, "old", &Default::default()).expect("attributed");
    assert_eq!(id, 2);
    let store = Store::open(&path).expect("readable");
    let spans_j = store.connection().query_row(
        "SELECT sum(self_j) FROM node_energy WHERE run = 1 AND attribution = 2",
        [],
        |r| r.get::<_, f64>(0),
    );
    assert!((spans_j.expect("a sum") - 1.0).abs() < 1e-12);
    assert!(
        store
            .kind_energy(1, 2)
            .and_then(|rows| rows.all())
            .expect("readable")
            .is_empty()
    );
}

/// A dump of a recording of version 2.
const VERSION_2: &str = include_str!("golden/version_2.sql");

fn file_of_version_2(folder: &std::path::Path) -> std::path::PathBuf {
    let path = folder.join("version_2.db");
    let connection = Connection::open(&path).expect("a new file");
    connection.execute_batch(VERSION_2).expect("a dump");
    path
}

fn number(store: &Store, sql: &str) -> f64 {
    let read = store.connection().query_row(sql, [], |r| r.get(0));
    read.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

#[test]
fn a_file_of_version_2_has_no_conditions_and_keeps_everything_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file_of_version_2(folder.path());
    let error = Store::open(&path).expect_err("old").to_string();
    assert!(error.contains("open it once for writing"), "{error}");
    drop(Store::open_writable(&path).expect("brought up to date"));

    let store = Store::open(&path).expect("readable");
    assert_eq!(
        number(&store, "SELECT user_version FROM pragma_user_version"),
        SCHEMA_VERSION as f64
    );
    let run = store.find_run("from version 2").expect("the run");
    let metadata = run.row.metadata;
    assert_eq!(metadata.prompt.as_deref(), Some("a question"));
    assert_eq!(metadata.tags, [("group".to_owned(), "old".to_owned())]);
    let conditions = store.conditions(run.no).and_then(|rows| rows.all());
    assert_eq!(conditions.expect("readable"), []);
    let spans = store.spans(run.no).and_then(|rows| rows.all());
    assert_eq!(spans.expect("readable").len(), 4);
    let measured = number(&store, "SELECT sum(measured_j) FROM balance");
    let accounts = "SELECT sum(coalesce(idle_j, 0) + spans_j + coalesce(outside_j, 0)
                    + coalesce(others_j, 0) + coalesce(profiler_j, 0) + coalesce(unknown_j, 0)
                    + residual_j) FROM balance";
    assert!(measured > 0.0 && (number(&store, accounts) - measured).abs() < 1e-9);
}

#[test]
fn a_file_of_version_2_can_be_attributed_again_and_recorded_to() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file_of_version_2(folder.path());
    let id = tracing_energy::reattribute(&path, "from version 2", &Default::default());
    assert_eq!(id.expect("attributed"), 2);
    let mut sink = SqliteSink::create(&path).expect("opens for recording");
    sink.write(&store_support::attributed("new"))
        .expect("written");
    sink.finish().expect("finished");
    let store = Store::open(&path).expect("readable");
    let run = store.find_run("new").expect("the run").no;
    let conditions = store.conditions(run).and_then(|rows| rows.all());
    assert_eq!(conditions.expect("readable").len(), 3);
    let old = number(
        &store,
        "SELECT sum(measured_j) FROM balance WHERE run = 1 AND attribution = 1",
    );
    let again = number(
        &store,
        "SELECT sum(measured_j) FROM balance WHERE run = 1 AND attribution = 2",
    );
    assert!((old - again).abs() < 1e-9);
}
