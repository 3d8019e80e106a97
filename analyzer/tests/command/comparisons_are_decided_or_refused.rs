//! `energy compare` from the database to the exit code. Goldens are in
//! `tests/golden/compare`; `BLESS=1` writes them anew.

use std::path::Path;

use crate::fixture::command::{energy, errors, text};
use crate::fixture::golden;
use crate::fixture::sides::{RunSpec, recording};
use serde_json::Value;

/// Three interleaved runs per side; B needs 10 % more, all of it in `mlp`.
fn sides() -> Vec<RunSpec> {
    let noise = [0.995, 1.0, 1.005];
    let mut runs = Vec::new();
    for (at, noise) in noise.iter().enumerate() {
        let at = i64::try_from(at).unwrap();
        let base = RunSpec {
            name: "before",
            tags: vec![("group", "old"), ("side", "one")],
            start: 2 * at,
            energy_j: 30.0 * noise,
            ..RunSpec::default()
        };
        let mut other = RunSpec {
            name: "after",
            tags: vec![("group", "new"), ("side", "two")],
            start: 2 * at + 1,
            energy_j: 33.0 * noise,
            decode_s: 1.9,
            ..RunSpec::default()
        };
        other.kinds[0].1 = 0.3 / 1.1;
        other.kinds[1].1 = 0.5 / 1.1;
        other.kinds.push(("gate".to_owned(), 0.02, 0.5));
        runs.extend([base, other]);
    }
    runs
}

fn compare(folder: &Path, arguments: &[&str]) -> std::process::Output {
    energy(folder, &[&["compare"], arguments].concat())
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = compare(folder, &[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&text(&output)).unwrap()
}

fn fits(table: &str) {
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn tables_fit_eighty_columns() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &sides());
    let table = text(&compare(folder.path(), &["old", "new"]));
    fits(&table);
    golden::check("compare/two_sides.txt", &table);
    let csv = text(&compare(folder.path(), &["old", "new", "--format", "csv"]));
    golden::check("compare/two_sides.csv", &csv);
    let markdown = text(&compare(
        folder.path(),
        &["old", "new", "--format", "markdown"],
    ));
    golden::check("compare/two_sides.md", &markdown);
}

#[test]
fn three_sides_fit_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = sides();
    for at in 0..3_i32 {
        runs.push(RunSpec {
            name: "third",
            tags: vec![("group", "third"), ("side", "three")],
            start: 2000 + i64::from(at),
            energy_j: 36.0 + f64::from(at) / 10.0,
            decode_s: 4.0,
            ..RunSpec::default()
        });
    }
    recording(folder.path(), &runs);
    let table = text(&compare(folder.path(), &["--by", "tag=side"]));
    fits(&table);
    golden::check("compare/three_sides.txt", &table);
}

#[test]
fn all_selectors_find_the_same_runs() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &sides());
    let by_group = json(folder.path(), &["old", "new"]);
    let by_tag = json(folder.path(), &["group=old", "group=new"]);
    let by_value = json(folder.path(), &["--by", "tag=side"]);
    let ratio = |of: &Value| of["sides"][1]["ratio"].as_f64().unwrap();
    assert!((ratio(&by_group) - 1.1).abs() < 1e-9);
    assert_eq!(ratio(&by_group), ratio(&by_tag));
    assert_eq!(ratio(&by_group), ratio(&by_value));
    assert_eq!(by_value["sides"][1]["name"], "two");
    let one = json(folder.path(), &["00000001", "last"]);
    assert_eq!(one["sides"][1]["reason"], "one_run");
    assert!(one["sides"][1]["p"].is_null() && one["sides"][1]["lo"].is_null());
}

#[test]
fn only_the_kind_that_got_worse_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &sides());
    let found = json(folder.path(), &["old", "new"]);
    assert_eq!(found["schema"], 1);
    assert_eq!(found["unit"], "J/token");
    assert_eq!(found["sides"][1]["verdict"], "worse");
    assert_eq!(found["sides"][1]["layout"], "interleaved");
    let kinds = found["kind_comparisons"].as_array().unwrap();
    let verdict = |name: &str| {
        let kind = kinds.iter().find(|kind| kind["part"] == name).unwrap();
        kind["verdict"].as_str().unwrap()
    };
    assert_eq!(verdict("inference > decode > mlp"), "worse");
    assert_ne!(verdict("inference > decode > attention"), "worse");
    let small = |kind: &Value| kind["part"] == "inference > decode > norm";
    assert!(!kinds.iter().any(small));
    let only = &found["kinds_of_one_side"][0];
    assert_eq!(only["kind"], "inference > decode > gate");
    assert_eq!(only["change"], "added");
    let sum: f64 = found["kinds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind["sides"][0]["energy_share"].as_f64().unwrap_or(0.0))
        .sum();
    assert!(sum > 0.98 && sum < 1.0, "{sum}");
}

#[test]
fn a_renamed_kind_is_suggested() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = sides();
    for run in runs.iter_mut().filter(|run| run.name == "after") {
        run.kinds[0].0 = "self_attention".to_owned();
    }
    recording(folder.path(), &runs);
    let found = json(folder.path(), &["old", "new"]);
    let only = found["kinds_of_one_side"].as_array().unwrap();
    let removed = only.iter().find(|one| one["change"] == "removed").unwrap();
    assert_eq!(removed["kind"], "inference > decode > attention");
    assert_eq!(removed["renamed"], "inference > decode > self_attention");
}

#[test]
fn the_compared_quantity_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &sides());
    let mean = |arguments: &[&str]| {
        let found = json(folder.path(), &[&["old", "new"], arguments].concat());
        found["sides"][0]["energy_j"].as_f64().unwrap()
    };
    let near =
        |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-4, "{found}");
    near(mean(&[]), 1.0);
    near(mean(&["--per", "run"]), 30.0);
    near(mean(&["--per", "input-token"]), 7.5 / 10.0);
    near(mean(&["--per", "output-token"]), 22.5 / 19.0);
    near(mean(&["--phase", "prefill"]), 7.5 / 30.0);
    near(mean(&["--rail", "package", "--per", "run"]), 30.0);
    let found = json(folder.path(), &["old", "new", "--phase", "decode"]);
    let kinds = found["kinds"].as_array().unwrap();
    assert!(
        kinds
            .iter()
            .all(|kind| kind["kind"].as_str().unwrap().contains("decode"))
    );
    for (arguments, expected) in [
        (
            ["--phase", "lunch"],
            "phase `lunch` is unknown; choose one of: prefill, decode",
        ),
        (
            ["--rail", "gpu"],
            "rail `gpu` is unknown; choose one of: rapl/package",
        ),
    ] {
        let output = compare(folder.path(), &[&["old", "new"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(errors(&output).contains(expected), "{}", errors(&output));
    }
}

#[test]
fn runs_without_tokens_are_compared_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = sides();
    runs.iter_mut().for_each(|run| run.tokens = None);
    recording(folder.path(), &runs);
    let found = json(folder.path(), &["old", "new"]);
    assert_eq!(found["unit"], "J/run");
    assert!(found["sides"][0]["on_front"].is_null());
    let output = compare(folder.path(), &["old", "new", "--per", "token"]);
    assert!(errors(&output).contains("--per run"), "{}", errors(&output));
}

#[test]
fn runs_of_different_configurations_are_refused() {
    type Change = fn(&mut RunSpec);
    let changes: [(&str, Change); 10] = [
        ("host: box (A), \\u{1b}[31mother (B)", |run| {
            run.host = "\u{1b}[31mother"
        }),
        ("prompt: why? (A), how? (B)", |run| run.prompt = "how?"),
        ("power source: rapl/package (A), other/package (B)", |run| {
            run.source = "other"
        }),
        ("model file: 1 (A), 2 (B)", |run| {
            run.config = Some(r#"{"model_sha256": "2"}"#)
        }),
        ("power: mains (A), battery (B)", |run| {
            run.conditions = vec![("power", ["battery", "battery"])]
        }),
        ("low-power mode: off (A), off, then on (B)", |run| {
            run.conditions = vec![("low_power_mode", ["off", "on"])]
        }),
        ("depth: phase (A), deep (B)", |run| {
            run.config = Some(r#"{"model_sha256": "1", "depth": "deep"}"#)
        }),
        ("statistics: off (A), on (B)", |run| {
            run.config =
                Some(r#"{"model_sha256": "1", "temperature": 0.0, "statistics_threshold": 0.01}"#)
        }),
        ("max tokens: 60 (A), 40 (B)", |run| {
            run.config = Some(r#"{"model_sha256": "1", "max_tokens": 40}"#)
        }),
        (
            "sampling: greedy (A), temperature 0.5, top-k 3 (B)",
            |run| run.config = Some(r#"{"model_sha256": "1", "temperature": 0.5, "top_k": 3}"#),
        ),
    ];
    for (expected, change) in changes {
        let folder = tempfile::tempdir().unwrap();
        let mut runs = sides();
        for run in &mut runs {
            run.config = Some(
                r#"{"model_sha256": "1", "depth": "phase", "temperature": 0.0, "top_k": 7,
                    "max_tokens": 60, "statistics_threshold": null, "threads": 2}"#,
            );
            run.conditions = vec![
                ("power", ["mains", "mains"]),
                ("low_power_mode", ["off", "off"]),
            ];
        }
        runs.iter_mut()
            .filter(|run| run.name == "after")
            .for_each(change);
        recording(folder.path(), &runs);
        let output = compare(folder.path(), &["old", "new"]);
        assert_eq!(output.status.code(), Some(1), "{expected}");
        assert_eq!(output.stdout, b"");
        let message = errors(&output);
        assert!(
            message.contains(expected) && message.contains("--allow-different"),
            "{message}"
        );
        assert_eq!(message.matches("(A)").count(), 1, "{message}");
        let allowed = text(&compare(
            folder.path(),
            &["old", "new", "--allow-different"],
        ));
        assert!(allowed.contains("Different configuration"), "{allowed}");
    }
}

#[test]
fn the_attributions_interval_is_shown_and_not_used_as_a_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = sides();
    runs[0].interval_j = Some((27.0, 33.0));
    recording(folder.path(), &runs);
    let found = json(folder.path(), &["00000001", "00000002"]);
    let run = &found["runs"][0];
    let near = |of: &Value, expected: f64| assert!((of.as_f64().unwrap() - expected).abs() < 1e-12);
    near(&run["lo_j"], 27.0 / 30.0);
    near(&run["hi_j"], 33.0 / 30.0);
    assert_eq!(run["basis"], "measured");
    assert!(found["runs"][1]["lo_j"].is_null());
    assert!(found["sides"][1]["lo"].is_null());
    let table = text(&compare(folder.path(), &["00000001", "00000002"]));
    assert!(table.contains("900.0 mJ .. 1.100 J"), "{table}");
    fits(&table);
}

#[test]
fn models_may_differ_between_sides_but_not_within_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = sides();
    runs.iter_mut()
        .filter(|run| run.name == "after")
        .for_each(|run| run.model = "gemma");
    recording(folder.path(), &runs);
    text(&compare(folder.path(), &["old", "new"]));
    let folder = tempfile::tempdir().unwrap();
    let mut runs = sides();
    runs[0].model = "gemma";
    recording(folder.path(), &runs);
    let output = compare(folder.path(), &["old", "new"]);
    assert!(
        errors(&output).contains("model: gemma (A), smollm2 (A, B)"),
        "{}",
        errors(&output)
    );
}

#[test]
fn measured_and_modelled_are_never_compared() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = sides();
    runs.iter_mut()
        .filter(|run| run.name == "after")
        .for_each(|run| run.provenance = "modelled");
    recording(folder.path(), &runs);
    let output = compare(folder.path(), &["old", "new", "--allow-different"]);
    assert_eq!(output.status.code(), Some(1));
    let message = errors(&output);
    assert!(
        message.contains("A: old is measured, B: new is modelled"),
        "{message}"
    );

    let folder = tempfile::tempdir().unwrap();
    let mut runs = sides();
    runs.iter_mut().for_each(|run| run.provenance = "modelled");
    recording(folder.path(), &runs);
    let table = text(&compare(folder.path(), &["old", "new"]));
    assert!(table.contains("All energies are modelled (CPU time), not measured."));
    let flat = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("worse by modelled power (CPU time)"),
        "{table}"
    );
}

#[test]
fn kinds_of_two_methods_are_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = sides();
    runs[1].method = "fitted";
    recording(folder.path(), &runs);
    let found = json(folder.path(), &["old", "new"]);
    assert_eq!(found["kind_comparisons"], serde_json::json!([]));
    let notes = found["notes"].to_string();
    assert!(
        notes.contains("proportional v1 (A, B), fitted v1 (B)"),
        "{notes}"
    );
    assert_eq!(found["sides"][1]["verdict"], "worse");
}

#[test]
fn incomplete_runs_are_left_out_with_a_notice() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = sides();
    runs[5].status = "crashed";
    runs.push(RunSpec {
        name: "broken",
        status: "cancelled",
        ..RunSpec::default()
    });
    recording(folder.path(), &runs);
    let found = json(folder.path(), &["old", "new"]);
    assert_eq!(found["sides"][1]["runs"], 2);
    assert_eq!(found["sides"][1]["reason"], "two_runs");
    assert!(found["sides"][1]["lo"].is_f64());
    assert_eq!(found["left_out"][0]["why"], "it is crashed, not complete");
    let output = compare(folder.path(), &["old", "broken"]);
    assert!(
        errors(&output).contains("`broken`: none of its runs is complete"),
        "{}",
        errors(&output)
    );
}

#[test]
fn the_exit_code_reports_a_regression() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &sides());
    let code = |arguments: &[&str]| compare(folder.path(), arguments).status.code();
    assert_eq!(code(&["old", "new", "--fail-above", "5%"]), Some(3));
    assert_eq!(
        code(&["old", "new", "--fail-above", "20%", "--strict"]),
        Some(0)
    );
    assert_eq!(code(&["new", "old", "--fail-above", "0.05"]), Some(0));
    let edge = compare(folder.path(), &["old", "new", "--fail-above", "10%"]);
    assert_eq!(edge.status.code(), Some(0));
    assert!(
        errors(&edge).contains("undecided whether"),
        "{}",
        errors(&edge)
    );
    assert_eq!(
        code(&["old", "new", "--fail-above", "10%", "--strict"]),
        Some(4)
    );
    assert_eq!(
        code(&["00000001", "00000002", "--fail-above", "5%", "--strict"]),
        Some(4)
    );
    assert_eq!(code(&["old", "new", "--strict"]), Some(2));
    assert_eq!(code(&["old", "new", "--fail-above", "5"]), Some(2));
}

#[test]
fn misuse_is_one_clear_message() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = sides();
    for (at, value) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        runs[at].tags.push(("many", value));
    }
    recording(folder.path(), &runs);
    for (arguments, code, expected) in [
        (&["old"][..], 2, "give two to four"),
        (&[][..], 2, "give two to four"),
        (&["old", "old"][..], 2, "`old` is given twice"),
        (&["old", "side=one"][..], 2, "select the same runs"),
        (&["before", "old"][..], 2, "is on both"),
        (&["old", "nothing"][..], 2, "no run `nothing`"),
        (
            &["old", "side=none"][..],
            2,
            "choose one of: side=one, side=two",
        ),
        (
            &["--by", "tag=none"][..],
            2,
            "choose one of: group, many, side",
        ),
        (&["old", "--by", "tag=side"][..], 2, "have one value: `one`"),
        (&["--by", "tag=many"][..], 2, "5 sides are too many"),
        (&["--by", "side"][..], 2, "tag=KEY"),
    ] {
        let output = compare(folder.path(), arguments);
        let message = errors(&output);
        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
}

#[test]
fn hostile_names_are_escaped_on_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = sides();
    for run in &mut runs {
        run.kinds[1].0 = format!("\u{1b}[2Jmlp<script>{}", "x".repeat(100_000));
        run.prompt = "\u{202e}evil";
        run.tags.push((
            "kind\n",
            if run.name == "before" {
                "\u{1b}]0;a"
            } else {
                "b\u{9b}"
            },
        ));
    }
    recording(folder.path(), &runs);
    for format in ["table", "json", "csv", "markdown"] {
        let output = compare(folder.path(), &["--by", "tag=kind\n", "--format", format]);
        let shown = text(&output);
        let is_hostile = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!shown.contains(is_hostile), "{format}");
        if format == "table" {
            fits(&shown);
        }
        if format == "markdown" {
            assert!(!shown.contains("<script>"));
        }
    }
}

#[test]
fn sides_of_several_hosts_each_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = ["one", "two", "three", "four", "five", "six"];
    let of_hosts = |count: usize| {
        let mut runs = sides();
        for (run, host) in runs.iter_mut().zip(hosts.iter().cycle().take(6)) {
            run.host = if count == 6 { host } else { hosts[0] };
        }
        runs[1].host = "two";
        runs
    };
    recording(folder.path(), &of_hosts(6));
    let fleets = json(folder.path(), &["old", "new"]);
    assert_eq!(fleets["differences"][0]["what"], "host");
    let shown = text(&compare(folder.path(), &["old", "new"]));
    assert!(shown.contains("Several hosts: "), "{shown}");
    // One host on one side is a configuration.
    std::fs::remove_file(folder.path().join("energy.db")).unwrap();
    recording(folder.path(), &of_hosts(1));
    let refused = compare(folder.path(), &["old", "new"]);
    assert!(errors(&refused).contains("host: "), "{refused:?}");
}
