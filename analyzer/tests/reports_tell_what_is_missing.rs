//! Where a run lacks something, its page says what and why; what is not known is a dash.

#[allow(dead_code, unreachable_pub)]
mod fixture {
    pub mod command;
    pub mod decoder;
    pub mod page;
    pub mod sides;
}

use fixture::command::{energy, errors};
use fixture::decoder::{Decoder, add};
use fixture::page::page;
use fixture::sides::{Made, recording};
use serde_json::Value;

#[test]
fn without_idle_power_its_accounts_are_not_known() {
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
        text.contains("Not known of package: idle, outside, others, profiler."),
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
fn each_empty_section_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = add(folder.path(), &Decoder::default());
    let connection = rusqlite::Connection::open(path).unwrap();
    let says = |sql: &str, section: &str, words: &str| {
        connection.execute_batch(sql).unwrap();
        let page = page(folder.path(), &["last"]);
        let text = page.section(&format!("run0-{section}")).to_owned();
        assert!(text.contains(words), "{section}: {text}");
    };
    says(
        "DELETE FROM span_energy",
        "tokens",
        "No span has the role token",
    );
    says(
        "UPDATE nodes SET layer = NULL, component = NULL",
        "layers",
        "No span has the role layer",
    );
    says(
        "UPDATE runs SET status = 'crashed'",
        "head",
        "The run is crashed",
    );
    says("DELETE FROM conditions", "conditions", "None is known");
    let unattributed = "PRAGMA foreign_keys = ON; DELETE FROM attributions";
    says(
        unattributed,
        "phases",
        "The run was not attributed: do it with",
    );
    says(
        "DELETE FROM baselines; DELETE FROM rails",
        "power",
        "Nothing measured energy during this run",
    );
    says(
        "DELETE FROM nodes",
        "flame",
        "No span was recorded in this run.",
    );
}

#[test]
fn accounts_that_do_not_sum_are_an_alarm() {
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
        text.contains("measured and modelled power are never compared"),
        "{text}"
    );
    assert!(!text.contains("<figure"), "{text}");
    assert_eq!(page.data["across"]["ratios"], Value::Array(Vec::new()));
    assert!(text.contains("<td>modelled, not measured</td>"), "{text}");
}

#[test]
fn two_single_runs_have_a_ratio_and_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name, start, energy_j| Made {
        name,
        start,
        energy_j,
        ..Made::default()
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
fn runs_made_otherwise_are_compared_only_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name, start, host| Made {
        name,
        start,
        host,
        ..Made::default()
    };
    recording(folder.path(), &[run("a", 0, "box"), run("b", 1, "other")]);
    let refused = page(folder.path(), &["a", "b"]);
    assert!(
        refused
            .section("comparison")
            .contains("the runs were not made alike")
    );
    let compared = page(folder.path(), &["a", "b", "--allow-different"]);
    let text = compared.section("comparison");
    assert!(
        text.contains("Not made alike: host: box (A), other (B)."),
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
            "a page holds up to 4 runs",
        ),
        (
            &["report", "sky", "last", "--attribution", "1"],
            "--attribution is of one run",
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
