//! A sensor that stops for a part of a run: all totals are extrapolated and report their
//! coverage.
//!
//! ```text
//! s         0         9         12                24        27    30
//! spans     |== load ==|============ work ===================|====|     load, work, end
//! samples   |.............|          none         |...............|     14 W, 40 % missing
//! ```

use std::path::Path;

use crate::fixture::command::{energy, errors, import_csv, json, text};
use serde_json::Value;

const MS: i64 = 1_000_000;
const SECONDS: i64 = 30;
const WATTS: f64 = 14.0;
const TRUTH_J: f64 = WATTS * SECONDS as f64;

/// Samples of 100 ms with a noise of about 1 %; none from 12 s to `until` s.
fn samples(until: i64) -> String {
    let mut csv = "t_start_ns,t_end_ns,rail,energy_mj\n".to_owned();
    let mut noise = 1_u64;
    for at in 0..SECONDS * 10 {
        noise = noise * 48_271 % 2_147_483_647;
        let watts = WATTS * (1.0 + 0.02 * (noise as f64 / 2_147_483_647.0 - 0.5));
        if !(120..until * 10).contains(&at) {
            let (start, end) = (at * 100 * MS, (at + 1) * 100 * MS);
            csv += &format!("{start},{end},cpu,{:.3}\n", watts * 100.0);
        }
    }
    csv
}

fn spans() -> String {
    let mut csv = "span_id,parent_id,thread,kind,start_ns,end_ns,rail\n".to_owned();
    for (id, kind, from, to) in [(1, "load", 0, 9), (2, "work", 9, 27), (3, "end", 27, 30)] {
        csv += &format!(
            "{id},0,main,{kind},{},{},cpu\n",
            from * 1000 * MS,
            to * 1000 * MS
        );
    }
    // Steps of the work: 0.9 s each.
    for step in 0..20 {
        let (id, start) = (10 + step, 9_000 + step * 900);
        csv += &format!(
            "{id},2,main,step,{},{},cpu\n",
            start * MS,
            (start + 800) * MS
        );
    }
    csv
}

/// Imports the run whose samples come back at `until` s.
fn imported(folder: &Path, until: i64) -> String {
    std::fs::write(folder.join("spans.csv"), spans()).unwrap();
    std::fs::write(folder.join("samples.csv"), samples(until)).unwrap();
    text(&import_csv(folder, &[])).trim().to_owned()
}

#[track_caller]
fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("not known: {value}"))
}

#[track_caller]
fn assert_holds(figure: &Value, truth: f64) {
    let ends = [&figure["lo_j"], &figure["hi_j"]].map(number);
    assert!(ends[0] <= truth && truth <= ends[1], "{truth}: {figure}");
    let half = (ends[1] - ends[0]) / 2.0;
    assert!(half <= 0.05 * truth, "wide: {figure}");
}

#[test]
fn totals_of_a_run_with_a_gap_hold_the_truth_in_every_view() {
    let folder = tempfile::tempdir().unwrap();
    let id = imported(folder.path(), 24);
    for method in ["proportional", "fitted"] {
        let words = ["attribute", &id, "--method", method];
        let attributed = energy(folder.path(), &words);
        assert!(attributed.status.success(), "{}", errors(&attributed));
        let summary = json(folder.path(), &["summary", &id]);
        let totals = &summary["totals"];
        assert!((number(&totals["coverage"]) - 0.6).abs() < 1e-6, "{totals}");
        assert_holds(totals, TRUTH_J);
        let measured = number(&totals["measured_j"]) + number(&totals["extrapolated_j"]);
        assert!((measured - number(&totals["energy_j"])).abs() < 1e-9);
        let runs = json(folder.path(), &["runs"]);
        for key in ["energy_j", "lo_j", "hi_j", "coverage"] {
            assert_eq!(runs["runs"][0][key], totals[key], "{key}");
        }
        let recorded = number(&runs["runs"][0]["recorded_j"]);
        assert!(recorded >= number(&totals["energy_j"]) - 1e-9, "{runs}");
        assert_eq!(runs["runs"][0]["work_ns"], totals["duration_ns"]);
        let sql = "SELECT energy_j, coverage, lo_j <= 420 AND 420 <= hi_j AS holds FROM v_runs";
        let row = &json(folder.path(), &["query", sql])["rows"][0];
        assert!(
            (number(&row[0]) - number(&totals["energy_j"])).abs() < 1e-6,
            "{row}"
        );
        assert!((number(&row[0]) - recorded).abs() < 1e-6, "{row}");
        assert_eq!(row[2], 1, "{row}");
        let table = text(&energy(folder.path(), &["summary", &id]));
        assert!(table.contains("The total is 420."), "{table}");
        assert!(table.contains("in 90 % of cases"), "{table}");
    }
}

#[test]
fn every_view_reports_the_coverage() {
    let folder = tempfile::tempdir().unwrap();
    let id = imported(folder.path(), 24);
    for question in ["summary", "pipeline", "hot", "ops", "balance", "power"] {
        let table = text(&energy(folder.path(), &[question, &id]));
        assert!(table.contains("60.0 %"), "{question}: {table}");
        let markdown = text(&energy(
            folder.path(),
            &[question, &id, "--format", "markdown"],
        ));
        assert!(markdown.contains("60.0 %"), "{question}: {markdown}");
        let coverage = number(&json(folder.path(), &[question, &id])["coverage"]);
        assert!((coverage - 0.6).abs() < 1e-6, "{question}");
    }
    assert!(text(&energy(folder.path(), &["runs"])).contains("60.0 %"));
    assert!(text(&energy(folder.path(), &["show", &id])).contains("60.0 %"));
    let csv = text(&energy(folder.path(), &["summary", &id, "--format", "csv"]));
    assert!(csv.contains("totals,,coverage,0.6"), "{csv}");
    let report = energy(folder.path(), &["report", &id, "-o", "report.html"]);
    assert!(report.status.success(), "{}", errors(&report));
    let html = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(html.contains("Samples cover 60.0 %"));
    let exported = energy(folder.path(), &["export", "json", &id, "-o", "-"]);
    assert!(text(&exported).contains("samples cover 60.0 % of the time"));
    let flame = energy(folder.path(), &["flamegraph", &id, "-o", "-"]);
    assert!(text(&flame).contains("samples cover 60.0 %"));
}

#[test]
fn a_part_of_which_less_than_half_is_sampled_is_unknown_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let id = imported(folder.path(), 24);
    let summary = json(folder.path(), &["summary", &id]);
    let phases = summary["phases"].as_array().unwrap();
    let phase = |name: &str| phases.iter().find(|phase| phase["phase"] == name).unwrap();
    if let Some(work) = phases.iter().find(|phase| phase["phase"] == "work") {
        assert_eq!(work["energy_j"], Value::Null, "{work}");
        assert!(
            work["reason"].as_str().unwrap().contains("33.3 %"),
            "{work}"
        );
        assert_eq!(phase("load")["coverage"], 1.0);
        assert!((number(&phase("load")["avg_w"]) - WATTS).abs() < 0.2);
    }
    let id = imported(folder.path(), 29);
    let totals = &json(folder.path(), &["summary", &id])["totals"];
    assert_eq!(totals["energy_j"], Value::Null, "{totals}");
    assert!(
        totals["reason"].as_str().unwrap().contains("43.3 %"),
        "{totals}"
    );
    assert!((number(&totals["measured_j"]) - 13.0 * WATTS).abs() < 2.0);
    let table = text(&energy(folder.path(), &["summary", &id]));
    assert!(table.contains("The total is unknown"), "{table}");
}

#[test]
fn averages_and_shares_of_spans_are_of_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let id = imported(folder.path(), 24);
    for method in ["proportional", "fitted"] {
        text(&energy(
            folder.path(),
            &["attribute", &id, "--method", method],
        ));
        let hot = json(folder.path(), &["hot", &id, "--limit", "0"]);
        let measured = number(&json(folder.path(), &["balance", &id])["rails"][0]["measured_j"]);
        let mut sum = 0.0;
        for node in hot["nodes"].as_array().unwrap() {
            sum += number(&node["energy_j"]);
            let share = number(&node["share"]);
            assert!((0.0..=1.0).contains(&share), "{node}");
            assert!(
                (number(&node["avg_w"]) - WATTS).abs() < 1.0,
                "{method}: {node}"
            );
        }
        assert!(
            sum <= measured * (1.0 + 1e-9),
            "{method}: {sum} of {measured}"
        );
        let sums = ["kind", "path", "name"].map(|by| {
            let ops = json(folder.path(), &["ops", &id, "--by", by]);
            let shares = ops["shares"].as_array().unwrap();
            shares
                .iter()
                .map(|share| number(&share["energy_j"]))
                .sum::<f64>()
        });
        assert!(
            (sums[0] - sums[1]).abs() < 1e-9 * sums[0],
            "{method}: {sums:?}"
        );
        assert!(
            (sums[1] - sums[2]).abs() < 1e-9 * sums[0],
            "{method}: {sums:?}"
        );
    }
}

#[test]
fn a_gap_of_an_import_is_an_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let id = imported(folder.path(), 24);
    for _ in 0..2 {
        text(&energy(
            folder.path(),
            &["attribute", &id, "--method", "fitted"],
        ));
    }
    let summary = json(folder.path(), &["summary", &id]);
    let events = summary["events"].as_array().unwrap();
    let gaps: Vec<_> = events
        .iter()
        .filter(|event| event["kind"] == "unmeasured")
        .collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(
        gaps[0]["message"].as_str().unwrap().contains("12.050 s"),
        "{gaps:?}"
    );
}
