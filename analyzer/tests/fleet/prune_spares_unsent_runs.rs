//! Runs that a destination has not received are not pruned.

use crate::fixture::command::{energy, errors, json, refused, text};
use crate::fixture::recording;
use rusqlite::Connection;

const PRUNE: [&str; 4] = ["prune", "--keep", "0", "--yes"];

#[test]
fn a_run_is_pruned_only_after_it_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    // The destination is known, but cannot be written.
    std::fs::create_dir(folder.path().join("lake")).unwrap();
    std::fs::write(folder.path().join("lake/v1"), "in the way").unwrap();
    refused(folder.path(), &["fleet", "push", "lake"], 1);
    let kept = json(folder.path(), &PRUNE);
    assert_eq!(
        (&kept["unsent"], &kept["runs"]),
        (&1.into(), &serde_json::json!([]))
    );
    let kept = text(&energy(folder.path(), &[&PRUNE[..], &["--all"]].concat()));
    assert!(kept.contains("a destination has not received"), "{kept}");
    std::fs::remove_file(folder.path().join("lake/v1")).unwrap();
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    assert_eq!(
        json(folder.path(), &PRUNE)["runs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_pulled_run_is_neither_sent_nor_spared() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    let pull = ["fleet", "pull", "--from", "lake", "--db", "pulled.db"];
    text(&energy(folder.path(), &pull));
    let push = ["fleet", "push", "lake", "--db", "pulled.db"];
    let pushed = text(&energy(folder.path(), &push));
    assert!(pushed.starts_with("nothing to send"), "{pushed}");
    let prune = [&PRUNE[..], &["--db", "pulled.db"]].concat();
    assert_eq!(
        json(folder.path(), &prune)["runs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_run_without_an_attribution_is_named_and_spared() {
    let folder = tempfile::tempdir().unwrap();
    let db = recording(folder.path(), "measured");
    let change = "DELETE FROM attributions";
    Connection::open(&db)
        .unwrap()
        .execute_batch(change)
        .unwrap();
    let output = energy(folder.path(), &["fleet", "push", "lake"]);
    assert!(output.status.success());
    let warning = errors(&output);
    assert!(warning.contains("energy attribute"), "{warning}");
    assert_eq!(json(folder.path(), &PRUNE)["unsent"], 1);
}

#[test]
fn a_destination_that_is_forgotten_expects_nothing() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    std::fs::create_dir(folder.path().join("lake")).unwrap();
    std::fs::write(folder.path().join("lake/v1"), "in the way").unwrap();
    refused(folder.path(), &["fleet", "push", "lake"], 1);
    let unknown = refused(folder.path(), &["fleet", "forget", "other"], 2);
    assert!(
        unknown.contains("choose one of") && unknown.contains("lake"),
        "{unknown}"
    );
    text(&energy(folder.path(), &["fleet", "forget", "lake"]));
    assert_eq!(
        json(folder.path(), &PRUNE)["runs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
