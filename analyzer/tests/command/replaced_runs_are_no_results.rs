//! A run that was repeated because the machine was throttled is left out of comparisons, groups,
//! counts and reports, as of analyses and tables.

use std::path::Path;

use crate::fixture::cells::{self, Cell};
use crate::fixture::command::{energy, errors, json, text};
use crate::fixture::sides::{RunSpec, recording};
use energy_analyzer::query::{self, Recording};
use serde_json::Value;

const REPLACED: (&str, &str) = ("replaced", "");

/// Three runs of each side; the second side needs 10 % more. `throttled` adds a run of the first
/// side with ten times the energy, with these tags.
fn runs(throttled: Option<&[(&'static str, &'static str)]>) -> Vec<RunSpec> {
    let mut runs = Vec::new();
    for (at, noise) in (0..).zip([0.995, 1.0, 1.005]) {
        runs.extend([
            RunSpec {
                name: "first",
                tags: vec![("side", "one")],
                start: 2 * at,
                energy_j: 30.0 * noise,
                ..RunSpec::default()
            },
            RunSpec {
                name: "second",
                tags: vec![("side", "two")],
                start: 2 * at + 1,
                energy_j: 33.0 * noise,
                ..RunSpec::default()
            },
        ]);
    }
    if let Some(more) = throttled {
        runs.push(RunSpec {
            name: "throttled",
            tags: [&[("side", "one")], more].concat(),
            start: 10,
            energy_j: 300.0,
            ..RunSpec::default()
        });
    }
    runs
}

fn compared(folder: &Path, words: &[&str]) -> Value {
    json(folder, &[&["compare"], words].concat())
}

fn ratio(value: &Value) -> f64 {
    value["sides"][1]["ratio"]
        .as_f64()
        .unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn comparisons_by_tag_leave_them_out() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &runs(Some(&[REPLACED])));
    for words in [&["--by", "tag=side"][..], &["side=one", "side=two"]] {
        let value = compared(folder.path(), words);
        let runs = &value["sides"][0]["runs"];
        assert_eq!(*runs, 3, "{value}");
        assert!((ratio(&value) - 1.1).abs() < 1e-9, "{value}");
        let why = &value["left_out"][0]["why"];
        assert_eq!(why, "the machine was throttled, and the run was repeated");
    }
    // Without the tag the same run counts.
    let other = tempfile::tempdir().unwrap();
    recording(other.path(), &runs(Some(&[])));
    let value = compared(other.path(), &["--by", "tag=side"]);
    assert_eq!(value["sides"][0]["runs"], 4);
    assert!(ratio(&value) < 1.0, "{value}");
}

#[test]
fn one_that_is_named_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &runs(Some(&[REPLACED])));
    let value = compared(folder.path(), &["first", "throttled"]);
    assert!(ratio(&value) > 9.0, "{value}");
}

#[test]
fn groups_that_are_drawn_leave_them_out() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &runs(Some(&[REPLACED])));
    let output = energy(folder.path(), &["report", "side=one", "-o", "-"]);
    let warning = errors(&output);
    let expected = "1 of 4 runs were replaced, because the machine was throttled";
    assert!(warning.contains(expected), "{warning}");
    assert!(!text(&output).contains("throttled ("), "{warning}");
}

#[test]
fn they_are_counted_apart_and_are_not_reported_as_newest() {
    let folder = tempfile::tempdir().unwrap();
    let replaced = vec![(REPLACED.0.to_owned(), String::new())];
    let all = [
        Cell::default(),
        Cell {
            minute: 1,
            ..Cell::default()
        },
        Cell {
            minute: 2,
            decode_j: 1000.0,
            tags: replaced,
            ..Cell::default()
        },
    ];
    let path = cells::recording(folder.path(), "energy.db", &all);
    let recording = Recording::open(&path).unwrap();
    let found = query::experiments(&recording).unwrap();
    let counts: Vec<_> = found
        .iter()
        .map(|one| (one.name.as_str(), one.runs, one.complete, one.replaced))
        .collect();
    assert_eq!(counts, [("one", 2, 2, 1)]);
    let words = ["report", "--experiment", "one", "-o", "-"];
    let page = text(&energy(folder.path(), &words));
    let data = page.split("id=\"data\">").nth(1).unwrap();
    let data: Value = serde_json::from_str(data.split("</script>").next().unwrap()).unwrap();
    let title = data["runs"][0]["title"].as_str().unwrap();
    assert!(title.starts_with("run 2"), "{title}");
}
