//! Baselines are saved, listed, checked and deleted; a program whose recording is unusable
//! for a check is named, with the next step.

use std::path::Path;
use std::process::{Command, Output};

fn program() -> String {
    env!("CARGO_BIN_EXE_working-program").to_owned()
}

/// `energy` on power modelled from CPU time, with runs as short as can be.
fn energy(folder: &Path, words: &[&str], end: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_energy-command"));
    command
        .args(words)
        .current_dir(folder)
        .env("ENERGY_DB", folder.join("energy.db"))
        .env("WORKING_PROGRAM_TOKENS", "2")
        .env("WORKING_PROGRAM_END", end)
        .env_remove("TRACING_ENERGY_POWERMETRICS")
        .env_remove("FAKE_POWERMETRICS_WORK_FILE");
    command.output().expect("the command runs")
}

#[test]
fn a_program_without_a_complete_run_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program();
    let save = |end: &str, words: &[&str]| {
        let words: Vec<&str> = ["baseline", "save", "main", "--repeat", "2"]
            .iter()
            .chain(words)
            .copied()
            .collect();
        let output = energy(folder.path(), &words, end);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), message)
    };
    for (end, named) in [
        ("fail", "opening the model / there is no such model"),
        ("none", "run"),
        ("twice", "select one with --run-name"),
    ] {
        let (code, message) = save(end, &["--", &program]);
        assert_eq!(code, Some(1), "{end}: {message}");
        assert!(
            message.contains(named) && message.contains("working-program"),
            "{end}: {message}"
        );
    }
    let (code, message) = save("", &["--", "true"]);
    assert!(
        code == Some(1) && message.contains("must record with"),
        "{message}"
    );
    let (code, message) = save("", &["--", "./no-such-program"]);
    assert!(
        code == Some(1) && message.contains("cannot be started"),
        "{message}"
    );
    let (code, message) = save("", &[]);
    assert!(code == Some(2) && message.contains("after --"), "{message}");
    let (code, message) = save("twice", &["--run-name", "real", "--", &program]);
    assert_eq!(code, Some(0), "{message}");
    let (code, message) = save("", &["--", &program]);
    assert!(
        code == Some(2) && message.contains("--replace"),
        "{message}"
    );
}

#[test]
fn a_baseline_is_listed_checked_and_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program();
    let run = |words: &[&str]| {
        let output = energy(folder.path(), words, "");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let (code, message) = run(&["baseline", "save", "main", "--repeat", "3", "--", &program]);
    assert!(code == Some(0) && message.contains("3 runs"), "{message}");
    let (_, message) = run(&["baseline", "list"]);
    assert!(
        message.contains("main") && message.contains("  3  "),
        "{message}"
    );
    let check = |runs: &str, more: &[&str]| {
        let repeat = ["--repeat", runs, "--max-repeat", runs];
        run(&[&["baseline", "check", "main"], &repeat[..], more].concat())
    };
    // The saved command is executed again; two runs decide nothing.
    let (code, message) = check("2", &[]);
    assert!(
        code == Some(0) && message.contains("undecided"),
        "{message}"
    );
    assert!(message.contains("are modelled (CPU time)"), "{message}");
    let (code, message) = check("1", &["--strict"]);
    assert_eq!(code, Some(4), "{message}");
    // The old program interleaved with the new one.
    let (code, message) = check("2", &["--base-command", &program]);
    assert!(
        code == Some(0) && !message.contains("different sessions"),
        "{message}"
    );
    let (code, message) = run(&["baseline", "check", "main", "--runs", "check=main"]);
    assert_eq!(code, Some(0), "{message}");
    for (words, schema) in [
        (&["baseline", "list"][..], "baseline-list"),
        (
            &["baseline", "check", "main", "--runs", "check=main"],
            "baseline-check",
        ),
    ] {
        let words: Vec<&str> = words.iter().copied().chain(["--format", "json"]).collect();
        let output = energy(folder.path(), &words, "");
        let value = serde_json::from_slice(&output.stdout).expect("JSON");
        let path = format!(
            "{}/../analyzer/schema/{schema}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let schema = std::fs::read_to_string(path).expect("a schema");
        let schema = serde_json::from_str(&schema).expect("JSON");
        jsonschema::validate(&schema, &value).unwrap_or_else(|fault| panic!("{fault}: {value}"));
    }
    let (code, message) = run(&["baseline", "delete", "main"]);
    assert!(
        code == Some(0) && message.contains("3 runs released"),
        "{message}"
    );
    let (code, message) = run(&["baseline", "check", "main"]);
    assert!(
        code == Some(2) && message.contains("no baseline"),
        "{message}"
    );
}
