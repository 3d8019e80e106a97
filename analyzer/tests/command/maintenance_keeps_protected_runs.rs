//! Commands that tag, name, delete, prune and vacuum spare protected runs, and refusals
//! name the run and the next step.

use std::path::{Path, PathBuf};

use crate::fixture::command::{energy, errors, refused, text};
use crate::fixture::drawn::{self, Drawn};
use energy_host::{self as host, Host};
use rusqlite::Connection;
use serde_json::Value;

const DAY_NS: i64 = 86_400_000_000_000;

/// Runs of one day each, the last one of today.
fn file(folder: &Path, runs: i64) -> PathBuf {
    let run = |no: i64| Drawn {
        start_unix_ns: host::unix_ns() - (runs - no) * DAY_NS,
        end_ns: Some(2_000_000_000),
        status: "complete",
        name: (no == 1).then_some("sky\u{1b}[31m"),
        model: Some("SmolLM2"),
        prompt: Some("why?"),
        tokens: (Some(10), Some(30)),
        tags: if no > 2 {
            vec![("group", "late")]
        } else {
            vec![]
        },
        provenances: vec!["measured"],
        second_is_part: false,
        attributions: vec![vec![(3, vec![(Some(1.0), Some(0.5)), (None, None)])]],
        basis: Some("fitted"),
    };
    let path = folder.join("energy.db");
    drawn::write(&path, &(1..=runs).map(run).collect::<Vec<_>>());
    path
}

/// Marks run number `no` as being recorded by this process.
fn is_recorded(path: &Path, no: i64) {
    let here = Host::here();
    let (pid, start) = (std::process::id(), host::process_start(std::process::id()));
    let sql = "UPDATE runs SET status = 'running', end_ns = NULL, pid = ?2, pid_start = ?3,
                   boot_id = ?4, pid_space = ?5, heartbeat_unix_ns = ?6 WHERE no = ?1";
    let values = rusqlite::params![
        no,
        pid,
        start,
        here.boot_id,
        here.pid_space,
        host::unix_ns()
    ];
    assert_eq!(Connection::open(path).unwrap().execute(sql, values), Ok(1));
}

/// Returns the numbers of the runs in the file, oldest first.
fn left(folder: &Path) -> Vec<i64> {
    let json = text(&energy(folder, &["runs", "--reverse", "--format", "json"]));
    let value: Value = serde_json::from_str(&json).unwrap();
    let id = |run: &Value| i64::from_str_radix(&run["id"].as_str().unwrap()[..8], 16).unwrap();
    value["runs"].as_array().unwrap().iter().map(id).collect()
}

#[test]
fn tags_are_added_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), 4);
    let tagged = |arguments: &[&str]| text(&energy(folder.path(), arguments));
    assert_eq!(tagged(&["tag", "last", "keep"]), "tagged 1 run with keep\n");
    assert_eq!(
        tagged(&["tag", "00000001", "late", "gpu=\u{1b}on"]),
        "tagged 3 runs with gpu=\\u{1b}on\n"
    );
    let with = |tag: &str| {
        let json = tagged(&["runs", "--tag", tag, "--format", "json"]);
        serde_json::from_str::<Value>(&json).unwrap()["total"]
            .as_i64()
            .unwrap()
    };
    assert_eq!(
        (
            with("gpu"),
            with("gpu=\u{1b}on"),
            with("keep"),
            with("keep=x")
        ),
        (3, 3, 1, 0)
    );
    assert_eq!(
        tagged(&["tag", "group=late", "--remove", "gpu"]),
        "removed gpu from 2 runs\n"
    );
    assert_eq!(with("gpu"), 1);
    assert_eq!(
        tagged(&["tag", "last", "--remove", "none"]),
        "removed none from 0 runs\n"
    );

    assert!(refused(folder.path(), &["tag", "last"], 2).contains("energy tag RUN... KEY[=VALUE]"));
    assert!(refused(folder.path(), &["tag", "last", "=x"], 2).contains("no key"));
    assert!(refused(folder.path(), &["tag", "nothing", "x"], 2).contains("no run `nothing`"));
    assert!(refused(folder.path(), &["tag", "0000000", "x"], 2).contains("more than one run"));
    assert!(refused(folder.path(), &["tag", "a=b", "x"], 2).contains("`a=b` is unknown"));
}

#[test]
fn names_are_set_and_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), 3);
    let message = text(&energy(folder.path(), &["name", "last", "a=b \u{202e}"]));
    assert_eq!(message, "run 00000003 renamed to a=b \\u{202e}\n");
    assert!(text(&energy(folder.path(), &["show", "a=b \u{202e}"])).contains("00000003"));
    let message = text(&energy(folder.path(), &["name", "00000003", "--clear"]));
    assert!(message.contains("has no name now"), "{message}");
    for name in ["", "last"] {
        assert!(refused(folder.path(), &["name", "last", name], 2).contains("cannot be called"));
    }
    is_recorded(&path, 3);
    for arguments in [
        &["name", "last", "x"][..],
        &["tag", "last", "x"],
        &["delete", "last", "--yes"],
    ] {
        let message = refused(folder.path(), arguments, 1);
        assert!(
            message.contains("is being recorded by process"),
            "{message}"
        );
        assert!(message.contains("has ended"), "{message}");
    }
}

#[test]
fn several_runs_are_deleted_at_once() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), 5);
    let message = refused(folder.path(), &["delete", "late"], 2);
    assert!(
        message.contains("no terminal to confirm on: give --yes"),
        "{message}"
    );
    refused(
        folder.path(),
        &["delete", "00000001", "nothing", "--yes"],
        2,
    );
    assert_eq!(left(folder.path()), [1, 2, 3, 4, 5]);
    let message = text(&energy(
        folder.path(),
        &["delete", "late", "00000003", "00000001", "--yes"],
    ));
    assert_eq!(message.lines().count(), 4, "{message}");
    assert!(
        message.contains("deleted run sky\\u{1b}[31m (00000001), about "),
        "{message}"
    );
    assert!(message.lines().all(|line| line.ends_with("B")), "{message}");
    assert_eq!(left(folder.path()), [2]);
}

#[test]
fn pruning_spares_active_and_tagged_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), 10);
    is_recorded(&path, 1);
    text(&energy(folder.path(), &["tag", "00000002", "baseline=v1"]));
    text(&energy(folder.path(), &["tag", "00000003", "keep"]));
    let all: Vec<i64> = (1..=10).collect();

    let dry = text(&energy(
        folder.path(),
        &["prune", "--older-than", "5d", "--dry-run"],
    ));
    assert!(
        dry.contains("2 runs would be deleted and free about"),
        "{dry}"
    );
    assert!(dry.contains("2 runs kept because of the tag"), "{dry}");
    assert!(
        dry.contains("00000004") && !dry.contains("00000006"),
        "{dry}"
    );
    assert_eq!(left(folder.path()), all);
    let message = errors(&energy(folder.path(), &["prune", "--older-than", "5d"]));
    assert!(
        message.contains("give --yes to delete permanently, or --dry-run"),
        "{message}"
    );
    assert_eq!(left(folder.path()), all);

    let json = text(&energy(
        folder.path(),
        &["prune", "--older-than", "5d", "--yes", "--format", "json"],
    ));
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&value["deleted"], &value["spared"]),
        (&Value::from(true), &Value::from(2))
    );
    assert_eq!(value["runs"][0]["reason"], "age");
    assert_eq!(left(folder.path()), [1, 2, 3, 6, 7, 8, 9, 10]);

    text(&energy(
        folder.path(),
        &["prune", "--keep", "3", "--older-than", "1h", "--yes"],
    ));
    assert_eq!(left(folder.path()), [1, 2, 3, 8, 9, 10]);
    text(&energy(folder.path(), &["prune", "--keep", "2", "--yes"]));
    assert_eq!(left(folder.path()), [1, 2, 3, 9, 10]);
    let message = text(&energy(
        folder.path(),
        &["prune", "--max-size", "0B", "--all", "--yes"],
    ));
    assert!(
        message.contains("More than --max-size stays in use"),
        "{message}"
    );
    assert_eq!(left(folder.path()), [1], "a run that is being recorded");
    let message = text(&energy(folder.path(), &["prune", "--keep", "0", "--yes"]));
    assert_eq!(message, "No run to delete.\n");
}

#[test]
fn wrong_limits_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), 1);
    for (arguments, words) in [
        (
            &["prune"][..],
            "--keep <N>|--older-than <AGE>|--max-size <SIZE>",
        ),
        (&["prune", "--older-than", "30"], "7d"),
        (&["prune", "--max-size", "500"], "500MB"),
        (&["prune", "--keep", "-1"], "--keep"),
        (&["size", "--by", "colour"], "table"),
        (&["name", "last"], "NAME"),
        (&["delete"], "RUN"),
    ] {
        let output = energy(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            errors(&output).contains(words),
            "{arguments:?}: {}",
            errors(&output)
        );
    }
}

#[test]
fn free_space_is_reported_and_released() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), 3);
    let fill = "UPDATE runs SET response = hex(zeroblob(500000)) WHERE no = 2";
    Connection::open(&path)
        .unwrap()
        .execute_batch(fill)
        .unwrap();
    let sizes = text(&energy(folder.path(), &["size"]));
    assert!(sizes.contains("Runs (estimated)") && sizes.contains("Tables, indexes included"));
    assert!(sizes.contains("Sizes of runs are estimated"), "{sizes}");
    assert!(
        sizes.lines().all(|line| line.chars().count() <= 80),
        "{sizes}"
    );
    let json = text(&energy(folder.path(), &["size", "--format", "json"]));
    let value: Value = serde_json::from_str(&json).unwrap();
    let sum = |key: &str| -> u64 {
        let rows = value[key].as_array().unwrap().iter();
        rows.map(|row| row["bytes"].as_u64().unwrap()).sum()
    };
    let used = value["file_bytes"].as_u64().unwrap() - value["free_bytes"].as_u64().unwrap();
    assert_eq!(sum("tables"), used);
    assert!(sum("runs") <= used && value["runs"][0]["bytes"].as_u64() > Some(1_000_000));
    assert_eq!(value["tables_are_counted"], true);
    let csv = text(&energy(
        folder.path(),
        &["size", "--by", "table", "--format", "csv"],
    ));
    assert!(csv.starts_with("table,rows,bytes,share\n"), "{csv}");

    text(&energy(folder.path(), &["delete", "00000002", "--yes"]));
    let before = std::fs::metadata(&path).unwrap().len();
    let message = text(&energy(folder.path(), &["vacuum"]));
    assert!(
        message.contains("before") && message.contains("now"),
        "{message}"
    );
    assert!(std::fs::metadata(&path).unwrap().len() + 900_000 < before);
    is_recorded(&path, 3);
    let message = refused(folder.path(), &["vacuum"], 1);
    assert!(
        message.contains("is being recorded to it") && message.contains("wait until"),
        "{message}"
    );
}

#[test]
fn a_file_that_cannot_be_changed_is_kept_and_named() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["runs"][..],
        &["size"],
        &["vacuum"],
        &["tag", "last", "x"],
        &["name", "last", "x"],
        &["delete", "last", "--yes"],
        &["prune", "--keep", "1", "--yes"],
    ] {
        let message = refused(folder.path(), arguments, 2);
        assert!(
            message.contains("energy.db: no such file; give the database"),
            "{message}"
        );
        assert!(!folder.path().join("energy.db").exists());
    }
    let path = file(folder.path(), 2);
    let locked = Connection::open(&path).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    for arguments in [&["tag", "last", "x"][..], &["vacuum"]] {
        let message = refused(folder.path(), arguments, 1);
        assert!(
            message.contains("another process holds its write lock"),
            "{message}"
        );
    }
    locked
        .execute_batch("ROLLBACK; PRAGMA user_version = 99")
        .unwrap();
    drop(locked);
    let bytes = std::fs::read(&path).unwrap();
    for arguments in [&["runs"][..], &["size"], &["vacuum"], &["tag", "last", "x"]] {
        let message = refused(folder.path(), arguments, 1);
        assert!(
            message.contains("newer version") && message.contains("energy.db"),
            "{message}"
        );
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    std::fs::write(&path, "").unwrap();
    assert!(refused(folder.path(), &["size"], 1).contains("no tables"));
    std::fs::write(
        &path,
        "no database at all, but long enough to look like one",
    )
    .unwrap();
    assert!(refused(folder.path(), &["runs"], 1).contains("give another file"));
}

/// Root may write to any file: then the command runs as nobody.
#[test]
#[cfg(unix)]
fn a_read_only_file_is_listed_and_not_changed() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), 2);
    let allow = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(&path, 0o444);
    allow(folder.path(), 0o555);
    let as_nobody = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_energy"));
        command.current_dir(folder.path()).args(arguments);
        // SAFETY: no preconditions.
        if unsafe { libc::geteuid() } == 0 {
            command.uid(65_534).gid(65_534);
        }
        command.output()
    };
    let listed = match as_nobody(&["runs"]) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            eprintln!("SKIPPED: an unprivileged user may not run the test's programs");
            allow(folder.path(), 0o755);
            return;
        }
        output => output.unwrap(),
    };
    assert!(text(&listed).contains("00000001"));
    for arguments in [
        &["tag", "last", "x"][..],
        &["vacuum"],
        &["delete", "last", "--yes"],
    ] {
        let output = as_nobody(arguments).unwrap();
        assert_eq!(output.status.code(), Some(1));
        let message = errors(&output);
        assert!(
            message.contains("energy.db") && message.contains("writable"),
            "{message}"
        );
    }
    allow(folder.path(), 0o755);
    assert_eq!(left(folder.path()), [1, 2]);
}
