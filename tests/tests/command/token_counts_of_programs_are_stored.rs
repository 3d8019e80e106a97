//! `energy record` finds numbers of tokens in the output of programs, which stays unchanged.
#![cfg(unix)]

use std::path::Path;
use std::process::Output;

use energy_tests::energy;
use serde_json::Value;

fn record(folder: &Path, options: &[&str], line: &str) -> Output {
    energy(env!("CARGO_BIN_EXE_energy-command"))
        .current_dir(folder)
        .args([
            "record",
            "--db",
            "energy.db",
            "--source",
            "modelled",
            "--baseline",
            "0s",
        ])
        .args(options)
        .args(["--quiet", "--", "sh", "-c", line])
        .output()
        .expect("the command")
}

fn totals(folder: &Path) -> Value {
    let output = energy(env!("CARGO_BIN_EXE_energy-command"))
        .current_dir(folder)
        .args(["summary", "--db", "energy.db", "--format", "json"])
        .output()
        .expect("the command");
    let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    summary["totals"].clone()
}

#[test]
fn counts_are_found_by_path_and_by_expression() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = r#"echo loading; echo '{"usage": {"prompt_tokens": 5, "completion_tokens": 7}}'"#;
    let text = "echo hi; echo 'prompt eval: 12 tokens' >&2; echo 'eval: 1,024 tokens' >&2; exit 3";
    let expression = r"(?m)^(?:prompt eval: (?<input>[\d,]+)|eval: (?<output>[\d,]+)) tokens";
    for (options, line, printed, code, counts) in [
        (
            ["--tokens-json", "usage"],
            json,
            "loading\n{\"usage\"",
            0,
            [Some(5), Some(7)],
        ),
        (
            ["--tokens-json", "output=usage.completion_tokens"],
            json,
            "loading",
            0,
            [None, Some(7)],
        ),
        (
            ["--tokens-json", "input=usage.other"],
            json,
            "loading",
            0,
            [None, None],
        ),
        (
            ["--tokens-regex", expression],
            text,
            "hi\n",
            3,
            [Some(12), Some(1024)],
        ),
    ] {
        let output = record(folder.path(), &options, line);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{errors}");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(stdout.starts_with(printed), "{stdout}");
        assert_eq!(
            errors.contains("eval: 1,024 tokens\n"),
            line == text,
            "{errors}"
        );
        let totals = totals(folder.path());
        let found = ["input_tokens", "output_tokens"].map(|key| totals[key].as_i64());
        assert_eq!(found, counts, "{options:?}");
        let is_missing = counts.contains(&None);
        assert_eq!(errors.contains("it stays unknown"), is_missing, "{errors}");
    }
}

#[test]
fn malformed_options_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for options in [
        ["--tokens-json", "a..b"],
        ["--tokens-regex", "("],
        ["--tokens-regex", r"(\d+)"],
    ] {
        let output = record(folder.path(), &options, "true");
        assert_eq!(output.status.code(), Some(2), "{options:?}");
    }
    assert!(!folder.path().join("energy.db").exists());
}
