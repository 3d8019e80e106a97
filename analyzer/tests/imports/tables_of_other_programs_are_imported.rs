//! Tables of spans and samples become runs with known energies.
//!
//! ```text
//! s             0          1.0       1.4 1.5   1.6           2.0    2.2
//! thread main   |   idle   |======== a ==|========= b ========|
//! thread 100                    |=== k (gpu), begun by a ==|
//!                              1.2                        1.8
//! cpu    4 W idle, 14 W from 1.0 to 2.0       a 5 J, b 5 J
//! gpu    2 W idle, 22 W from 1.2 to 1.8       k 12 J
//! ```

use std::path::Path;

use crate::fixture::command::{energy, errors, import_csv, text};

const SPANS: &str = "span_id,parent_id,thread,kind,start_ns,end_ns,rail";
const SAMPLES: &str = "t_start_ns,t_end_ns,rail,energy_mj";
const MS: i64 = 1_000_000;

/// The rows above; the file's clock reads `zero_ns` at 0.
fn spans(zero_ns: i64) -> Vec<String> {
    let row = |id, parent, thread, kind, start: i64, end: i64, rail| {
        let (start, end) = (zero_ns + start * MS, zero_ns + end * MS);
        format!("{id},{parent},{thread},{kind},{start},{end},{rail}")
    };
    vec![
        row(1, 0, "main", "a", 1000, 1500, "cpu"),
        row(7, 1, "100", "k", 1200, 1800, "gpu"),
        row(3, 0, "main", "b", 1500, 2000, "cpu"),
    ]
}

fn samples(zero_ns: i64) -> Vec<String> {
    let mut rows = Vec::new();
    for at in 0..22 {
        let power = |idle, active, busy: std::ops::Range<i64>| {
            idle + if busy.contains(&at) { active } else { 0 }
        };
        for (rail, watts) in [("cpu", power(4, 10, 10..20)), ("gpu", power(2, 20, 12..18))] {
            let (start, end) = (zero_ns + at * 100 * MS, zero_ns + (at + 1) * 100 * MS);
            rows.push(format!("{start},{end},{rail},{}", watts * 100));
        }
    }
    rows
}

fn table(header: &str, rows: &[String]) -> String {
    format!("{header}\n{}\n", rows.join("\n"))
}

fn write(folder: &Path, spans: &str, samples: &str) {
    std::fs::write(folder.join("spans.csv"), spans).unwrap();
    std::fs::write(folder.join("samples.csv"), samples).unwrap();
}

/// Imports the tables and returns kinds as CSV and the warnings.
fn imported(spans: &str, samples: &str, rail: &[&str]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), spans, samples);
    let import = import_csv(folder.path(), &[]);
    let id = text(&import);
    let ops = [&["ops", id.trim(), "--format", "csv"], rail].concat();
    (text(&energy(folder.path(), &ops)), errors(&import))
}

/// Returns name and energy in nanojoules, rounded. Before the first kernel a GPU's energy
/// is the active thread's, so spans may have a remainder of rounding.
fn rounded(csv: &str) -> Vec<(String, i64)> {
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let millijoules: f64 = fields[1].parse().unwrap();
        (fields[0].to_owned(), (millijoules * 1e6).round() as i64)
    };
    let rows = csv.lines().skip(1).map(row);
    rows.filter(|(name, energy)| name.starts_with('(') || *energy != 0)
        .collect()
}

#[track_caller]
fn assert_rows(csv: &str, expected: &[(&str, i64)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, mj)| ((*name).to_owned(), mj * 1_000_000))
        .collect();
    assert_eq!(rounded(csv), expected, "{csv}");
}

#[test]
fn energies_match_the_drawing_for_any_clock_origin() {
    for zero_ns in [0, -250 * MS, 5_000 * MS, 1_790_000_000_000_000_000] {
        let (spans, samples) = (spans(zero_ns), samples(zero_ns));
        let (spans, samples) = (table(SPANS, &spans), table(SAMPLES, &samples));
        let (csv, warnings) = imported(&spans, &samples, &["--rail", "cpu"]);
        let accounts = [
            ("(idle)", 8800),
            ("(other accounts)", 0),
            ("(extrapolated)", 0),
        ];
        assert!(csv.starts_with("kind,energy_mj,lo,hi\n"), "{csv}");
        assert_rows(&csv, &[&[("a", 5000), ("b", 5000)], &accounts[..]].concat());
        assert_eq!(warnings.lines().count(), 1, "{warnings}");
        let (csv, _) = imported(&spans, &samples, &["--rail", "gpu"]);
        let accounts = [
            ("(idle)", 4400),
            ("(other accounts)", 0),
            ("(extrapolated)", 0),
        ];
        assert_rows(&csv, &[&[("k", 12_000)], &accounts[..]].concat());
        let (csv, _) = imported(&spans, &samples, &[]);
        assert_eq!(
            rounded(&csv).iter().map(|(_, mj)| mj).sum::<i64>(),
            35_200_000_000
        );
    }
}

#[test]
fn a_kind_under_two_parents_is_one_and_paths_are_separate() {
    let folder = tempfile::tempdir().unwrap();
    let mut spans = spans(0);
    spans.push(format!("8,1,main,part,{},{},", 1000 * MS, 1100 * MS));
    spans.push(format!("9,3,main,part,{},{},cpu", 1500 * MS, 1700 * MS));
    write(
        folder.path(),
        &table(SPANS, &spans),
        &table(SAMPLES, &samples(0)),
    );
    text(&import_csv(folder.path(), &["--name", "parts"]));
    let list = |by: &str| {
        let arguments = [
            "ops", "parts", "--rail", "cpu", "--format", "csv", "--by", by,
        ];
        let csv = text(&energy(folder.path(), &arguments));
        assert!(csv.starts_with(&format!("{by},energy_mj,lo,hi\n")), "{csv}");
        let mut rows = rounded(&csv);
        rows.truncate(rows.len() - 3);
        rows
    };
    let rows = |rows: &[(&str, i64)]| -> Vec<(String, i64)> {
        rows.iter()
            .map(|(name, mj)| ((*name).to_owned(), mj * 1_000_000))
            .collect()
    };
    assert_eq!(
        list("kind"),
        rows(&[("a", 4000), ("b", 3000), ("part", 3000)])
    );
    assert_eq!(list("name"), list("kind"));
    let paths = rows(&[
        ("a", 4000),
        ("b", 3000),
        ("b > part", 2000),
        ("a > part", 1000),
    ]);
    assert_eq!(list("path"), paths);
    let json = text(&energy(folder.path(), &["ops", "--format", "json"]));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["rails"], serde_json::json!(["cpu", "gpu"]));
    assert_eq!(value["shares"][0]["name"], "k");
    assert!(value["shares"][0]["lo_j"].is_null());
    let shown = text(&energy(folder.path(), &["ops"]));
    assert!(shown.contains("replayed from a recording"), "{shown}");
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
}

#[test]
fn malformed_tables_are_repaired_and_repairs_are_counted() {
    let (plain, _) = imported(&table(SPANS, &spans(0)), &table(SAMPLES, &samples(0)), &[]);
    let mut unsorted = spans(0);
    unsorted.reverse();
    let mut twice = samples(0);
    twice.extend(samples(0).drain(..5));
    let (csv, warnings) = imported(&table(SPANS, &unsorted), &table(SAMPLES, &twice), &[]);
    assert_eq!(csv, plain);
    assert!(
        warnings.contains("2 spans start before the span of the previous line"),
        "{warnings}"
    );
    assert!(warnings.contains("5 samples occurred twice"), "{warnings}");

    let short: Vec<String> = samples(0).split_off(2 * 8);
    let short = &short[..2 * 12];
    let (csv, warnings) = imported(&table(SPANS, &spans(0)), &table(SAMPLES, short), &[]);
    assert!(
        warnings.contains("idle power of cpu, gpu is unknown"),
        "{warnings}"
    );
    assert!(!csv.contains("(idle)"), "unknown is not zero: {csv}");
}

#[test]
fn kernels_of_sensors_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &table(SPANS, &spans(0)),
        &table(SAMPLES, &samples(0)),
    );
    let import = |kernel| import_csv(folder.path(), &["--kernel", kernel]);
    text(&import("gpu=trailing:100ms"));
    let store = energy_store::Store::open(folder.path().join("energy.db")).unwrap();
    let rails = store.rails(1).and_then(|rails| rails.all()).unwrap();
    let kernels: Vec<String> = rails.iter().map(|rail| rail.kernel.to_string()).collect();
    assert_eq!(kernels, ["box", "trailing:100ms"]);
    let unknown = import("npu=box");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(errors(&unknown).contains("it has no rail `npu` for --kernel; its rails: cpu, gpu"));
    let wrong = import("gpu=gauss:1ms");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(errors(&wrong).contains("use box, trailing:100ms or lowpass:60ms"));
}

#[test]
fn bad_tables_are_refused_with_the_line_and_nothing_is_written() {
    let row = |text: &str| format!("{SPANS}\n{text}\n");
    let good = row("1,0,0,a,0,5,cpu");
    let bad_spans = [
        ("", "lacks the column `span_id`"),
        (
            "a,b\n1,2\n",
            "the header `a,b` lacks the column `span_id`; it must be `span_id,parent_id",
        ),
        (SPANS, "it contains no span"),
        (
            &row("1,0,0,a,0,5,cpu\n2,9,0,b,0,5,cpu"),
            "line 3: no span has the id 9",
        ),
        (
            &row("1,0,0,a,7,5,cpu"),
            "line 2: the span ends (5) before it starts (7)",
        ),
        (
            &row("1,0,0,a,0,5,cpu\n1,0,0,b,6,7,cpu"),
            "line 3: span_id 1 is also used in line 2",
        ),
        (
            &row("1,0,0,a,NaN,5,cpu"),
            "line 2: start_ns \"NaN\" is not a time",
        ),
        (&row("1,0,0,a,0,9223372036854775807,cpu"), "line 2: end_ns"),
        (&row("x,0,0,a,0,5,cpu"), "line 2: span_id \"x\""),
        (&row("0,0,0,a,0,5,cpu"), "line 2: span_id 0 means no span"),
        (&row("1,0,0,,0,5,cpu"), "line 2: the kind is empty"),
        (&row("1,0,0,a,0,5,tpu"), "line 2: rail \"tpu\""),
        (
            &row("1,2,0,a,0,5,cpu\n2,1,0,b,0,5,cpu"),
            "the span is its own ancestor",
        ),
        (&row("1,0,0,a,0"), "line 2: a column is missing"),
        (&row("1,0,0,a,0,5,cpu,gpu"), "line 2: it has 8 fields"),
    ];
    let sample = |text: &str| format!("{SAMPLES}\n{text}\n");
    let fine = sample("0,5,cpu,1");
    let bad_samples = [
        ("", "a header is needed"),
        (
            "a,b\n1,2\n",
            "the header `a,b` is none of `t_start_ns,t_end_ns,rail,energy_mj`",
        ),
        (SAMPLES, "it contains no sample"),
        (&sample("0,5,cpu,NaN"), "line 2: \"NaN\" is not an energy"),
        (
            &sample("0,5,cpu,1\n5,x,cpu,1"),
            "line 3: \"x\" is not a time",
        ),
    ];
    let spans = bad_spans.map(|(spans, expected)| (spans, fine.as_str(), "spans.csv", expected));
    let samples =
        bad_samples.map(|(samples, expected)| (good.as_str(), samples, "samples.csv", expected));
    for (spans, samples, file, expected) in spans.into_iter().chain(samples) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), spans, samples);
        let output = import_csv(folder.path(), &[]);
        let message = errors(&output);
        assert_eq!(output.status.code(), Some(1), "{expected}: {message}");
        assert!(
            message.contains(expected) && message.contains(file),
            "{expected}: {message}"
        );
        assert!(!folder.path().join("energy.db").exists(), "{expected}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(errors(&import_csv(folder.path(), &[])).contains("spans.csv"));
}
