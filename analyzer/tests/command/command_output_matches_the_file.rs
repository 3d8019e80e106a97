//! The command shows what the file holds, in every format.

use crate::fixture;
use crate::fixture::command::{energy, text};

#[test]
fn json_holds_the_known_sums() {
    let folder = tempfile::tempdir().unwrap();
    fixture::recording(folder.path(), "measured");
    let json = text(&energy(folder.path(), &["summary", "--format", "json"]));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["schema"], 1);
    assert_eq!(value["run"]["id"], fixture::UUID);
    let totals = &value["totals"];
    assert_eq!(totals["energy_j"], 16.0);
    assert_eq!(totals["active_j"], 12.5);
    assert_eq!(totals["duration_ns"], 3_500_000_000_i64);
    assert_eq!(totals["j_per_input_token"], 0.5);
    assert_eq!(totals["j_per_output_token"], 10.0 / 19.0);
    assert_eq!(totals["j_per_token"], 16.0 / 30.0);
    assert_eq!(totals["tokens_per_s"], 9.5);
    assert_eq!(totals["basis"], "proportional");
    assert_eq!(value["phases"].as_array().unwrap().len(), 3);
    assert_eq!(value["phases"][2]["phase"], "(between)");
    assert_eq!(value["hottest"][0]["node"], "inference > decode > layer 3");
    assert_eq!(value["hottest"][0]["energy_j"], 10.0);
    assert_eq!(value["hottest"][0]["share"], 10.0 / 16.0);
    assert_eq!(value["balance"][0]["is_root"], true);
    assert_eq!(value["balance"][1]["is_root"], false);
    assert!(value["balance"][0]["fault_j"].is_null());
}

#[test]
fn tables_fit_80_columns_and_hold_no_control_characters() {
    let folder = tempfile::tempdir().unwrap();
    fixture::recording(folder.path(), "modelled");
    for arguments in [&["summary"][..], &["runs"], &["show"]] {
        let shown = text(&energy(folder.path(), arguments));
        for line in shown.lines() {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
        assert!(!shown.contains('\x1b'), "{shown}");
        assert!(shown.contains("modelled, not measured"), "{shown}");
    }
}

#[test]
fn a_balance_that_does_not_sum_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = fixture::recording(folder.path(), "measured");
    assert!(text(&energy(folder.path(), &["summary"])).contains("Accounts sum"));
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute("UPDATE balance SET residual_j = 2.5 WHERE rail = 1", [])
        .unwrap();
    let shown = text(&energy(folder.path(), &["summary"]));
    assert!(
        shown.contains("ACCOUNTS DO NOT BALANCE: package is off by 1.000 J"),
        "{shown}"
    );
}

#[test]
fn folded_stacks_hold_every_joule_of_root_rails_once() {
    let folder = tempfile::tempdir().unwrap();
    fixture::recording(folder.path(), "measured");
    let graph = |idle: &str| {
        let arguments = ["flamegraph", "--folded", "-", "-o", "f.svg", "--idle", idle];
        text(&energy(folder.path(), &arguments))
    };
    let total = |folded: &str| -> u64 {
        folded
            .lines()
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    };
    let active = graph("exclude");
    assert_eq!(total(&active), 12_000_000, "{active}");
    assert!(
        active.contains("inference;decode;layer_3 8000000\n"),
        "{active}"
    );
    let svg = std::fs::read_to_string(folder.path().join("f.svg")).unwrap();
    assert!(
        svg.contains("12.00 J on all root rails, in uJ, measured"),
        "{svg}"
    );
    assert!(
        svg.contains("<title>layer 3 (8,000,000 uJ, 66.67%)</title>"),
        "{svg}"
    );
    assert_eq!(total(&graph("include")), 16_000_000);
}

#[test]
fn exit_codes_distinguish_failure_from_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let code = |arguments: &[&str]| energy(folder.path(), arguments).status.code();
    assert_eq!(code(&["runs"]), Some(2), "there is no file yet");
    fixture::recording(folder.path(), "measured");
    assert_eq!(code(&["runs", "--format", "xml"]), Some(2));
    assert_eq!(code(&["summary", "nothing"]), Some(2));
    assert_eq!(
        code(&["delete", "0f1e"]),
        Some(2),
        "no terminal to confirm on"
    );
    assert_eq!(code(&["delete", "0f1e", "--yes"]), Some(0));
    assert_eq!(code(&["delete", "0f1e", "--yes"]), Some(2));
}

#[test]
fn conditions_are_shown_at_both_ends_where_they_differ() {
    let folder = tempfile::tempdir().unwrap();
    fixture::recording(folder.path(), "measured");
    let shown = text(&energy(folder.path(), &["show"]));
    let line = |key: &str| {
        let mut lines = shown.lines().map(str::trim_start);
        let line = lines.find(|line| line.starts_with(key));
        line.unwrap_or_else(|| panic!("{key}: {shown}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(line("power"), "power mains -> battery\\u{1b}[31m");
    assert_eq!(line("governor"), "governor powersave");
    assert_eq!(line("kernel"), "kernel 6.1.0");
    assert_eq!(line("threads"), "threads 4");
    for command in ["show", "summary"] {
        let json = text(&energy(folder.path(), &[command, "--format", "json"]));
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let conditions = value["conditions"].as_array().unwrap();
        let keys: Vec<_> = conditions.iter().map(|one| one["key"].clone()).collect();
        assert_eq!(
            keys,
            ["governor", "kernel", "power", "threads"],
            "{command}"
        );
        assert_eq!(conditions[2]["start"], "mains");
        assert!(conditions[1]["end"].is_null() && conditions[3]["start"].is_null());
    }
    let csv = text(&energy(folder.path(), &["summary", "--format", "csv"]));
    assert!(csv.contains("conditions,power,start,mains\n"), "{csv}");
}
