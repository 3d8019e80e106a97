//! Two pushers of one recording, and destinations that are full, wrong, or gone.

use std::process::{Command, Stdio};

use crate::fixture::command::{energy, errors, json, refused, text};
use crate::fixture::{UUID, recording, summed, write};
use crate::growing::Growing;
use crate::lake;
use energy_data::rows::RunStatus;
use energy_fleet::destination::destination;
use energy_fleet::push::{PushOptions, PushReport, Pusher};
use rusqlite::Connection;

#[test]
fn two_pushers_at_once_send_each_pack_once() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    let push = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_energy"));
        command
            .current_dir(folder.path())
            .args(["fleet", "push", "lake"]);
        command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    for child in [push(), push(), push()] {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", errors(&output));
    }
    let root = folder.path().join("lake");
    assert_eq!(lake::rows(&root, "runs").len(), 1);
    lake::check(&root);
}

#[test]
fn an_object_with_other_content_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    let day = folder.path().join("lake/v1/kinds/date=2026-11-24");
    std::fs::create_dir_all(&day).unwrap();
    let object = day.join(format!("unknown.{UUID}.0.a1.parquet"));
    std::fs::write(&object, "other").unwrap();
    let message = refused(folder.path(), &["fleet", "push", "lake"], 1);
    assert!(
        message.contains("other content") && message.contains(UUID),
        "{message}"
    );
    assert_eq!(std::fs::read(&object).unwrap(), b"other");
    assert!(lake::rows(&folder.path().join("lake"), "packs").is_empty());
    std::fs::remove_file(&object).unwrap();
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    lake::check(&folder.path().join("lake"));
}

#[test]
fn a_contradiction_stops_one_run_only() {
    let folder = tempfile::tempdir().unwrap();
    let run = |no: u8| {
        let mut batch = summed("measured");
        batch.run.as_mut().unwrap().uuid = format!("{no:08x}-0000-4000-8000-000000000000");
        batch
    };
    write(
        &folder.path().join("energy.db"),
        &(1..=3).map(run).collect::<Vec<_>>(),
    );
    let root = folder.path().join("lake");
    let day = root.join("v1/kinds/date=2026-11-24");
    std::fs::create_dir_all(&day).unwrap();
    let object = day.join("unknown.00000001-0000-4000-8000-000000000000.0.a1.parquet");
    std::fs::write(&object, "other").unwrap();
    // At first while it is planned, then as a planned pack; another one has a plan of another version.
    for (no, expected) in [(1, 2), (2, 3)] {
        let output = energy(folder.path(), &["fleet", "push", "lake"]);
        assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
        assert!(errors(&output).contains("00000001-0000"), "{no}");
        assert_eq!(lake::rows(&root, "runs").len(), expected);
        write(&folder.path().join("energy.db"), &[run(4)]);
    }
    let wrong = "UPDATE shipments SET plan = '{}' WHERE status = 'planned'";
    let db = folder.path().join("energy.db");
    Connection::open(&db).unwrap().execute_batch(wrong).unwrap();
    std::fs::remove_file(&object).unwrap();
    write(&db, &[run(5)]);
    let output = energy(folder.path(), &["fleet", "push", "lake"]);
    assert!(
        errors(&output).contains("another version"),
        "{}",
        errors(&output)
    );
    assert_eq!(lake::rows(&root, "runs").len(), 4);
    lake::check(&root);
}

/// Runs a script with a destination of 16 kB. `None` if this user may not mount anything.
#[cfg(target_os = "linux")]
fn with_a_small_disk(folder: &std::path::Path, script: &str) -> Option<std::process::Output> {
    let run = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .current_dir(folder)
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .env("ENERGY", env!("CARGO_BIN_EXE_energy"));
        command.output().ok()
    };
    let mount = "mount -t tmpfs -o size=16k none lake";
    run(mount).filter(|output| output.status.success())?;
    run(&format!("{mount} && {script}"))
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_clear_error_and_holds_no_part_of_an_object() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    std::fs::create_dir(folder.path().join("lake")).unwrap();
    let script =
        "$ENERGY fleet push lake; code=$?; find lake -name '*.parquet' -size -1c; exit $code";
    let Some(output) = with_a_small_disk(folder.path(), script) else {
        eprintln!("not tried: this user may not mount a file system");
        return;
    };
    let message = errors(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains("free space there") && message.contains("keeps what was not sent"),
        "{message}"
    );
    assert!(output.stdout.is_empty(), "{output:?}");
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    lake::check(&folder.path().join("lake"));
}

#[test]
fn options_without_an_effect_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("energy.db");
    let every = energy(folder.path(), &["fleet", "push", "lake", "--every", "1m"]);
    assert_eq!(every.status.code(), Some(2));
    assert!(errors(&every).contains("--follow"), "{}", errors(&every));
    let mut growing = Growing::begin(&db);
    growing.write(0.5, RunStatus::Running);
    let root = folder.path().join("lake");
    let options = PushOptions {
        follow: true,
        every: std::time::Duration::from_secs(1),
        ..PushOptions::default()
    };
    let to = destination(root.to_str().unwrap()).unwrap();
    let mut pusher = Pusher::open(&db, to, &options).unwrap();
    pusher
        .pass(&mut PushReport::default(), &mut |_| ())
        .unwrap();
    growing.write(1.0, RunStatus::Complete);
    let push = ["fleet", "push", "lake", "--nodes", "--json"];
    let output = energy(folder.path(), &push);
    assert!(
        errors(&output).contains("keeps the tables"),
        "{}",
        errors(&output)
    );
    let report: serde_json::Value = serde_json::from_str(&text(&output)).unwrap();
    assert_eq!(
        (&report["packs"], &report["unsent"]),
        (&1.into(), &0.into())
    );
    for command in [
        &["fleet", "compact", "lake"][..],
        &["fleet", "pull", "--from", "lake", "--db", "pulled.db"],
        &["fleet", "forget", "lake"],
    ] {
        let report = json(folder.path(), command);
        assert!(
            report["root"].as_str().unwrap().ends_with("lake"),
            "{report}"
        );
    }
}

#[test]
fn a_run_that_was_deleted_after_its_plan_is_still_sent_whole() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    // The destination cannot be written: a file is where a folder should be.
    std::fs::create_dir(folder.path().join("lake")).unwrap();
    std::fs::write(folder.path().join("lake/v1"), "in the way").unwrap();
    let message = refused(folder.path(), &["fleet", "push", "lake"], 1);
    assert!(message.contains("keeps what was not sent"), "{message}");
    text(&energy(folder.path(), &["delete", UUID, "--yes"]));
    std::fs::remove_file(folder.path().join("lake/v1")).unwrap();
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    let root = folder.path().join("lake");
    assert_eq!(lake::rows(&root, "runs").len(), 1);
    lake::check(&root);
}
