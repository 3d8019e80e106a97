//! Error messages and exit codes of `energy`:
//! code: 1 failed, 2 wrong usage, which includes names that do not exist.

use std::path::Path;
use std::process::Output;

use energy_tests::{energy, record, tokens};
use rusqlite::Connection;

/// Exit code and stderr; nothing may be on stdout.
fn refused(database: &Path, arguments: &[&str]) -> (i32, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = energy(env!("CARGO_BIN_EXE_energy-command"))
        .args(arguments)
        .args([Path::new("--db"), database])
        .output()
        .expect("the command");
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(
        String::from_utf8_lossy(&stdout),
        "",
        "{arguments:?}: {stderr}"
    );
    (status.code().expect("no signal"), stderr)
}

#[test]
fn an_ambiguous_or_unknown_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let uuids = ["abc1", "abc2", "b3"].map(|head| {
        format!(
            "{head}{}",
            &"0-0000-4000-8000-000000000000"[head.len() - 1..]
        )
    });
    for uuid in &uuids {
        let recorded = record(&path, || tokens(3));
        let database = Connection::open(&path).expect("the database");
        let changed = "UPDATE runs SET uuid = ?1 WHERE uuid = ?2";
        let rows = database.execute(changed, [uuid, &recorded.uuid]);
        assert_eq!(rows, Ok(1));
    }
    for command in ["summary", "show", "flamegraph", "attribute"] {
        let (code, text) = refused(&path, &[command, "abc"]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("`abc` matches more than one run"), "{text}");
        assert!(
            text.contains(&uuids[0]) && text.contains(&uuids[1]),
            "{text}"
        );
        assert!(!text.contains(&uuids[2]), "{text}");

        let (code, text) = refused(&path, &[command, "nothing"]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("no run `nothing`; it holds "), "{text}");
        assert!(uuids.iter().all(|uuid| text.contains(uuid)), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn a_file_that_is_not_a_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "no database at all, but long enough to look like one",
    )
    .expect("written");
    let foreign = folder.path().join("addresses.db");
    let database = Connection::open(&foreign).expect("a database");
    database
        .execute_batch("CREATE TABLE addresses (name TEXT)")
        .expect("a table");
    let missing = folder.path().join("missing.db");
    for path in [&text, &foreign, &missing] {
        for command in ["summary", "runs", "show", "flamegraph"] {
            let (code, text) = refused(path, &[command]);
            let expected = if path == &missing { 2 } else { 1 };
            assert_eq!(code, expected, "{command}: {text}");
            assert!(text.contains(&path.display().to_string()), "{text}");
            assert!(
                text.starts_with("energy: ") && text.lines().count() == 1,
                "{text}"
            );
            assert!(
                text.contains("; ") || text.contains(": give"),
                "no next step: {text}"
            );
        }
    }
    assert!(!missing.exists());
}

#[test]
fn wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    for arguments in [
        &["no-such-command"][..],
        &["summary", "--format", "runes"],
        &["run", "--interval", "5"],
        &["run", "--max-tokens", "many"],
        &["run", "--tag", "=x"],
        &["flamegraph", "--no-such-flag"],
        &["run", "--source", "guess"],
        &["calibrate", "--depth", "phase"],
        &["doctor", "--validate", "--time", "1s"],
    ] {
        let (code, text) = refused(&path, arguments);
        assert_eq!(code, 2, "{arguments:?}: {text}");
        assert!(text.contains("--help"), "{arguments:?}: {text}");
    }
    let (code, text) = refused(&path, &["run", "--source", "guess"]);
    assert_eq!(code, 2);
    assert!(text.contains("replay:FILE"), "{text}");
    let (code, text) = refused(&path, &["run", "--model", "no-such.gguf"]);
    assert!(
        code == 2 && text.contains("no-such.gguf: no such file"),
        "{text}"
    );
    assert!(!path.exists());
}

#[test]
fn a_run_without_spans_and_a_run_given_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let power = folder.path().join("power.csv");
    let rows = "t_start_ns,t_end_ns,rail,energy_mj\n0,100000000,cpu,500\n";
    std::fs::write(&power, rows).expect("written");
    let imported = energy(env!("CARGO_BIN_EXE_energy-command"))
        .args(["import", "power"])
        .args([power.as_path(), Path::new("--db"), &path])
        .output()
        .expect("the command");
    assert!(imported.status.success(), "{imported:?}");
    for command in ["tokens", "layers", "flamegraph"] {
        let (code, text) = refused(&path, &[command]);
        assert!(
            text.contains("it has no spans; see its power"),
            "{command}: {text}"
        );
        assert_eq!((code, text.lines().count()), (2, 1), "{command}: {text}");
    }
    let (code, text) = refused(&path, &["compare", "last", "last"]);
    assert!(
        text.contains("`last` is given twice; give a different run"),
        "{text}"
    );
    assert_eq!((code, text.lines().count()), (2, 1), "{text}");
}
