//! A run that is being recorded is sent in buckets that sum to its totals.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::fixture::command::{energy, json, text};
use crate::growing::Growing;
use crate::lake::{self, by_rail, recorded, rows, whole};
use energy_data::rows::RunStatus;
use energy_fleet::destination::destination;
use energy_fleet::push::{PushOptions, PushReport, Pusher};
use proptest::prelude::*;
use rusqlite::Connection;
use tracing_energy::EnergyLayer;
use tracing_subscriber::layer::SubscriberExt as _;

fn pusher(db: &Path, root: &Path, every: Duration) -> Pusher {
    let options = PushOptions {
        follow: true,
        every,
        ..PushOptions::default()
    };
    let to = destination(root.to_str().unwrap()).unwrap();
    Pusher::open(db, to, &options).unwrap()
}

fn pass(pusher: &mut Pusher) -> u64 {
    let mut report = PushReport::default();
    pusher.pass(&mut report, &mut |_| ()).unwrap();
    report.packs
}

#[test]
fn buckets_of_a_run_sum_to_its_totals() {
    let folder = tempfile::tempdir().unwrap();
    let (db, root) = (folder.path().join("energy.db"), folder.path().join("lake"));
    let mut growing = Growing::begin(&db);
    let options = PushOptions {
        follow: true,
        every: Duration::from_secs(2),
        ..PushOptions::default()
    };
    let to = || destination(root.to_str().unwrap()).unwrap();
    let mut packs = 0;
    for (part, status, expected) in [
        (0.1, RunStatus::Running, 0),
        (0.37, RunStatus::Running, 1),
        (0.5, RunStatus::Running, 1),
        (0.61, RunStatus::Running, 2),
        (1.0, RunStatus::Complete, 3),
    ] {
        growing.write(part, status);
        let mut report = PushReport::default();
        // A new process each time.
        let mut pusher = Pusher::open(&db, to(), &options).unwrap();
        pusher.pass(&mut report, &mut |_| ()).unwrap();
        packs += report.packs;
        assert_eq!(packs, expected, "{part}");
    }
    lake::check(&root);
    let measured = by_rail(&rows(&root, "accounts"), "measured_nj");
    assert_eq!(measured, recorded(&db, Growing::uuid(), "measured_j"));
    let spans = by_rail(&rows(&root, "kinds"), "self_nj");
    for (rail, recorded) in recorded(&db, Growing::uuid(), "spans_j") {
        assert!((spans[&rail] - recorded).abs() <= 1, "{rail}");
    }
    let runs = rows(&root, "runs");
    let time: i128 = runs.iter().map(|row| whole(row, "duration_ns")).sum();
    assert_eq!(time, 10_000_000_000);
    let tokens: Vec<i128> = runs.iter().map(|row| whole(row, "output_tokens")).collect();
    assert_eq!(tokens.iter().sum::<i128>(), 20);
}

#[test]
fn a_rail_whose_samples_stop_does_not_stop_the_buckets() {
    let folder = tempfile::tempdir().unwrap();
    let (db, root) = (folder.path().join("energy.db"), folder.path().join("lake"));
    let mut growing = Growing::begin(&db);
    let mut pusher = pusher(&db, &root, Duration::from_secs(60));
    growing.freeze(2, 0.5);
    // 100 s: the second rail may be late. 200 s: it is silent.
    for (part, expected) in [(10.0, 0), (20.0, 1), (27.0, 1)] {
        growing.write(part, RunStatus::Running);
        assert_eq!(pass(&mut pusher), expected, "{part}");
    }
    lake::check(&root);
    let measured = by_rail(&rows(&root, "accounts"), "measured_nj");
    assert_eq!(measured, recorded(&db, Growing::uuid(), "measured_j"));
    let time = by_rail(&rows(&root, "accounts"), "duration_ns");
    assert_eq!(time["rapl/core"], 5_000_000_000);
    let runs = rows(&root, "runs");
    let length: i128 = runs.iter().map(|row| whole(row, "duration_ns")).sum();
    assert_eq!(length, 270_000_000_000);
}

#[test]
fn a_run_that_a_reboot_has_ended_is_sent_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (db, root) = (folder.path().join("energy.db"), folder.path().join("lake"));
    let mut growing = Growing::begin(&db);
    let mut pusher = pusher(&db, &root, Duration::from_secs(1));
    growing.write(0.5, RunStatus::Running);
    assert_eq!(pass(&mut pusher), 1);
    drop(growing);
    let reboot = "UPDATE runs SET boot_id = 'an earlier one'";
    Connection::open(&db)
        .unwrap()
        .execute_batch(reboot)
        .unwrap();
    assert_eq!(pass(&mut pusher), 1);
    let packs = rows(&root, "packs");
    assert!(packs.iter().any(|row| row["final"] == true), "{packs:?}");
    lake::check(&root);
    assert_eq!(pass(&mut pusher), 0);
}

#[test]
fn a_destination_that_was_forgotten_gets_the_rest_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let (db, root) = (folder.path().join("energy.db"), folder.path().join("lake"));
    let mut growing = Growing::begin(&db);
    growing.write(0.5, RunStatus::Running);
    assert_eq!(pass(&mut pusher(&db, &root, Duration::from_secs(1))), 1);
    text(&energy(folder.path(), &["fleet", "forget", "lake"]));
    growing.write(1.0, RunStatus::Complete);
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    lake::check(&root);
    let measured = by_rail(&rows(&root, "accounts"), "measured_nj");
    assert_eq!(measured, recorded(&db, Growing::uuid(), "measured_j"));
}

#[test]
fn a_new_attribution_is_a_new_set_of_packs() {
    let folder = tempfile::tempdir().unwrap();
    let (db, root) = (folder.path().join("energy.db"), folder.path().join("lake"));
    let mut growing = Growing::begin(&db);
    let mut pusher = pusher(&db, &root, Duration::from_secs(1));
    growing.write(0.5, RunStatus::Running);
    assert_eq!(pass(&mut pusher), 1);
    growing.write(1.0, RunStatus::Complete);
    growing.attribute_again();
    assert_eq!(pass(&mut pusher), 1);
    assert_eq!(pass(&mut pusher), 0);
    lake::check(&root);
    let accounts = rows(&root, "accounts");
    let second = accounts.iter().filter(|row| whole(row, "attribution") == 2);
    let measured = by_rail(second, "measured_nj");
    assert_eq!(measured, recorded(&db, Growing::uuid(), "measured_j"));
    // The first set has no last pack: readers use the second one.
    let pulled = folder.path().join("pulled.db");
    let pull = ["fleet", "pull", "--from", "lake", "--db", "pulled.db"];
    text(&energy(folder.path(), &pull));
    let pulled = recorded(&pulled, Growing::uuid(), "measured_j");
    assert_eq!(pulled, measured);
}

#[test]
fn a_run_that_is_being_recorded_can_be_pulled_as_far_as_it_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (db, root) = (folder.path().join("energy.db"), folder.path().join("lake"));
    let mut growing = Growing::begin(&db);
    let mut pusher = pusher(&db, &root, Duration::from_secs(1));
    for part in [0.3, 0.5] {
        growing.write(part, RunStatus::Running);
        assert_eq!(pass(&mut pusher), 1);
    }
    for view in ["summary", "hot"] {
        let shown = text(&energy(folder.path(), &[view]));
        assert!(shown.contains("totals are those of its first 5"), "{shown}");
    }
    let pull = ["fleet", "pull", "--from", "lake", "--db", "pulled.db"];
    text(&energy(folder.path(), &pull));
    let pulled = folder.path().join("pulled.db");
    let half = recorded(&pulled, Growing::uuid(), "measured_j");
    assert_eq!(half, recorded(&db, Growing::uuid(), "measured_j"));
    let runs = json(folder.path(), &["runs", "--db", "pulled.db"]);
    assert_eq!(runs["runs"][0]["tags"]["partial"], "5 s");
}

/// Waits until a file contains the manifest of a bucket.
fn wait_for(root: &Path, bucket: i128, child: &mut Child) {
    let begun = Instant::now();
    while !rows(root, "packs")
        .iter()
        .any(|row| whole(row, "bucket") == bucket)
    {
        assert!(begun.elapsed() < Duration::from_secs(60), "bucket {bucket}");
        assert_eq!(child.try_wait().unwrap(), None, "it has ended");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_followed_run_is_sent_until_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (db, root) = (folder.path().join("energy.db"), folder.path().join("lake"));
    let mut growing = Growing::begin(&db);
    growing.write(0.2, RunStatus::Running);
    let mut command = Command::new(env!("CARGO_BIN_EXE_energy"));
    let follow = [
        "fleet",
        "push",
        "lake",
        Growing::uuid(),
        "--follow",
        "--every",
        "1s",
    ];
    let mut child = command
        .current_dir(folder.path())
        .args(follow)
        .spawn()
        .unwrap();
    wait_for(&root, 0, &mut child);
    growing.write(0.7, RunStatus::Running);
    wait_for(&root, 1, &mut child);
    growing.write(1.0, RunStatus::Complete);
    assert!(child.wait().unwrap().success());
    lake::check(&root);
    let measured = by_rail(&rows(&root, "accounts"), "measured_nj");
    assert_eq!(measured, recorded(&db, Growing::uuid(), "measured_j"));
}

/// Keeps a core busy.
fn work(ms: u64) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(ms) {
        std::hint::black_box(0);
    }
}

/// Returns the operations with energy, with their buckets.
fn operations(root: &Path) -> Vec<(String, i128)> {
    let kinds = rows(root, "kinds");
    let known = kinds.iter().filter(|row| whole(row, "self_nj") > 0);
    known
        .map(|row| {
            (
                row["kind"].as_str().unwrap().to_owned(),
                whole(row, "bucket"),
            )
        })
        .collect()
}

#[test]
fn buckets_of_a_recorder_hold_the_operations_of_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let (db, root) = (folder.path().join("energy.db"), folder.path().join("lake"));
    let (layer, guard) = EnergyLayer::builder().database(&db).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let begun = Instant::now();
    let until_sent = |name: &str, enter: &dyn Fn()| {
        while operations(&root).iter().all(|(kind, _)| kind != name) {
            assert!(begun.elapsed() < Duration::from_secs(100), "{name}");
            enter();
            // The recorder creates the file.
            if db.exists() {
                pass(&mut pusher(&db, &root, Duration::from_secs(1)));
            }
        }
    };
    tracing::subscriber::with_default(subscriber, || {
        until_sent("decode", &|| {
            tracing::info_span!("decode").in_scope(|| work(50))
        });
        until_sent("encode", &|| {
            tracing::info_span!("encode").in_scope(|| work(50))
        });
    });
    let uuid = guard.finish().uuid;
    assert_eq!(pass(&mut pusher(&db, &root, Duration::from_secs(1))), 1);
    lake::check(&root);
    let operations = operations(&root);
    let of_first: Vec<_> = operations
        .iter()
        .filter(|(_, bucket)| *bucket == 0)
        .collect();
    assert_eq!(of_first, [&("decode".to_owned(), 0)]);
    let measured = by_rail(&rows(&root, "accounts"), "measured_nj");
    assert_eq!(measured, recorded(&db, &uuid, "measured_j"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Wherever a run is cut, the buckets sum to the same totals.
    #[test]
    fn totals_do_not_depend_on_the_cuts(mut cuts in prop::collection::vec(0.001..0.999_f64, 0..6)) {
        cuts.sort_by(f64::total_cmp);
        let folder = tempfile::tempdir().unwrap();
        let (db, root) = (folder.path().join("energy.db"), folder.path().join("lake"));
        let mut growing = Growing::begin(&db);
        let mut pusher = pusher(&db, &root, Duration::from_nanos(1));
        for cut in cuts {
            growing.write(cut, RunStatus::Running);
            pass(&mut pusher);
        }
        growing.write(1.0, RunStatus::Complete);
        prop_assert_eq!(pass(&mut pusher), 1);
        lake::check(&root);
        let accounts = rows(&root, "accounts");
        prop_assert_eq!(
            by_rail(&accounts, "measured_nj"),
            recorded(&db, Growing::uuid(), "measured_j")
        );
        let whole = folder.path().join("whole");
        let to = destination(whole.to_str().unwrap()).unwrap();
        let mut other = Pusher::open(&db, to, &PushOptions::default()).unwrap();
        prop_assert_eq!(pass(&mut other), 1);
        let whole = rows(&whole, "accounts");
        for part in lake::PARTS {
            prop_assert_eq!(by_rail(&accounts, part), by_rail(&whole, part));
        }
    }
}
