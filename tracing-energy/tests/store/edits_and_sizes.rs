//! Names and tags can be changed for ended runs only. Sizes sum to the file's, which
//! shrinks when its free space is returned.

use crate::store_support::{attributed, ended, file};
use energy_store::Store;
use tracing_energy::Batch;

/// A run that needs more than a mebibyte.
fn large() -> Batch {
    let mut large = ended("large");
    large.run.as_mut().expect("a run").metadata.prompt = Some("x".repeat(1 << 20));
    large
}

fn tags(store: &Store, run: usize) -> Vec<(String, String)> {
    let runs = store.runs().expect("runs");
    runs[run - 1].row.metadata.tags.clone()
}

#[test]
fn tags_and_names_are_changed_for_all_runs_or_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let batches = [ended("a"), ended("b"), attributed("alive")];
    let store = file(&folder.path().join("a.db"), &batches);
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    store.set_tag(&[1, 2], "gpu", "on").expect("tagged");
    store.set_tag(&[1], "gpu", "off").expect("tagged");
    assert_eq!(tags(&store, 1), [pair("gpu", "off"), pair("kind", "test")]);
    let refused = store
        .set_tag(&[1, 3], "x", "")
        .expect_err("refused")
        .to_string();
    assert!(
        refused.contains("run alive is being recorded by process"),
        "{refused}"
    );
    assert_eq!(tags(&store, 1).len(), 2, "nothing of it was written");
    let refused = store
        .set_tag(&[1, 9], "x", "")
        .expect_err("refused")
        .to_string();
    assert!(refused.contains("no run number 9"), "{refused}");
    assert_eq!(store.remove_tag(&[1, 2], "gpu").expect("removed"), 2);
    assert_eq!(store.remove_tag(&[1, 2], "gpu").expect("removed"), 0);
    assert_eq!(tags(&store, 2), [pair("kind", "test")]);

    store.set_name(1, Some("new")).expect("named");
    assert_eq!(store.find_run("new").expect("found").no, 1);
    store.set_name(1, None).expect("cleared");
    assert_eq!(store.runs().expect("runs")[0].row.metadata.name, None);
    assert!(store.set_name(3, Some("x")).is_err());
}

#[test]
fn sizes_sum_to_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let store = file(&path, &[ended("a"), large(), ended("c")]);
    let space = store.space().expect("measured");
    assert!(space.is_counted);
    let tables: u64 = space.tables.iter().map(|table| table.bytes).sum();
    assert_eq!(tables + space.free_bytes, space.file_bytes);
    let all: u64 = space.runs.iter().map(|run| run.bytes).sum();
    assert!(all <= tables && all > 1 << 20, "{space:?}");
    let bytes: Vec<u64> = space.runs.iter().map(|run| run.bytes).collect();
    assert!(
        bytes[1] > 1 << 20 && bytes[0] < 1 << 18 && bytes[2] < 1 << 18,
        "{bytes:?}"
    );
    let spans = space
        .tables
        .iter()
        .find(|table| table.name == "spans")
        .expect("spans");
    assert_eq!(spans.rows, Some(27));
}

#[test]
fn free_space_is_returned_only_while_no_run_is_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let store = file(&path, &[ended("a"), large(), attributed("alive")]);
    store.delete_run(2).expect("deleted");
    let before = store.space().expect("measured");
    assert!(before.free_bytes >= 1 << 20, "{before:?}");
    let refused = store.vacuum().expect_err("refused").to_string();
    assert!(refused.contains("run alive is being recorded"), "{refused}");
    store.delete_run(3).expect("deleted");
    store.vacuum().expect("done");
    let after = store.space().expect("measured");
    assert_eq!(after.free_bytes, 0);
    assert!(after.file_bytes + (1 << 20) <= before.file_bytes);
    assert_eq!(
        std::fs::metadata(&path).expect("a file").len(),
        after.file_bytes
    );
    assert_eq!(store.runs().expect("runs").len(), 1);
}
