//! `energy run --stop`: the answer ends before the text, on the terminal and in the file, and its
//! tokens are counted.

use std::path::Path;

use energy_tests::{StoredRun, energy_run};

/// Runs the tiny model and returns what it printed before the summary, and the run.
fn run(folder: &Path, more: &[&str]) -> (String, StoredRun) {
    let mut command = energy_run(env!("CARGO_BIN_EXE_energy-command"), folder);
    let database = folder.join(format!("{}.db", more.len()));
    command
        .args([
            "--source",
            "modelled",
            "--max-tokens",
            "24",
            "--depth",
            "phase",
        ])
        .args([Path::new("--db"), &database])
        .args(more);
    let output = command.output().expect("the command");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    (printed, StoredRun::open(&database, "last"))
}

#[test]
fn stop_texts_end_an_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let (printed, whole) = run(folder.path(), &[]);
    let whole = whole
        .store()
        .find_run("last")
        .expect("the run")
        .row
        .metadata;
    let text = whole.response.expect("the text");
    assert!(printed.starts_with(&text));
    // A text that begins and ends within the answer, of several tokens.
    let middle: Vec<(usize, char)> = text.char_indices().skip(text.chars().count() / 2).collect();
    let stop: String = middle
        .iter()
        .take(3)
        .map(|(_, character)| character)
        .collect();
    let before = &text[..text.find(&stop).expect("the stop text")];

    let (printed, run) = run(folder.path(), &["--stop", "no such text", "--stop", &stop]);
    let row = run.store().find_run("last").expect("the run").row.metadata;
    assert_eq!(row.response.as_deref(), Some(before));
    assert!(printed.starts_with(&format!("{before}\n")), "{printed:?}");
    let sampled = row.output_tokens.expect("tokens");
    assert_eq!(run.labels()["token"] as i64, sampled);
    assert!(sampled < whole.output_tokens.expect("tokens"));
    let config = row.config.expect("a configuration");
    let config: serde_json::Value = serde_json::from_str(&config).expect("JSON");
    assert_eq!(config["stop"], serde_json::json!(["no such text", stop]));
}
