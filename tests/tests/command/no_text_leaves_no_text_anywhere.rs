//! `--no-text` keeps the prompt, the response and the texts of tokens out of every file
//! that a run leaves; without it they are there.

use std::path::Path;

use energy_tests::{StoredRun, energy_run_of};

const PROMPT: &str = "zebras quarrel quietly";

/// Records in `folder`; returns the model's answer.
fn run(folder: &Path, more: &[&str]) -> String {
    let files = ["--db", "energy.db", "--chrome", "trace.json"];
    let drawn = ["--flamegraph", "flame.svg"];
    let mut command = energy_run_of(env!("CARGO_BIN_EXE_energy-command"), folder, PROMPT);
    command
        .current_dir(folder)
        .args(files)
        .args(drawn)
        .args(["--max-tokens", "24", "--source", "modelled"])
        .args(more);
    let output = command.output().expect("the command");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    let text = String::from_utf8(output.stdout).expect("text");
    let (answer, _) = text.split_once("\n\nrun ").expect("answer and summary");
    answer.to_owned()
}

/// Names of files in `folder`, but for the model's, that hold `text`.
fn holding(folder: &Path, text: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let bytes = std::fs::read(&path).expect("readable");
        let holds = bytes.windows(text.len()).any(|window| window == text);
        if holds && name != "tiny.gguf" {
            names.push(name);
        }
    }
    names.sort();
    names
}

fn fields_with(run: &StoredRun, key: &str) -> f64 {
    run.number(&format!(
        "SELECT count(*) FROM span_fields WHERE span >> 40 = ?1
         AND json_extract(json, '$.{key}') IS NOT NULL"
    ))
}

#[test]
fn no_text_leaves_no_text_anywhere() {
    let with = tempfile::tempdir().expect("a folder");
    let answer = run(with.path(), &[]);
    assert!(answer.len() >= 8, "too short to look for: {answer:?}");
    assert_eq!(holding(with.path(), PROMPT.as_bytes()), ["energy.db"]);
    assert_eq!(holding(with.path(), answer.as_bytes()), ["energy.db"]);
    assert!(holding(with.path(), b"\"token_id\":").contains(&"trace.json".to_owned()));
    let kept = StoredRun::open(&with.path().join("energy.db"), "last");
    assert_eq!(fields_with(&kept, "text"), 24.0);

    let without = tempfile::tempdir().expect("a folder");
    let same = run(without.path(), &["--no-text"]);
    assert_eq!(same, answer, "recording does not change the answer");
    for text in [PROMPT, &answer, "\"token_id\":", "\"text\":"] {
        let found = holding(without.path(), text.as_bytes());
        assert_eq!(found, [""; 0], "{text:?}");
    }
    let run = StoredRun::open(&without.path().join("energy.db"), "last");
    for key in ["text", "token_id"] {
        assert_eq!(fields_with(&run, key), 0.0, "{key}");
    }
    assert_eq!(run.labels()["token"], 24);
    assert_eq!(
        run.number("SELECT output_tokens FROM runs WHERE no = ?1"),
        24.0
    );
    let texts = "SELECT count(prompt) + count(response) FROM runs WHERE no = ?1";
    assert_eq!(run.number(texts), 0.0);
}
