//! The list of runs matches each run's summary, and filters, orders and pages select
//! exactly these runs.

use std::collections::BTreeSet;

use crate::fixture::command::{energy, errors, text};
use crate::fixture::drawn::{self, Drawn};
use energy_analyzer::query::{self, Recording, RunListEntry};
use energy_analyzer::runs::{Listing, NumberRange, RunFilter, RunsOptions, Sort};
use proptest::prelude::*;
use serde_json::Value;

fn recording(runs: &[Drawn]) -> (tempfile::TempDir, Recording) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("energy.db");
    drawn::write(&path, runs);
    let recording = Recording::open(path).unwrap();
    (folder, recording)
}

fn numbers(runs: &[RunListEntry]) -> Vec<i64> {
    runs.iter().map(|run| run.no).collect()
}

fn listed(recording: &Recording, options: &RunsOptions) -> Vec<RunListEntry> {
    Listing::read(recording, options).unwrap().runs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_match_the_summary(runs in drawn::runs(12)) {
        let (_folder, recording) = recording(&runs);
        let list = query::list(&recording).unwrap();
        prop_assert_eq!(list.len(), runs.len());
        for one in list {
            let run = recording.run(&one.id).unwrap();
            let phases = query::phases(&recording, &run).unwrap();
            let totals = query::totals(&recording, &run, &phases).unwrap();
            let of_list = (one.energy_j, one.active_j, one.j_per_token, one.j_per_output_token,
                one.tokens_per_s, one.tokens_per_j);
            let of_summary = (totals.energy_j, totals.active_j, totals.j_per_token,
                totals.j_per_output_token, totals.tokens_per_s, totals.tokens_per_j);
            prop_assert_eq!(of_list, of_summary);
            prop_assert_eq!(one.basis, totals.basis);
            prop_assert_eq!(&one.provenance, &run.provenance);
            let sql = "SELECT energy_j FROM v_runs WHERE run = ?1";
            let of_view = recording.store().connection()
                .query_row(sql, [one.no], |r| r.get::<_, Option<f64>>(0)).unwrap();
            prop_assert_eq!(one.recorded_j, of_view);
            prop_assert_eq!(one.work_ns, totals.duration_ns);
        }
    }

    #[test]
    fn sorting_keeps_all_runs_and_puts_unknown_values_last(runs in drawn::runs(12), reverse: bool) {
        let (_folder, recording) = recording(&runs);
        let key = |run: &RunListEntry, sort| match sort {
            Sort::Date => run.start_unix_ns.map(|ns| ns as f64),
            Sort::Duration => run.duration_ns.map(|ns| ns as f64),
            Sort::Energy => run.energy_j,
            Sort::JPerToken => run.j_per_token,
            Sort::TokensPerS => run.tokens_per_s,
        };
        for sort in [Sort::Date, Sort::Duration, Sort::Energy, Sort::JPerToken, Sort::TokensPerS] {
            let options = RunsOptions { sort: Some(sort), reverse, ..RunsOptions::default() };
            let list = listed(&recording, &options);
            let unique: BTreeSet<i64> = numbers(&list).into_iter().collect();
            prop_assert_eq!(unique.len(), runs.len());
            for pair in list.windows(2) {
                match (key(&pair[0], sort), key(&pair[1], sort)) {
                    (Some(a), Some(b)) => {
                        let in_order = if reverse { a <= b } else { a >= b };
                        prop_assert!(in_order);
                    }
                    (None, Some(_)) => prop_assert!(false, "unknown before known"),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn pages_divide_the_list(runs in drawn::runs(12), limit in 1..5_usize) {
        let (_folder, recording) = recording(&runs);
        let all = listed(&recording, &RunsOptions::default());
        let mut parts = Vec::new();
        let pages = runs.len().div_ceil(limit).max(1);
        for page in 1..=pages {
            let options = RunsOptions { limit: Some(limit), page, ..RunsOptions::default() };
            let part = Listing::read(&recording, &options).unwrap();
            prop_assert_eq!((part.matching, part.pages), (runs.len(), pages));
            prop_assert!(part.runs.len() <= limit);
            parts.extend(part.runs);
        }
        prop_assert_eq!(parts, all);
    }

    #[test]
    fn a_filter_keeps_matching_runs(runs in drawn::runs(12)) {
        let (_folder, recording) = recording(&runs);
        let all = query::list(&recording).unwrap();
        let of = |filter: RunFilter| {
            let options = RunsOptions { filter, ..RunsOptions::default() };
            numbers(&listed(&recording, &options)).into_iter().collect::<BTreeSet<i64>>()
        };
        let drawn = |keeps: &dyn Fn(&Drawn) -> bool| {
            runs.iter().zip(1..).filter(|(run, _)| keeps(run)).map(|(_, no)| no)
                .collect::<BTreeSet<i64>>()
        };
        let wanted = |text: &str| Some(text.to_owned());
        let none = RunFilter::default;
        prop_assert_eq!(of(RunFilter { model: wanted("smollm"), ..none() }),
            drawn(&|run| run.model == Some("SmolLM2")));
        prop_assert_eq!(of(RunFilter { prompt: wanted("sky BLUE"), ..none() }), drawn(&|run| run.prompt.is_some_and(|prompt| prompt.contains("SKY"))));
        prop_assert_eq!(of(RunFilter { prompt: wanted("the sky"), ..none() }),
            drawn(&|run| run.prompt.is_some_and(|prompt| prompt.contains("SKY"))));
        prop_assert_eq!(of(RunFilter { prompt: wanted("GRÖSSE"), ..none() }), BTreeSet::new());
        prop_assert_eq!(of(RunFilter { prompt: wanted("RÖ"), ..none() }),
            drawn(&|run| run.prompt == Some("Größe")));
        prop_assert_eq!(of(RunFilter { status: wanted("crashed"), ..none() }),
            drawn(&|run| run.status == "crashed"));
        prop_assert_eq!(of(RunFilter { group: wanted("a"), ..none() }),
            drawn(&|run| run.tags.contains(&("group", "a"))));
        let tags = vec![("gpu".to_owned(), None), ("keep".to_owned(), wanted(""))];
        prop_assert_eq!(of(RunFilter { tags, ..none() }), drawn(&|run| {
            run.tags.iter().any(|tag| tag.0 == "gpu") && run.tags.contains(&("keep", ""))
        }));
        let (since_ns, until_ns) = (Some(10_000_000_000), Some(20_000_000_000));
        prop_assert_eq!(of(RunFilter { since_ns, until_ns, ..none() }),
            drawn(&|run| (10..=20).contains(&(run.start_unix_ns / 1_000_000_000))));
        let range = NumberRange { low: 0.2, high: 1.5 };
        let within = all.iter().filter(|run| run.j_per_token.is_some_and(|j| (0.2..=1.5).contains(&j)));
        prop_assert_eq!(of(RunFilter { j_per_token: Some(range), ..none() }),
            within.map(|run| run.no).collect());
    }
}

/// A few runs whose figures are known.
fn few() -> (tempfile::TempDir, Recording) {
    let run = |at: i64, joules: f64, provenance: &'static str| Drawn {
        start_unix_ns: (1_793_491_200 + at * 86_400) * 1_000_000_000, // 2026-11-01 + at days
        end_ns: Some(2_000_000_000),
        status: "complete",
        name: Some("a\u{1b}[31m<b>"),
        model: Some("SmolLM2"),
        prompt: Some("Why is the SKY blue?"),
        tokens: (Some(10), Some(30)),
        tags: vec![("group", "g"), ("gpu", "on")],
        provenances: vec![provenance],
        second_is_part: false,
        attributions: vec![vec![(3, vec![(Some(joules), Some(1.0)), (None, None)])]],
        basis: Some("fitted"),
    };
    recording(&[
        run(0, 20.0, "measured"),
        run(1, 60.0, "measured"),
        run(2, 40.0, "modelled"),
    ])
}

fn json(folder: &tempfile::TempDir, arguments: &[&str]) -> Value {
    let arguments = [&["runs", "--format", "json"], arguments].concat();
    serde_json::from_str(&text(&energy(folder.path(), &arguments))).unwrap()
}

fn ids(value: &Value) -> Vec<i64> {
    let id = |run: &Value| i64::from_str_radix(&run["id"].as_str().unwrap()[..8], 16).unwrap();
    value["runs"].as_array().unwrap().iter().map(id).collect()
}

#[test]
fn the_command_filters_and_sorts() {
    let (folder, _) = few();
    let found = |arguments: &[&str]| ids(&json(&folder, arguments));
    assert_eq!(found(&[]), [3, 2, 1]);
    assert_eq!(found(&["--reverse"]), [1, 2, 3]);
    assert_eq!(found(&["--sort", "energy"]), [2, 3, 1]);
    assert_eq!(found(&["--since", "2026-11-02"]), [3, 2]);
    assert_eq!(found(&["--until", "2026-11-02"]), [2, 1]);
    assert_eq!(
        found(&["--since", "2026-11-02", "--until", "2026-11-02T00:00"]),
        [2]
    );
    assert_eq!(found(&["--j-per-token", "..1"]), [3, 1]);
    assert_eq!(found(&["--j-per-token", "0.75..1.25"]), [3]);
    assert_eq!(
        found(&["--tag", "gpu=on", "--tag", "group", "--group", "g"]),
        [3, 2, 1]
    );
    assert_eq!(found(&["--tag", "gpu=off"]), [] as [i64; 0]);
    assert_eq!(
        found(&["--prompt", "sky", "--model", "smol", "--limit", "2"]),
        [3, 2]
    );
    let page = json(&folder, &["--limit", "2", "--page", "2"]);
    assert_eq!(ids(&page), [1]);
    assert_eq!(
        (&page["total"], &page["pages"]),
        (&Value::from(3), &Value::from(2))
    );
    assert_eq!(
        (&page["schema"], &page["command"]),
        (&Value::from(1), &Value::from("runs"))
    );
    assert_eq!(page["runs"][0]["tags"]["gpu"], "on");
    assert_eq!(page["runs"][0]["basis"], "fitted");
}

#[test]
fn tables_fit_and_report_omitted_runs() {
    let (folder, _) = few();
    let table = text(&energy(folder.path(), &["runs"]));
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    assert!(
        table.contains("00000003") && !table.contains('\x1b'),
        "{table}"
    );
    assert!(
        table.contains("modelled") && table.contains("measured"),
        "{table}"
    );
    let page = text(&energy(folder.path(), &["runs", "--limit", "2"]));
    assert!(
        page.contains("1 to 2 of 3 runs; page 1 of 2, next: --page 2."),
        "{page}"
    );
    let some = text(&energy(folder.path(), &["runs", "--since", "2026-11-03"]));
    assert!(some.contains("1 run found of 3."), "{some}");
    assert!(
        some.contains("All energies below are modelled, not measured."),
        "{some}"
    );
    let none = text(&energy(folder.path(), &["runs", "--model", "x"]));
    assert_eq!(none, "None of 3 runs matches.\n");
    let csv = text(&energy(folder.path(), &["runs", "--format", "csv"]));
    assert_eq!(csv.lines().count(), 4);
    assert!(
        csv.starts_with("id,name,status,start_unix_ns,work_ns,energy_j,"),
        "{csv}"
    );
    assert!(
        csv.contains(&drawn::uuid(3)) && !csv.contains('\x1b'),
        "{csv}"
    );
    let markdown = text(&energy(folder.path(), &["runs", "--format", "markdown"]));
    assert!(
        markdown.contains("&lt;b&gt;") && markdown.contains("| 00000003 |"),
        "{markdown}"
    );
}

#[test]
fn an_empty_recording_has_no_runs() {
    let (folder, _) = recording(&[]);
    let message = text(&energy(folder.path(), &["runs"]));
    assert_eq!(
        message,
        "No runs yet: record one with `energy run` or `energy record`.\n"
    );
    assert_eq!(json(&folder, &[])["runs"], serde_json::json!([]));
}

#[test]
fn wrong_filters_are_wrong_usage() {
    let (folder, _) = few();
    for (arguments, words) in [
        (&["--since", "yesterday"][..], "is not a date"),
        (&["--j-per-token", "2..1"], "2 is more than 1"),
        (&["--j-per-token", "many"], "is not a range"),
        (&["--status", "odd"], "complete"),
        (&["--tag", "=x"], "no key"),
        (&["--limit", "0"], "--limit"),
        (
            &["--page", "2"],
            "page 2 does not exist: the last page is 1",
        ),
    ] {
        let output = energy(folder.path(), &[&["runs"], arguments].concat());
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            errors(&output)
        );
        assert!(
            errors(&output).contains(words),
            "{arguments:?}: {}",
            errors(&output)
        );
    }
}
