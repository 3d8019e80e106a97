//! `energy merge`: summaries are the same in the merged file; files that cannot be merged
//! are named and leave no partial runs.

use std::path::Path;

use crate::fixture;
use crate::fixture::command::{energy, errors, text};
use crate::fixture::drawn;
use crate::fixture::rows::span;
use energy_analyzer::query::{self, Recording};
use energy_analyzer::upkeep::{MergeOutcome, merge};
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::Value;
use tracing_energy::Batch;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn summaries_of_each_run_are_the_same_after_a_merge(
        here in drawn::runs(3),
        others in prop::collection::vec(drawn::runs(4), 1..3),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("into.db");
        drawn::write(&into, &here);
        let figures = |path: &Path| {
            let listed = query::list(&Recording::open(path).unwrap()).unwrap();
            let known = listed.into_iter().map(|run| (run.id.clone(), query::RunListEntry { no: 0, ..run }));
            known.collect::<std::collections::BTreeMap<_, _>>()
        };
        let mut expected = figures(&into);
        let mut paths = Vec::new();
        for (file, runs) in others.iter().enumerate() {
            let path = folder.path().join(format!("{file}.db"));
            // Every file numbers its runs from 1: make ids different.
            let mut batches = drawn::batches(runs);
            for run in batches.iter_mut().filter_map(|batch| batch.run.as_mut()) {
                run.uuid = format!("file {file} {}", run.uuid);
            }
            fixture::write(&path, &batches);
            expected.extend(figures(&path));
            paths.push(path);
        }
        let report = merge(&paths, &into, &mut |_, _, _| ()).unwrap();
        prop_assert_eq!(report.count(MergeOutcome::Merged), others.iter().map(Vec::len).sum::<usize>());
        prop_assert_eq!(figures(&into), expected.clone());
        let again = merge(&paths, &into, &mut |_, _, _| ()).unwrap();
        prop_assert_eq!(again.count(MergeOutcome::Merged), 0);
        prop_assert_eq!(figures(&into), expected);
    }
}

/// The fixture with another id.
fn summed(uuid: &str) -> Batch {
    let mut batch = fixture::summed("measured");
    batch.run.as_mut().unwrap().uuid = uuid.into();
    batch
}

/// Writes the fixture as `name`, with another id.
fn by_hand(folder: &Path, name: &str, uuid: &str) {
    fixture::write(&folder.join(name), &[summed(uuid)]);
}

#[test]
fn a_merged_run_is_shown_as_before() {
    let folder = tempfile::tempdir().unwrap();
    by_hand(folder.path(), "a.db", "aaaaaaaa-1");
    by_hand(folder.path(), "b.db", "bbbbbbbb-2");
    by_hand(folder.path(), "c.db", "cccccccc-3");
    let message = text(&energy(
        folder.path(),
        &["merge", "a.db", "b.db", "--into", "all.db"],
    ));
    assert!(message.contains("2 runs merged into all.db."), "{message}");
    assert!(!message.contains('\x1b') && message.lines().all(|line| line.chars().count() <= 80));
    let json = text(&energy(
        folder.path(),
        &[
            "merge", "c.db", "b.db", "--db", "all.db", "--format", "json",
        ],
    ));
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&value["merged"], &value["present"]),
        (&Value::from(1), &Value::from(1))
    );
    assert!(!folder.path().join("energy.db").exists());
    for (file, run) in [
        ("a.db", "aaaaaaaa"),
        ("b.db", "bbbbbbbb"),
        ("c.db", "cccccccc"),
    ] {
        for command in [
            &["summary", "--format", "json"][..],
            &["ops", "--format", "csv"],
            &["flamegraph", "--folded", "-", "-o", "f.svg"],
        ] {
            let shown = |db| {
                text(&energy(
                    folder.path(),
                    &[command, &[run, "--db", db]].concat(),
                ))
            };
            assert_eq!(shown("all.db"), shown(file), "{command:?}");
        }
    }
}

#[test]
fn invalid_files_are_named_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    by_hand(folder.path(), "a.db", "aaaaaaaa-1");
    by_hand(folder.path(), "newer.db", "bbbbbbbb-2");
    let newer = Connection::open(folder.path().join("newer.db")).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    std::fs::write(folder.path().join("empty.db"), "").unwrap();
    std::fs::write(
        folder.path().join("notes.txt"),
        "no database, but as long as one begins",
    )
    .unwrap();
    for (other, words) in [
        ("newer.db", "newer version"),
        ("empty.db", "no tables"),
        ("notes.txt", "give another file"),
        ("missing.db", "No such file"),
        ("all.db", "it is the target of the merge"),
    ] {
        if other == "all.db" {
            text(&energy(
                folder.path(),
                &["merge", "a.db", "--into", "all.db"],
            ));
        }
        let output = energy(folder.path(), &["merge", "a.db", other, "--into", "all.db"]);
        let code = if other == "missing.db" { 2 } else { 1 };
        assert_eq!(output.status.code(), Some(code), "{other}");
        let message = errors(&output);
        assert!(
            message.contains(other) && message.contains(words),
            "{other}: {message}"
        );
        assert_eq!(message.lines().count(), 1, "{message}");
        assert_eq!(folder.path().join("all.db").exists(), other == "all.db");
    }
    assert_eq!(energy(folder.path(), &["merge"]).status.code(), Some(2));
}

/// Runs the command with a file size limit of `blocks` of 512 bytes.
#[cfg(unix)]
fn with_little_room(folder: &Path, blocks: u32, arguments: &str) -> std::process::Output {
    let program = env!("CARGO_BIN_EXE_energy");
    // The signal that would end the process is ignored, so that the write fails.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} {arguments}");
    let mut shell = std::process::Command::new("sh");
    shell.current_dir(folder).args(["-c", &script]);
    shell.env_remove("ENERGY_DB").output().unwrap()
}

#[test]
#[cfg(unix)]
fn a_full_disk_leaves_whole_runs() {
    let folder = tempfile::tempdir().unwrap();
    by_hand(folder.path(), "a.db", "aaaaaaaa-1");
    let mut large = summed("bbbbbbbb-2");
    large.run.as_mut().unwrap().start_unix_ns += 1;
    let spans = (1..=60_000).map(|seq| span(seq, 4, seq as i64, seq as i64 + 1));
    large.spans = spans.collect();
    fixture::write(&folder.path().join("b.db"), &[large]);
    text(&energy(
        folder.path(),
        &["merge", "a.db", "--into", "all.db"],
    ));
    let output = with_little_room(folder.path(), 1000, "merge b.db --into all.db");
    assert_eq!(output.status.code(), Some(1));
    let message = errors(&output);
    assert!(
        message.contains("all.db") && message.contains("disk"),
        "{message}"
    );
    let connection = Connection::open(folder.path().join("all.db")).unwrap();
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |r| r.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(number("SELECT count(*) FROM runs"), 1);
    assert_eq!(number("SELECT count(*) FROM spans WHERE id >= 2 << 40"), 0);
    assert_eq!(
        number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
        1
    );
    drop(connection);
    text(&energy(
        folder.path(),
        &["merge", "b.db", "--into", "all.db"],
    ));
    let runs = text(&energy(
        folder.path(),
        &["runs", "--db", "all.db", "--format", "csv"],
    ));
    assert_eq!(runs.lines().count(), 3, "{runs}");
}

/// A merge that is killed anywhere leaves each run complete or absent, and a second merge
/// adds the remaining runs.
#[test]
fn a_killed_merge_leaves_whole_runs() {
    const RUNS: i64 = 12;
    const SPANS: i64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let run = |no| drawn::Drawn {
        start_unix_ns: no,
        end_ns: Some(1),
        status: "complete",
        name: None,
        model: None,
        prompt: None,
        tokens: (None, None),
        tags: vec![("group", "a")],
        provenances: vec!["measured"],
        second_is_part: false,
        attributions: vec![],
        basis: None,
    };
    let other = folder.path().join("other.db");
    let mut batches = drawn::batches(&(0..RUNS).map(run).collect::<Vec<_>>());
    for batch in &mut batches {
        let spans = (0..SPANS).map(|at| span(at as u64 + 100, 1, at, at));
        batch.spans.extend(spans);
    }
    fixture::write(&other, &batches);
    let into = folder.path().join("into.db");
    let whole_runs = || {
        let connection = Connection::open(&into).unwrap();
        let number = |sql: &str| {
            connection
                .query_row(sql, [], |r| r.get::<_, i64>(0))
                .unwrap()
        };
        let runs = number("SELECT count(*) FROM runs");
        let spans = number("SELECT count(*) FROM spans");
        assert_eq!(spans, runs * (SPANS + 1), "{runs} runs");
        assert_eq!(number("SELECT count(DISTINCT id >> 40) FROM spans"), runs);
        assert_eq!(number("SELECT count(*) FROM run_tags"), runs);
        runs
    };
    for stop_at in [1, 4, 8] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_energy"));
        command
            .current_dir(folder.path())
            .args(["merge", "other.db", "--into", "into.db"]);
        let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        let begun = || {
            let runs =
                Connection::open_with_flags(&into, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
                    .and_then(|c| {
                        c.query_row("SELECT count(*) FROM runs", [], |r| r.get::<_, i64>(0))
                    });
            runs.unwrap_or(0) >= stop_at
        };
        while !begun() && child.try_wait().unwrap().is_none() {}
        let _ = child.kill();
        child.wait().unwrap();
        let runs = whole_runs();
        assert!((stop_at..=RUNS).contains(&runs), "{runs}");
    }
    text(&energy(
        folder.path(),
        &["merge", "other.db", "--into", "into.db"],
    ));
    assert_eq!(whole_runs(), RUNS);
}
