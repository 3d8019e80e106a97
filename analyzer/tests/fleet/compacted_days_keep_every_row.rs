//! Compacted objects have the rows of all packs once.

use std::path::Path;

use crate::fixture::command::{energy, errors, text};
use crate::fixture::{summed, write};
use crate::lake::{self, by_rail, recorded, rows};
use tracing_energy::Batch;

fn run(no: u8) -> Batch {
    let mut batch = summed("measured");
    let row = batch.run.as_mut().unwrap();
    row.uuid = format!("{no:08x}-0000-4000-8000-000000000000");
    row.host_id = Some(format!("{:x}", 15 - no));
    // Two days.
    row.start_unix_ns += i64::from(no / 3) * 86_400_000_000_000;
    batch
}

fn compact(folder: &Path) -> String {
    text(&energy(folder, &["fleet", "compact", "lake"]))
}

#[test]
fn rows_are_merged_once_and_later_packs_are_added() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("energy.db");
    write(&db, &[run(1), run(2), run(4)]);
    text(&energy(
        folder.path(),
        &["fleet", "push", "lake", "--nodes"],
    ));
    assert!(compact(folder.path()).starts_with("3 packs of 2 days"));
    assert_eq!(compact(folder.path()), "no new pack to compact\n");
    write(&db, &[run(3), run(5), run(0)]);
    text(&energy(
        folder.path(),
        &["fleet", "push", "lake", "--nodes"],
    ));
    assert!(compact(folder.path()).starts_with("3 packs of 2 days"));
    let (raw, merged) = (
        folder.path().join("lake"),
        folder.path().join("lake/compact"),
    );
    for table in [
        "packs", "runs", "rails", "accounts", "kinds", "phases", "nodes",
    ] {
        let sorted = |root: &Path| {
            let mut all: Vec<String> = rows(root, table)
                .iter()
                .map(|row| format!("{row:?}"))
                .collect();
            all.sort();
            all
        };
        assert_eq!(sorted(&raw), sorted(&merged), "{table}");
        assert!(!sorted(&raw).is_empty());
    }
    lake::check(&merged);
    // Sorted by host.
    let hosts: Vec<String> = rows(&merged, "accounts")
        .iter()
        .map(|row| row["host_id"].to_string())
        .collect();
    let days: Vec<&[String]> = vec![&hosts[..6], &hosts[6..]];
    assert!(days.iter().all(|day| day.is_sorted()), "{hosts:?}");
    // The compacted root alone can be pulled from.
    std::fs::rename(&merged, folder.path().join("merged")).unwrap();
    let pull = ["fleet", "pull", "--from", "merged", "--db", "pulled.db"];
    assert!(text(&energy(folder.path(), &pull)).starts_with("6 runs"));
    let uuid = "00000001-0000-4000-8000-000000000000";
    let pulled = recorded(&folder.path().join("pulled.db"), uuid, "measured_j");
    assert_eq!(pulled, recorded(&db, uuid, "measured_j"));
    assert_eq!(
        by_rail(&rows(&raw, "accounts"), "measured_nj")["rapl/package"],
        120_000_000_000
    );
}

#[test]
fn a_pack_with_a_missing_object_is_left_out_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("energy.db"), &[run(1), run(2)]);
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    let object = "v1/kinds/date=2026-11-24/e.00000001-0000-4000-8000-000000000000.0.a1.parquet";
    let bytes = std::fs::read(folder.path().join("lake").join(object)).unwrap();
    std::fs::remove_file(folder.path().join("lake").join(object)).unwrap();
    let output = energy(folder.path(), &["fleet", "compact", "lake"]);
    assert!(errors(&output).contains(object), "{}", errors(&output));
    assert_eq!(rows(&folder.path().join("lake/compact"), "runs").len(), 1);
    std::fs::write(folder.path().join("lake").join(object), bytes).unwrap();
    assert!(compact(folder.path()).starts_with("1 pack of 1 day"));
    assert_eq!(rows(&folder.path().join("lake/compact"), "runs").len(), 2);
}
