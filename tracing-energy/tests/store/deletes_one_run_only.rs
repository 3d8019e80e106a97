//! Deleting a run removes all of its rows and none of other runs.

use std::collections::BTreeMap;

use crate::store_support::{attributed, attribution, calibration, file, number, spans};
use energy_store::Store;

/// Rows of each table that belongs to runs. Calibrations belong to machines, and trials and
/// planned packs outlive their runs.
fn counts(store: &Store) -> BTreeMap<String, i64> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table'
               AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'calibration%'
               AND name NOT IN ('experiments', 'trials', 'destinations', 'shipments')";
    let mut tables = store.connection().prepare(sql).expect(sql);
    let names = tables.query_map([], |r| r.get::<_, String>(0)).expect(sql);
    let count = |name: &str| {
        let sql = format!("SELECT count(*) FROM {name}");
        store
            .connection()
            .query_row(&sql, [], |r| r.get(0))
            .expect("counts")
    };
    names
        .map(|name| name.expect(sql))
        .map(|name| (name.clone(), count(&name)))
        .collect()
}

#[test]
fn a_deleted_run_is_gone_from_every_table() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let one = counts(&file(&folder.path().join("one.db"), &[attributed("a")]));
    assert!(
        one.values().all(|&rows| rows > 0),
        "a table that no test fills: {one:?}"
    );
    let store = file(
        &folder.path().join("three.db"),
        &["a", "b", "c"].map(attributed),
    );
    store.delete_run(2).expect("deleted");
    assert_eq!(
        counts(&store),
        one.iter().map(|(t, n)| (t.clone(), n * 2)).collect()
    );
    assert_eq!((spans(&store, 1), spans(&store, 2)), (9, 0));
    store
        .insert_calibration(&calibration(9.5, 0))
        .expect("written");
    store.delete_run(1).expect("deleted");
    store.delete_run(3).expect("deleted");
    assert!(counts(&store).values().all(|&rows| rows == 0));
    assert!(store.delete_run(3).is_err());
    let kept = number(&store, "SELECT count(*) FROM calibration_kinds");
    assert_eq!(kept, 1.0, "a calibration outlives the runs");
}

#[test]
fn attributions_are_numbered_shown_and_deleted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = file(&folder.path().join("a.db"), &["a", "b"].map(attributed));
    let before = counts(&store);
    let mut rows = attribution();
    rows.head.as_mut().expect("a head").method = "fitted".into();
    let id = store
        .attribute(1, |writer| writer.write(&rows))
        .expect("written");
    assert_eq!(id, 2);
    assert_eq!(store.shown_attribution(1).expect("readable"), Some(2));
    assert_eq!(store.shown_attribution(2).expect("readable"), Some(1));
    store.delete_attribution(1, 2).expect("deleted");
    assert_eq!(counts(&store), before);
}

#[test]
fn an_attribution_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = file(&folder.path().join("a.db"), &[attributed("a")]);
    let before = counts(&store);
    let rows = attribution();
    let failed = store.attribute(1, |writer| {
        writer.write(&rows)?;
        Err(energy_store::Error::Input {
            path: "x".into(),
            message: "no".into(),
        })
    });
    assert!(failed.is_err());
    assert_eq!(counts(&store), before);
}
