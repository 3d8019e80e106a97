//! The energies of every export format sum to the ledger's energy of spans.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::fixture::spanned::{open, spanned, spans_j};
use crate::fixture::wire::{Field, fields, messages, packed};
use energy_analyzer::export::{ExportSource, ExportWriter, WalkFilter, export, format};
use serde_json::Value;
use tracing_energy::Method;

const METHODS: [Method; 2] = [Method::Proportional, Method::Fitted];

/// Exports a part of the run and returns the path.
fn exported(folder: &Path, db: &Path, name: &str, cut: WalkFilter) -> PathBuf {
    let (recording, run) = open(db);
    let source = ExportSource::read(&recording, &run, cut).unwrap();
    let path = folder.join(format!("out-{name}"));
    export(format(name).unwrap(), &source, &path).unwrap();
    path
}

/// Exports the whole run by each method and sums its energies.
fn each_method(name: &str, sum: impl Fn(&Path) -> f64) {
    for method in METHODS {
        let folder = tempfile::tempdir().unwrap();
        let db = spanned(folder.path(), method);
        let path = exported(folder.path(), &db, name, WalkFilter::default());
        close(sum(&path), spans_j(&db), &format!("{name} {method:?}"));
    }
}

fn close(sum: f64, expected: f64, what: &str) {
    let error = (sum - expected).abs() / expected;
    assert!(error < 1e-9, "{what}: {sum} for {expected}");
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Sums numbers, of which each must be known.
fn sum<'v>(values: impl Iterator<Item = &'v Value>) -> f64 {
    values.map(|value| value.as_f64().unwrap()).sum()
}

fn chrome_sum(path: &Path) -> f64 {
    let json = json(path);
    let slices = json.as_array().unwrap().iter().filter(|e| e["ph"] == "X");
    sum(slices.map(|slice| &slice["args"]["self_j"]))
}

#[test]
fn chrome() {
    each_method("chrome", chrome_sum);
}

/// Field numbers: packet 1, track_event 11, interned_data 12; annotations 4 with iid 1
/// and double 5; annotation names 3 with iid 1 and name 2.
#[test]
fn perfetto() {
    each_method("perfetto", |path| {
        let bytes = std::fs::read(path).unwrap();
        let (mut self_j, mut total) = (None, 0.0);
        for packet in messages(&bytes, 1) {
            for data in messages(packet, 12) {
                for name in messages(data, 3) {
                    let fields = fields(name);
                    if fields.contains(&(2, Field::Bytes(b"self_j"))) {
                        self_j = Some(fields[0].1);
                    }
                }
            }
            let annotations = messages(packet, 11)
                .into_iter()
                .flat_map(|event| messages(event, 4));
            for fields in annotations.map(fields) {
                if let [(1, iid), (5, Field::Double(value))] = fields[..]
                    && Some(iid) == self_j
                {
                    total += value;
                }
            }
        }
        total
    });
}

#[test]
fn firefox() {
    let sums = |path: &Path| {
        let profile = json(path);
        let mut total = 0.0;
        for thread in profile["threads"].as_array().unwrap() {
            let markers = thread["markers"]["data"].as_array().unwrap();
            let in_markers = sum(markers.iter().map(|data| &data["self_j"]));
            let weights = sum(thread["samples"]["weight"].as_array().unwrap().iter());
            assert!((weights - in_markers * 1e6).abs() <= 1.0, "{weights}");
            total += in_markers;
        }
        total
    };
    each_method("firefox", sums);
}

#[test]
fn speedscope() {
    each_method("speedscope", |path| {
        let file = json(path);
        let energy = &file["profiles"][0];
        let total = sum(energy["weights"].as_array().unwrap().iter());
        close(energy["endValue"].as_f64().unwrap(), total, "end");
        total / 1e6
    });
}

/// Field numbers: sample 2 with values 2.
#[test]
fn pprof() {
    each_method("pprof", |path| {
        let mut profile = Vec::new();
        let file = std::fs::File::open(path).unwrap();
        flate2::read::GzDecoder::new(file)
            .read_to_end(&mut profile)
            .unwrap();
        let samples = messages(&profile, 2);
        let first = |sample| packed(messages(sample, 2)[0])[0];
        let nanojoules: i64 = samples.into_iter().map(first).sum();
        nanojoules as f64 / 1e9
    });
}

#[test]
fn folded() {
    each_method("folded", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let counts = text.lines().map(|line| line.rsplit_once(' ').unwrap().1);
        let nanojoules: i64 = counts.map(|count| count.parse::<i64>().unwrap()).sum();
        nanojoules as f64 / 1e9
    });
}

fn nested(node: &Value) -> f64 {
    let children = node["children"].as_array().unwrap();
    node["self_j"].as_f64().unwrap() + children.iter().map(nested).sum::<f64>()
}

#[test]
fn json_twice() {
    each_method("json", |path| {
        let run = json(path);
        let nodes: f64 = run["tree"].as_array().unwrap().iter().map(nested).sum();
        let threads = run["threads"].as_array().unwrap().iter();
        let spans = threads.flat_map(|thread| thread["spans"].as_array().unwrap());
        let spans: f64 = spans.map(nested).sum();
        close(spans, nodes, "spans and nodes");
        spans
    });
}

fn csv_sum(path: &Path, column: &str) -> f64 {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let at = reader.headers().unwrap().iter().position(|c| c == column);
    let records = reader.records().map(Result::unwrap);
    let fields = records.map(|record| record[at.unwrap()].to_owned());
    fields.map(|field| field.parse::<f64>().unwrap()).sum()
}

#[test]
fn csv_twice() {
    each_method("csv", |path| {
        let nodes = csv_sum(&path.join("node_energy.csv"), "self_j");
        let spans = csv_sum(&path.join("spans.csv"), "self_j");
        close(spans, nodes, "spans and nodes");
        close(
            csv_sum(&path.join("balance.csv"), "spans_j"),
            nodes,
            "balance",
        );
        spans
    });
}

#[cfg(feature = "parquet")]
mod parquet {
    use std::collections::HashMap;
    use std::path::{Path, PathBuf};

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use super::{METHODS, WalkFilter, close, exported, spanned, spans_j};

    fn file(folder: &Path) -> PathBuf {
        let mut folder = folder.to_owned();
        while folder.is_dir() {
            folder = std::fs::read_dir(folder)
                .unwrap()
                .next()
                .unwrap()
                .unwrap()
                .path();
        }
        folder
    }

    /// Rows by name of the column; only whole numbers.
    fn rows(table: &Path) -> Vec<HashMap<String, i64>> {
        let file = std::fs::File::open(file(table)).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
        let whole = |(name, field): (&String, &Field)| match field {
            Field::Long(value) => Some((name.clone(), *value)),
            _ => None,
        };
        rows.map(|row| row.get_column_iter().filter_map(whole).collect())
            .collect()
    }

    #[test]
    fn nanojoules_add_up_exactly() {
        for method in METHODS {
            let folder = tempfile::tempdir().unwrap();
            let db = spanned(folder.path(), method);
            let path = exported(folder.path(), &db, "parquet", WalkFilter::default());
            let of = |row: &HashMap<String, i64>, name: &str| row.get(name).copied().unwrap_or(0);
            let balance = rows(&path.join("balance"));
            assert_eq!(balance.len(), 2);
            for row in &balance {
                let accounts = [
                    "idle",
                    "spans",
                    "unattributed",
                    "other_processes",
                    "profiler",
                    "residual",
                    "unknown",
                ];
                let sum: i64 = accounts.iter().map(|a| of(row, &format!("{a}_nj"))).sum();
                assert_eq!(sum, row["measured_nj"]);
                let nodes = rows(&path.join("node_energy"));
                let nodes = nodes.iter().filter(|node| node["rail"] == row["rail"]);
                let nodes: i64 = nodes.map(|node| node["self_nj"]).sum();
                assert_eq!(nodes, row["spans_nj"], "rail {}", row["rail"]);
            }
            let spans: i64 = rows(&path.join("spans"))
                .iter()
                .map(|s| of(s, "self_nj"))
                .sum();
            let expected: i64 = balance.iter().map(|row| row["spans_nj"]).sum();
            assert_eq!(spans, expected);
            close(spans as f64 / 1e9, spans_j(&db), "spans");
        }
    }
}

/// ```text
/// 0        t           end
/// |--------|------------|      before, and after
/// ```
#[test]
fn adjacent_windows_hold_all_energy() {
    for method in METHODS {
        let folder = tempfile::tempdir().unwrap();
        let db = spanned(folder.path(), method);
        for edge in [1_000_000_000, 1_733_000_001, 2_500_000_000, 4_999_000_000] {
            let sum = |window| {
                let cut = WalkFilter {
                    window: Some(window),
                    least_j: None,
                };
                let chrome = chrome_sum(&exported(folder.path(), &db, "chrome", cut));
                let folded = exported(folder.path(), &db, "folded", cut);
                let folded = std::fs::read_to_string(folded).unwrap();
                let counts = folded.lines().map(|line| line.rsplit_once(' ').unwrap().1);
                let folded: f64 = counts.map(|count| count.parse::<f64>().unwrap()).sum();
                assert!((folded / 1e9 - chrome).abs() < 1e-6, "{folded} {chrome}");
                chrome
            };
            let both = sum((i64::MIN, edge)) + sum((edge, i64::MAX));
            close(both, spans_j(&db), &format!("{method:?} at {edge}"));
        }
    }
}

#[test]
fn omitted_spans_are_merged_into_their_parents() {
    let folder = tempfile::tempdir().unwrap();
    let db = spanned(folder.path(), Method::Fitted);
    let (recording, run) = open(&db);
    let cut = WalkFilter {
        window: None,
        least_j: Some(0.4),
    };
    let source = ExportSource::read(&recording, &run, cut).unwrap();
    let mut text = Vec::new();
    let mut out = ExportWriter::stream(&mut text);
    let walked = format("chrome").unwrap().write(&source, &mut out).unwrap();
    drop(out);
    assert!(
        walked.below_minimum > 10 && walked.emitted > 10,
        "{walked:?}"
    );
    let trace: Value = serde_json::from_slice(&text).unwrap();
    let slices = trace.as_array().unwrap().iter().filter(|e| e["ph"] == "X");
    let energies: Vec<f64> = slices
        .clone()
        .map(|slice| slice["args"]["energy_j"].as_f64().unwrap())
        .collect();
    assert!(
        energies.iter().all(|energy_j| *energy_j >= 0.4),
        "{energies:?}"
    );
    let emitted = sum(slices.map(|slice| &slice["args"]["self_j"]));
    close(emitted, walked.self_j, "emitted");
    close(
        emitted + source.remaining_j(&walked).unwrap(),
        spans_j(&db),
        "with the remainder",
    );
}
