//! Compacted objects have the rows of all packs, and each row counts once at any time.

use std::path::Path;

use crate::fixture::command::{energy, errors, refused, text};
use crate::fixture::{summed, write};
use crate::lake::{self, Row, recorded, rows};
use energy_fleet::columns::{PACK_VERSION, PACKS};
use energy_fleet::encode::{Cell, TableEncoder, decode};
use tracing_energy::Batch;

const TABLES: [&str; 7] = [
    "packs", "runs", "rails", "accounts", "kinds", "phases", "nodes",
];

fn run(no: u8) -> Batch {
    let mut batch = summed("measured");
    let row = batch.run.as_mut().unwrap();
    row.uuid = format!("{no:08x}-0000-4000-8000-000000000000");
    row.host_id = Some(format!("{:x}", 15 - no));
    // Two days.
    row.start_unix_ns += i64::from(no / 3) * 86_400_000_000_000;
    batch
}

fn compact(folder: &Path, keep: &str) -> String {
    text(&energy(
        folder,
        &["fleet", "compact", "lake", "--keep", keep],
    ))
}

/// Returns the rows of a table without the names of their objects, sorted.
fn sorted(rows: &[Row]) -> Vec<String> {
    let mut all: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    all.sort();
    all
}

#[test]
fn rows_count_once_before_during_and_after_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let (db, root) = (folder.path().join("energy.db"), folder.path().join("lake"));
    write(&db, &[run(1), run(2), run(4)]);
    text(&energy(
        folder.path(),
        &["fleet", "push", "lake", "--nodes"],
    ));
    assert!(compact(folder.path(), "60m").starts_with("3 packs of 2 days"));
    assert_eq!(compact(folder.path(), "60m"), "no new pack to compact\n");
    write(&db, &[run(3), run(5), run(0)]);
    text(&energy(
        folder.path(),
        &["fleet", "push", "lake", "--nodes"],
    ));
    let sources = TABLES.map(|table| sorted(&lake::sources(&root, table)));
    assert!(compact(folder.path(), "60m").starts_with("3 packs of 2 days"));
    let pulled = |name: &str| {
        let pull = ["fleet", "pull", "--from", "lake", "--db", name];
        assert!(text(&energy(folder.path(), &pull)).starts_with("6 runs"));
        let run = |no: u8| format!("{no:08x}-0000-4000-8000-000000000000");
        (0..6)
            .map(|no| recorded(&folder.path().join(name), &run(no), "measured_j"))
            .collect::<Vec<_>>()
    };
    let both = pulled("both.db");
    lake::check(&root);
    // Two sources of removal: packs, and the first compacted object of each day.
    let removed = compact(folder.path(), "0s");
    assert!(removed.starts_with("no new pack to compact; ") && removed.contains("removed"));
    assert_eq!(pulled("merged.db"), both);
    lake::check(&root);
    for (table, sources) in TABLES.iter().zip(sources) {
        assert!(lake::sources(&root, table).is_empty(), "{table}");
        let merged = rows(&root, table);
        assert_eq!(sorted(&merged), sources, "{table}");
        // Sorted by host within each day.
        let hosts: Vec<String> = merged
            .iter()
            .map(|row| row["host_id"].to_string())
            .collect();
        let (first, second) = hosts.split_at(hosts.len() / 2);
        assert!(first.is_sorted() && second.is_sorted(), "{hosts:?}");
    }
    assert_eq!(compact(folder.path(), "0s"), "no new pack to compact\n");
}

#[test]
fn a_pack_with_a_missing_object_is_left_out_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lake");
    write(&folder.path().join("energy.db"), &[run(1), run(2)]);
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    let object = "v1/kinds/date=2026-11-24/e.00000001-0000-4000-8000-000000000000.0.a1.parquet";
    let bytes = std::fs::read(root.join(object)).unwrap();
    std::fs::remove_file(root.join(object)).unwrap();
    let output = energy(folder.path(), &["fleet", "compact", "lake"]);
    assert!(errors(&output).contains(object), "{}", errors(&output));
    assert!(text(&output).starts_with("1 pack of 1 day"));
    std::fs::write(root.join(object), bytes).unwrap();
    assert!(compact(folder.path(), "60m").starts_with("1 pack of 1 day"));
    lake::check(&root);
}

/// Names a newer version in a manifest.
fn make_newer(object: &Path) {
    let at = PACKS.position("schema_version").unwrap();
    let mut table = TableEncoder::small(&PACKS).unwrap();
    decode(
        "",
        std::fs::read(object).unwrap(),
        &PACKS,
        &mut |mut row| {
            row[at] = Cell::Whole(PACK_VERSION + 1);
            table.push(&row)
        },
    )
    .unwrap();
    std::fs::write(object, table.finish().unwrap()).unwrap();
}

#[test]
fn packs_of_a_newer_program_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lake");
    write(&folder.path().join("energy.db"), &[run(1), run(2)]);
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    let day = root.join("v1/packs/date=2026-11-24");
    make_newer(&day.join("e.00000001-0000-4000-8000-000000000000.0.a1.parquet"));
    let output = energy(folder.path(), &["fleet", "compact", "lake", "--keep", "0s"]);
    assert!(errors(&output).contains("newer version"), "{output:?}");
    assert!(text(&output).starts_with("1 pack of 1 day"));
    compact(folder.path(), "0s");
    assert_eq!(lake::sources(&root, "runs").len(), 1);
    // A compacted object of a newer program: nothing is merged or removed.
    make_newer(&day.join("compacted.00000001.parquet"));
    let before = lake::objects(&root);
    let output = energy(folder.path(), &["fleet", "compact", "lake", "--keep", "0s"]);
    assert!(errors(&output).contains("newer version"), "{output:?}");
    assert_eq!(lake::objects(&root), before);
}

#[test]
fn nothing_is_removed_if_a_compacted_object_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (db, root) = (folder.path().join("energy.db"), folder.path().join("lake"));
    write(&db, &[run(1), run(2)]);
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    compact(folder.path(), "60m");
    let object = root.join("v1/kinds/date=2026-11-24/compacted.00000001.parquet");
    let bytes = std::fs::read(&object).unwrap();
    std::fs::remove_file(&object).unwrap();
    let before = lake::objects(&root);
    let message = refused(
        folder.path(),
        &["fleet", "compact", "lake", "--keep", "0s"],
        1,
    );
    assert!(
        message.contains("v1/kinds") && message.contains("restore"),
        "{message}"
    );
    assert_eq!(lake::objects(&root), before);
    std::fs::write(&object, bytes).unwrap();
    compact(folder.path(), "0s");
    std::fs::remove_file(&object).unwrap();
    write(&db, &[run(0)]);
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    let message = refused(folder.path(), &["fleet", "compact", "lake"], 1);
    assert!(message.contains("v1/kinds"), "{message}");
    let pull = ["fleet", "pull", "--from", "lake", "--db", "pulled.db"];
    let output = energy(folder.path(), &pull);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        errors(&output).matches("is left out").count(),
        2,
        "{output:?}"
    );
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("1 run"));
}

#[test]
fn a_compaction_that_was_ended_early_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lake");
    write(&folder.path().join("energy.db"), &[run(1)]);
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    let before = sorted(&rows(&root, "accounts"));
    let day = root.join("v1/accounts/date=2026-11-24");
    let source = std::fs::read_dir(&day)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::copy(&source, day.join("compacted.00000001.parquet")).unwrap();
    assert_eq!(sorted(&rows(&root, "accounts")), before, "nobody reads it");
    assert!(compact(folder.path(), "0s").starts_with("1 pack of 1 day"));
    assert!(
        root.join("v1/packs/date=2026-11-24/compacted.00000002.parquet")
            .exists()
    );
    compact(folder.path(), "0s");
    assert!(!day.join("compacted.00000001.parquet").exists());
    assert_eq!(sorted(&rows(&root, "accounts")), before);
}
