//! Incomplete runs, hostile names and outputs that end early: every format writes the
//! available data or reports the error.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::fixture::command::{energy, errors, text};
use crate::fixture::spanned::{odd_names, spanned};
use energy_analyzer::export::names;
use serde_json::Value;
use tracing_energy::Method;

/// A run that `sql` has changed.
fn changed(sql: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let db = spanned(folder.path(), Method::Proportional);
    let connection = rusqlite::Connection::open(db).unwrap();
    connection.execute_batch(sql).unwrap();
    folder
}

/// Exports it in all formats and reads the Chrome trace and the JSON document.
fn all_formats(folder: &Path) -> (Value, Value) {
    for name in names() {
        let done = energy(folder, &["export", name, "-o", &format!("out-{name}")]);
        assert!(done.status.success(), "{name}: {}", errors(&done));
    }
    let read = |name: &str| {
        let text = std::fs::read(folder.join(format!("out-{name}"))).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    (read("chrome"), read("json"))
}

fn slices(trace: &Value) -> Vec<&Value> {
    let events = trace.as_array().unwrap().iter();
    events.filter(|event| event["ph"] == "X").collect()
}

const NO_POWER: &str = "DELETE FROM samples; DELETE FROM window_power; DELETE FROM attributions;
                        DELETE FROM span_energy; DELETE FROM rails; DELETE FROM baselines;";

#[test]
fn without_power_there_are_times_and_no_energies() {
    let folder = changed(NO_POWER);
    let (trace, json) = all_formats(folder.path());
    assert_eq!(slices(&trace).len(), 2 + 5 * 40 + odd_names().len());
    for slice in slices(&trace) {
        assert!(slice["args"].get("energy_j").is_none(), "{}", slice["args"]);
        assert!(slice["args"].get("self_j").is_none());
    }
    let span = &json["threads"][0]["spans"][0];
    assert_eq!(span["energy_j"], Value::Null);
    assert_eq!(json["figures"], "power was not measured; not attributed");
}

#[test]
fn without_spans_there_is_power() {
    let folder = changed("DELETE FROM spans; DELETE FROM span_energy;");
    let (trace, json) = all_formats(folder.path());
    assert_eq!(slices(&trace).len(), 0);
    let counters = trace.as_array().unwrap().iter().filter(|e| e["ph"] == "C");
    assert_eq!(counters.count(), 120);
    let spans = json["remainder_j"].as_f64().unwrap();
    assert!(
        spans > 10.0,
        "the ledger's energy is no activation's: {spans}"
    );
}

#[test]
fn open_spans_end_at_the_last_heartbeat() {
    let folder = changed("UPDATE spans SET end_ns = NULL WHERE node <= 2;");
    let (trace, _) = all_formats(folder.path());
    let end = |slice: &Value| slice["ts"].as_f64().unwrap() + slice["dur"].as_f64().unwrap();
    let ends: Vec<f64> = slices(&trace).into_iter().map(end).collect();
    let last = ends.iter().copied().fold(0.0, f64::max);
    assert_eq!(ends.iter().filter(|end| **end == last).count(), 2, "{last}");
}

#[test]
fn a_crashed_run_is_written() {
    let folder = changed("UPDATE runs SET status = 'crashed', end_ns = NULL;");
    let (trace, json) = all_formats(folder.path());
    assert_eq!(json["run"]["status"], "crashed");
    assert!(slices(&trace).len() > 100);
}

#[test]
fn hostile_names_are_kept_and_escaped() {
    let folder = changed("");
    let (trace, json) = all_formats(folder.path());
    for name in odd_names().iter().filter(|name| name.len() < 1000) {
        let is_it = |slice: &&Value| slice["name"] == **name;
        assert_eq!(
            slices(&trace).into_iter().filter(is_it).count(),
            1,
            "{name}"
        );
    }
    let labels = json["tree"].as_array().unwrap().iter();
    assert!(labels.clone().any(|node| node["label"] == odd_names()[0]));
    let folded = std::fs::read_to_string(folder.path().join("out-folded")).unwrap();
    assert!(!folded.contains(['\u{7}', '\u{1b}', '\u{202e}']));
    let csv = std::fs::read_to_string(folder.path().join("out-csv/spans.csv")).unwrap();
    assert!(!csv.contains(['\u{7}', '\u{1b}', '\u{202e}']));
}

#[test]
fn a_full_disk_is_reported_with_the_file() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = changed("");
    for name in names().into_iter().filter(|name| !makes_folder(name)) {
        let done = energy(folder.path(), &["export", name, "-o", "/dev/full"]);
        assert_eq!(done.status.code(), Some(1), "{name}");
        let errors = errors(&done);
        assert!(
            errors.contains("/dev/full: No space left"),
            "{name}: {errors}"
        );
    }
}

fn makes_folder(name: &str) -> bool {
    matches!(name, "csv" | "parquet")
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let folder = changed("");
    for name in names().into_iter().filter(|name| !makes_folder(name)) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_energy"))
            .current_dir(folder.path())
            .args(["export", name, "-o", "-"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{name}: {}", errors(&done));
    }
}

#[test]
fn a_failed_export_keeps_the_existing_file() {
    let folder = changed("");
    let path = folder.path();
    let done = energy(path, &["export", "chrome", "-o", "absent/trace.json"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(errors(&done).contains("absent/trace.json: No such file"));
    let done = energy(path, &["export", "csv", "-o", "-"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(
        errors(&done).contains("csv writes a folder"),
        "{}",
        errors(&done)
    );
    let done = energy(path, &["export", "csv", "-o", "spans.csv"]);
    let expected =
        "energy: spans.csv: is a file, but this format writes a folder: give a folder with -o\n";
    assert_eq!(errors(&done).lines().last(), expected.lines().last());
    let done = energy(path, &["export", "chrome", "-o", "."]);
    assert!(errors(&done).contains("is a folder"), "{}", errors(&done));
    let done = energy(path, &["export", "chrome", "--window", "5s..2s"]);
    assert_eq!(done.status.code(), Some(2));
    // A table that is damaged in the middle.
    std::fs::write(path.join("trace.json"), "whole").unwrap();
    let connection = rusqlite::Connection::open(path.join("energy.db")).unwrap();
    let sql = "UPDATE spans SET start_ns = 'soon' WHERE id = (SELECT max(id) FROM spans)";
    connection.execute_batch(sql).unwrap();
    let done = energy(path, &["export", "chrome", "-o", "trace.json"]);
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(
        std::fs::read_to_string(path.join("trace.json")).unwrap(),
        "whole"
    );
    let left = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    let parts = left.filter(|entry| entry.file_name().to_string_lossy().contains(".part"));
    assert_eq!(parts.count(), 0);
}

#[test]
fn partial_exports_are_labelled_and_hold_partial_samples() {
    let folder = changed("");
    let path = folder.path();
    let samples = |window: &str| -> f64 {
        let words = ["export", "json", "-o", "-", "--window", window];
        let part: Value = serde_json::from_str(&text(&energy(path, &words))).unwrap();
        assert!(part["figures"].as_str().unwrap().contains("; only "));
        let samples = part["samples"].as_array().unwrap().iter();
        samples
            .map(|sample| sample["energy_j"].as_f64().unwrap())
            .sum()
    };
    let both = samples("..2.345s") + samples("2.345s..");
    let whole: Value =
        serde_json::from_str(&text(&energy(path, &["export", "json", "-o", "-"]))).unwrap();
    let samples = whole["samples"].as_array().unwrap().iter();
    let all: f64 = samples
        .map(|sample| sample["energy_j"].as_f64().unwrap())
        .sum();
    assert!((both - all).abs() < 1e-9, "{both} {all}");
    // A partial export does not replace a complete one.
    assert!(
        energy(path, &["export", "csv", "-o", "all"])
            .status
            .success()
    );
    let part = energy(path, &["export", "csv", "-o", "all", "--window", "1s..2s"]);
    assert_eq!(part.status.code(), Some(1));
    assert!(
        errors(&part).contains("give a new folder with -o"),
        "{}",
        errors(&part)
    );
    let nothing = energy(
        path,
        &["export", "chrome", "-o", "none", "--window", "90s.."],
    );
    assert!(errors(&nothing).contains("no span entry matches"));
}

#[test]
fn each_format_has_its_own_file_name() {
    let folder = changed("");
    let count = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        // SQLite creates and removes files next to the recording.
        let is_ours = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("energy.db");
        names.filter(|name| !is_ours(name)).count()
    };
    let before = count();
    for name in names() {
        assert!(energy(folder.path(), &["export", name]).status.success());
    }
    assert_eq!(count() - before, names().len());
}

#[test]
fn unmeasured_energies_are_labelled() {
    let folder = changed("UPDATE rails SET provenance = 'modelled';");
    let (trace, json) = all_formats(folder.path());
    assert!(trace.to_string().contains("modelled, not measured"));
    assert!(
        json["figures"]
            .as_str()
            .unwrap()
            .contains("modelled, not measured")
    );
    let out = energy(folder.path(), &["export", "folded", "-o", "-"]);
    assert!(errors(&out).contains("modelled, not measured"));
    assert!(text(&out).contains("run;decode;token;mlp "));
}
