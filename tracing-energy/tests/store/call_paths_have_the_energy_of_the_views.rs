//! Call paths of a run: energies as in the views, and counts that may be unknown.

use crate::store_support::{attributed, number, write};
use energy_store::Store;

fn file() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("paths.db");
    for uuid in ["a", "b"] {
        write(&path, &attributed(uuid));
    }
    (folder, Store::open_writable(&path).expect("readable"))
}

#[test]
fn paths_are_of_one_run_parents_first_and_sum_to_its_spans() {
    let (_folder, store) = file();
    let paths = store.call_paths("b").expect("known");
    assert_eq!(paths[0].depth, 0);
    let labels: Vec<&str> = paths.iter().map(|path| path.label.as_str()).collect();
    assert_eq!(&labels[..2], ["inference", "prefill"]);
    // Node n has 2^(n - 1) J on `package` and a quarter of that on `dram`.
    let self_j: Vec<f64> = paths.iter().filter_map(|path| path.self_j).collect();
    let expected: Vec<f64> = (0..8).map(|n| f64::from(1 << n) * 1.25).collect();
    assert_eq!(self_j, expected);
    let inclusive: f64 = paths.iter().filter_map(|path| path.inclusive_j).sum();
    let sum = "SELECT sum(inclusive_j) FROM v_nodes WHERE run = 2";
    assert!((inclusive - number(&store, sum)).abs() < 1e-9);
    let spans_j = number(&store, "SELECT spans_j FROM v_runs WHERE uuid = 'b'");
    assert!((self_j.iter().sum::<f64>() - spans_j).abs() < 1e-9);
}

#[test]
fn an_unknown_count_or_energy_is_none_and_not_zero() {
    let (_folder, store) = file();
    assert!(store.call_paths("a").expect("known")[0].count.is_some());
    let connection = store.connection();
    // As after an attribution from totals, which count entries but no spans.
    let set = "UPDATE node_energy SET instances = 0 WHERE run = 1";
    connection.execute(set, []).expect("changed");
    let paths = store.call_paths("a").expect("known");
    assert!(paths.iter().all(|path| path.count.is_none()), "{paths:?}");
    let remove = "DELETE FROM node_energy WHERE run = 1";
    connection.execute(remove, []).expect("removed");
    let paths = store.call_paths("a").expect("known");
    assert!(paths.iter().all(|path| path.self_j.is_none()), "{paths:?}");
    assert!(store.call_paths("c").is_err());
}
