//! The same program recorded completely, and without samples for 40 % of the work: both
//! totals are close to the truth, and the difference gives no verdict.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use energy_store::Store;
use energy_tests::power_trials::PowerTrial;
use serde_json::Value;

/// Runs on each side.
const RUNS: u64 = 5;

/// Five runs tagged `side=whole` and five with that part of the work missing, interleaved;
/// with the mean true energy of the runs.
fn record(folder: &Path, missing: f64) -> (PathBuf, f64) {
    let db = folder.join("energy.db");
    let mut joules = 0.0;
    for at in 0..2 * RUNS {
        let is_cut = at % 2 == 1;
        let trial = PowerTrial {
            missing: if is_cut { missing } else { 0.0 },
            gain_sd: 0.005,
            ..PowerTrial::plain(at + 1)
        };
        joules += trial.import(&db, folder, &format!("run {at}")) / (2 * RUNS) as f64;
        let store = Store::open_writable(&db).expect("a recording");
        let run = store.find_run("last").expect("the run").no;
        let side = if is_cut { "cut" } else { "whole" };
        store.set_tag(&[run], "side", side).expect("a tag");
    }
    (db, joules)
}

fn energy(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_energy-command"));
    command.args(words).current_dir(folder);
    let output = command.env("ENERGY_DB", folder.join("energy.db")).output();
    output.expect("the command")
}

fn json(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

#[test]
fn compare_prints_both_totals_and_no_verdict() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, truth_j) = record(folder.path(), 0.4);
    let words = ["compare", "side=whole", "side=cut"];
    let table = energy(folder.path(), &words);
    let text = String::from_utf8_lossy(&table.stdout);
    assert_eq!(table.status.code(), Some(4), "{text}");
    assert!(text.contains("undecided: coverage"), "{text}");
    assert_eq!(table.stderr, b"", "it is printed once");

    let answer = json(&energy(
        folder.path(),
        &[&words[..], &["--format", "json"]].concat(),
    ));
    for (side, covered) in answer["sides"]
        .as_array()
        .expect("sides")
        .iter()
        .zip([1.0, 2.0 / 3.0])
    {
        let joules = side["energy_j"].as_f64().expect("a total");
        assert!(
            (joules / truth_j - 1.0).abs() < 0.1,
            "{joules} J of {truth_j}"
        );
        let coverage = side["coverage"].as_f64().expect("coverage");
        assert!((coverage - covered).abs() < 0.05, "{side}");
    }
    let cut = &answer["sides"][1];
    assert_eq!(
        (&cut["verdict"], &cut["reason"]),
        (&"undecided".into(), &"coverage".into())
    );
    assert!(
        cut["p"].is_null() && cut["lo"].is_null() && cut["hi"].is_null(),
        "{cut}"
    );
    assert!(
        answer["kind_comparisons"]
            .as_array()
            .expect("kinds")
            .iter()
            .all(|kind| kind["verdict"] == "undecided")
    );
}

#[test]
fn a_check_of_cut_runs_is_undecided_never_a_regression() {
    let folder = tempfile::tempdir().expect("a folder");
    record(folder.path(), 0.4);
    // In both directions: with the gap in the baseline, the whole runs seem to need more.
    for (name, base, checked) in [
        ("a", "side=cut", "side=whole"),
        ("b", "side=whole", "side=cut"),
    ] {
        let saved = energy(folder.path(), &["baseline", "save", name, "--runs", base]);
        assert!(
            saved.status.success(),
            "{}",
            String::from_utf8_lossy(&saved.stderr)
        );
        let check = ["baseline", "check", name, "--runs", checked];
        let table = energy(folder.path(), &check);
        let text = String::from_utf8_lossy(&table.stdout);
        assert!(text.contains("undecided: coverage"), "{text}");
        let errors = String::from_utf8_lossy(&table.stderr);
        assert!(!errors.contains("undecided"), "printed twice: {errors}");
        assert!(!text.contains("REGRESSION"), "{text}");
        let strict = energy(folder.path(), &[&check[..], &["--strict"]].concat());
        assert_eq!(
            (table.status.code(), strict.status.code()),
            (Some(0), Some(4))
        );
        let answer = json(&energy(
            folder.path(),
            &[&check[..], &["--format", "json"]].concat(),
        ));
        assert_eq!(
            (&answer["outcome"], &answer["reason"]),
            (&"undecided".into(), &"coverage".into())
        );
        assert!(
            answer["sides"]
                .as_array()
                .expect("sides")
                .iter()
                .all(|side| side["energy_j"].is_number())
        );
        assert!(
            answer["nodes"]
                .as_array()
                .expect("nodes")
                .iter()
                .all(|node| node["is_regression"] == false)
        );
    }
}

#[test]
fn whole_runs_of_one_program_are_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    record(folder.path(), 0.0);
    let output = energy(
        folder.path(),
        &["compare", "side=whole", "side=cut", "--format", "json"],
    );
    assert_eq!(output.status.code(), Some(0));
    let verdict = json(&output)["sides"][1]["verdict"].clone();
    assert!(verdict == "same" || verdict == "no_difference", "{verdict}");
}
