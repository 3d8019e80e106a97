//! The page of a run explains missing data; unknown values are a dash.

use crate::fixture::command::{energy, errors};
use crate::fixture::decoder::{Decoder, add};
use crate::fixture::page::page;
use crate::fixture::sides::{RunSpec, recording};
use serde_json::Value;

#[test]
fn without_idle_power_its_accounts_are_unknown() {
    let folder = tempfile::tempdir().unwrap();
    add(
        folder.path(),
        &Decoder {
            has_idle: false,
            ..Decoder::default()
        },
    );
    let page = page(folder.path(), &["last"]);
    let text = page.section("run0-balance");
    assert!(
        text.contains("Unknown for package: idle, unattributed, other processes, profiler."),
        "{text}"
    );
    let run = &page.data["runs"][0];
    assert_eq!(run["phases"][0]["idle_j"], Value::Null);
    assert_eq!(run["accounts"][0]["accounts"][0]["energy_j"], Value::Null);
    let head = page.section("run0-head");
    assert!(head.contains("data-key=\"active_j\" data-v=\"\""), "{head}");
    assert!(head.contains("<strong>–</strong>"), "{head}");
}

#[test]
fn each_empty_section_explains_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = add(folder.path(), &Decoder::default());
    let connection = rusqlite::Connection::open(path).unwrap();
    let assert_explains = |sql: &str, section: &str, words: &str| {
        connection.execute_batch(sql).unwrap();
        let page = page(folder.path(), &["last"]);
        let text = page.section(&format!("run0-{section}")).to_owned();
        assert!(text.contains(words), "{section}: {text}");
    };
    assert_explains(
        "DELETE FROM span_energy",
        "tokens",
        "No span with the role token",
    );
    assert_explains(
        "UPDATE nodes SET layer = NULL, component = NULL",
        "layers",
        "No span has the role layer",
    );
    assert_explains(
        "UPDATE runs SET status = 'crashed'",
        "head",
        "The run is crashed",
    );
    assert_explains(
        "DELETE FROM conditions",
        "conditions",
        "No conditions are known",
    );
    let unattributed = "PRAGMA foreign_keys = ON; DELETE FROM attributions";
    assert_explains(unattributed, "phases", "The run is not attributed: run");
    assert_explains(
        "DELETE FROM baselines; DELETE FROM rails",
        "power",
        "No sensor measured energy during this run",
    );
    assert_explains(
        "DELETE FROM nodes",
        "flame",
        "No span was recorded in this run.",
    );
}

#[test]
fn accounts_that_do_not_sum_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = add(folder.path(), &Decoder::default());
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch("UPDATE balance SET spans_j = spans_j + 1")
        .unwrap();
    let page = page(folder.path(), &["last"]);
    assert!(
        page.section("run0-balance")
            .contains("package: ACCOUNTS DO NOT SUM.")
    );
    assert!(
        page.section("run0-head")
            .contains("ACCOUNTS DO NOT BALANCE: package is off by 1.000 J")
    );
}

#[test]
fn measured_and_modelled_runs_are_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    add(
        folder.path(),
        &Decoder {
            name: "one".into(),
            ..Decoder::default()
        },
    );
    let modelled = Decoder {
        name: "two".into(),
        provenance: "modelled",
        ..Decoder::default()
    };
    add(folder.path(), &modelled);
    let page = page(folder.path(), &["one", "two"]);
    let text = page.section("comparison");
    assert!(
        text.contains("measured and modelled power cannot be compared"),
        "{text}"
    );
    assert!(!text.contains("<figure"), "{text}");
    assert_eq!(page.data["across"]["ratios"], Value::Array(Vec::new()));
    assert!(text.contains("<td>modelled, not measured</td>"), "{text}");
}

#[test]
fn two_single_runs_have_a_ratio_and_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name, start, energy_j| RunSpec {
        name,
        start,
        energy_j,
        ..RunSpec::default()
    };
    recording(folder.path(), &[run("a", 0, 30.0), run("b", 1, 33.0)]);
    let page = page(folder.path(), &["a", "b"]);
    let total = &page.data["across"]["ratios"][0];
    assert!(
        (total["ratio"].as_f64().unwrap() - 1.1).abs() < 1e-9,
        "{total}"
    );
    assert_eq!((&total["lo"], &total["p"]), (&Value::Null, &Value::Null));
    assert_eq!(total["verdict"], "inconclusive (one run)");
}

#[test]
fn runs_of_different_configurations_are_compared_only_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name, start, host| RunSpec {
        name,
        start,
        host,
        ..RunSpec::default()
    };
    recording(folder.path(), &[run("a", 0, "box"), run("b", 1, "other")]);
    let refused = page(folder.path(), &["a", "b"]);
    assert!(
        refused
            .section("comparison")
            .contains("the runs have different configurations")
    );
    let compared = page(folder.path(), &["a", "b", "--allow-different"]);
    let text = compared.section("comparison");
    assert!(
        text.contains("Different configuration: host: box (A), other (B)."),
        "{text}"
    );
    assert_eq!(compared.data["across"]["ratios"][0]["ratio"], 1.0);
}

#[test]
fn wrong_use_is_one_clear_message() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &Decoder::default());
    for (arguments, words) in [
        (
            &["report", "1", "2", "3", "4", "5"][..],
            "a report holds up to 4 runs",
        ),
        (
            &["report", "sky", "last", "--attribution", "1"],
            "--attribution needs a single run",
        ),
        (
            &["report", "--attribution", "9"],
            "attribution `9` is unknown",
        ),
        (&["report", "nobody"], "nobody"),
        (
            &["report", "-o", "missing/folder/report.html"],
            "missing/folder/report.html",
        ),
    ] {
        let output = energy(folder.path(), arguments);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(
            errors(&output).contains(words),
            "{arguments:?}: {}",
            errors(&output)
        );
    }
}
