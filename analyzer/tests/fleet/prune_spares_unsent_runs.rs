//! Runs that a destination has not received are not pruned.

use crate::fixture::command::{energy, json, refused, text};
use crate::fixture::recording;

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
