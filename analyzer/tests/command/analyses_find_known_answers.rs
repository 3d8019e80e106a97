//! Each analysis finds the answer that simulated runs were made with, and prints it in words within
//! 80 columns.

use std::path::Path;

use crate::fixture::cells::{self, Cell};
use crate::fixture::command::{energy, json, refused, text};
use crate::fixture::golden;
use serde_json::Value;

const ALL: [(&str, &str); 10] = [
    ("batch", "batches"),
    ("context", "contexts"),
    ("quantization", "formats"),
    ("parameters", "models"),
    ("shape", "models"),
    ("attention", "models"),
    ("experts", "models"),
    ("engines", "engines"),
    ("pareto", "batches"),
    ("trend", "drift"),
];

fn recording(folder: &Path) {
    cells::recording(folder, "energy.db", &cells::experiments());
}

fn analysed(folder: &Path, kind: &str, experiment: &str) -> Value {
    json(folder, &["analyse", kind, "--experiment", experiment])
}

fn estimate<'v>(value: &'v Value, name: &str) -> &'v Value {
    let estimates = value["findings"][0]["estimates"].as_array().unwrap();
    let found = estimates.iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {estimates:?}"))
}

fn row<'v>(value: &'v Value, level: &str) -> &'v Value {
    let rows = value["findings"][0]["rows"].as_array().unwrap();
    let found = rows.iter().find(|row| row["level"] == level);
    found.unwrap_or_else(|| panic!("{level}: {rows:?}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn the_best_batch_is_a_set_that_contains_equal_ones() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let value = analysed(folder.path(), "batch", "batches");
    assert_eq!(value["findings"].as_array().unwrap().len(), 2);
    let best = estimate(&value, "best batch");
    assert_eq!((number(&best["lo"]), number(&best["hi"])), (4.0, 8.0));
    for (level, is_selected) in [("1", false), ("2", false), ("4", true), ("8", true)] {
        assert_eq!(row(&value, level)["is_selected"], is_selected, "{level}");
    }
    // The mean of each batch is the geometric mean of its runs.
    let two = number(&row(&value, "2")["value"]);
    let runs = json(folder.path(), &["runs", "--experiment", "batches"]);
    let values: Vec<f64> = runs["runs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["input_tokens"] == 128)
        .map(|run| number(&run["j_per_token"]).ln())
        .collect();
    assert_eq!(values.len(), 4);
    let mean = (values.iter().sum::<f64>() / 4.0).exp();
    assert!((two - mean).abs() < 1e-12, "{two} {mean}");
    let grid = &value["plots"][1]["grid"]["values"];
    assert_eq!(grid.as_array().unwrap().len(), 2, "{grid}");
    assert!((number(&grid[0][1]) - mean).abs() < 1e-12);
}

#[test]
fn the_context_from_which_energy_rises_faster_is_within_a_step() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let value = analysed(folder.path(), "context", "contexts");
    assert_eq!(value["findings"][0]["verdict"], "found");
    let place = estimate(&value, "saturation");
    assert!(
        (384.0..=640.0).contains(&number(&place["value"])),
        "{place}"
    );
    assert!(number(&place["lo"]) <= cells::SATURATION, "{place}");
    assert!(number(&place["hi"]) >= cells::SATURATION, "{place}");
    // Without the contexts above it there is no saturation.
    let few: Vec<Cell> = cells::experiments()
        .into_iter()
        .filter(|cell| cell.experiment == "contexts" && cell.prompt <= 512)
        .collect();
    let other = tempfile::tempdir().unwrap();
    cells::recording(other.path(), "energy.db", &few);
    let value = analysed(other.path(), "context", "contexts");
    assert_eq!(value["findings"][0]["verdict"], "none", "{value}");
    let answer = value["findings"][0]["answer"].as_str().unwrap();
    assert!(answer.contains("none found"), "{answer}");
}

#[test]
fn a_saving_stands_next_to_the_quality_or_its_absence() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let value = analysed(folder.path(), "quantization", "formats");
    let answer = value["findings"][0]["answer"].as_str().unwrap();
    assert!(
        answer.contains("q8_0: perplexity 20.50 (f32: 20.00)"),
        "{answer}"
    );
    assert!(answer.contains("97.5 %"), "{answer}");
    assert!(answer.contains("f32: unknown, compute it with"), "{answer}");
    let ratio = number(&row(&value, "q8_0")["value"]) / number(&row(&value, "f32")["value"]);
    assert!((ratio - 0.7).abs() < 0.02, "{ratio}");
    let saving = format!("{:.1} % less", (1.0 - ratio) * 100.0);
    assert!(answer.contains(&saving), "{saving}: {answer}");
}

#[test]
fn no_saving_is_claimed_without_enough_runs() {
    let folder = tempfile::tempdir().unwrap();
    let cells: Vec<Cell> = cells::experiments()
        .into_iter()
        .filter(|cell| cell.experiment == "formats")
        .take(4)
        .collect();
    cells::recording(folder.path(), "energy.db", &cells);
    let value = analysed(folder.path(), "quantization", "formats");
    let answer = value["findings"][0]["answer"].as_str().unwrap();
    assert!(
        answer.contains("Saving: not shown. Quality: q8_0: perplexity"),
        "{answer}"
    );
}

#[test]
fn the_exponent_is_that_of_least_squares_over_models() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let value = analysed(folder.path(), "parameters", "models");
    let exponent = estimate(&value, "exponent");
    let rows = value["findings"][0]["rows"].as_array().unwrap();
    let points: Vec<(f64, f64)> = rows
        .iter()
        .map(|row| (number(&row["number"]).ln(), number(&row["value"]).ln()))
        .collect();
    assert_eq!(points.len(), 6);
    let count = points.len() as f64;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let (x, y) = (x / count, y / count);
    let covariance: f64 = points.iter().map(|one| (one.0 - x) * (one.1 - y)).sum();
    let variance: f64 = points.iter().map(|one| (one.0 - x).powi(2)).sum();
    assert!((number(&exponent["value"]) - covariance / variance).abs() < 1e-9);
    assert!(number(&exponent["lo"]) < cells::EXPONENT, "{exponent}");
    assert!(number(&exponent["hi"]) > cells::EXPONENT, "{exponent}");
}

#[test]
fn properties_that_go_together_are_not_separated() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let value = analysed(folder.path(), "shape", "models");
    let answer = value["findings"][0]["answer"].as_str().unwrap();
    assert!(answer.contains("cannot be distinguished"), "{answer}");
    assert_eq!(
        number(&estimate(&value, "rank correlation of layers")["value"]),
        1.0
    );
    assert_eq!(value["findings"][0]["verdict"], "undecided");
}

#[test]
fn groups_of_models_are_compared_by_models() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    for (kind, levels) in [
        ("attention", ["multi-head", "grouped-query"]),
        ("experts", ["dense", "experts"]),
    ] {
        let value = analysed(folder.path(), kind, "models");
        for level in levels {
            let row = row(&value, level);
            assert_eq!(row["configurations"], 3, "{kind}: {row}");
            assert_eq!(row["runs"], 6, "{kind}: {row}");
        }
        let answer = value["findings"][0]["answer"].as_str().unwrap();
        assert!(answer.contains("a sample is a model"), "{answer}");
    }
}

#[test]
fn the_engine_with_the_least_energy_is_found() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let value = analysed(folder.path(), "engines", "engines");
    assert_eq!(value["findings"][0]["verdict"], "found");
    assert_eq!(row(&value, "llama.cpp q8_0")["verdict"], "best");
    let ratio = number(&row(&value, "candle q8_0")["ratio"]);
    assert!((ratio - 1.5).abs() < 0.05, "{ratio}");
}

/// Four runs of each engine with these energies of (prefill, decode) for the same work, and a
/// setting of each engine.
fn engine_runs(engines: [(&'static str, f64, f64, Value); 2], noise: f64) -> Vec<Cell> {
    let mut cells = Vec::new();
    for repeat in 0..4 {
        for (at, (engine, prefill_j, decode_j, config)) in (0..).zip(&engines) {
            let factor = cells::noise(repeat * 2 + at + 500, noise);
            cells.push(Cell {
                engine,
                prefill_j: prefill_j * factor,
                decode_j: decode_j * factor,
                config: config.clone(),
                minute: cells.len() as i64,
                ..Cell::default()
            });
        }
    }
    cells
}

/// Returns the geometric mean of a value of an engine's runs.
fn mean_of(cells: &[Cell], engine: &str, of: impl Fn(&Cell) -> f64) -> f64 {
    let own: Vec<f64> = cells
        .iter()
        .filter(|cell| cell.engine == engine)
        .map(|cell| of(cell).ln())
        .collect();
    (own.iter().sum::<f64>() / own.len() as f64).exp()
}

#[test]
fn engines_have_a_verdict_for_all_tokens_prefill_and_decode() {
    let none = serde_json::json!({});
    let both = [
        ("candle", 4.0, 20.0, none.clone()),
        ("llama.cpp", 6.0, 10.0, none.clone()),
    ];
    let cells = engine_runs(both, 0.01);
    let folder = tempfile::tempdir().unwrap();
    cells::recording(folder.path(), "energy.db", &cells);
    let value = analysed(folder.path(), "engines", "one");
    let expected = [
        (
            "all: candle q8_0 / llama.cpp q8_0",
            mean_of(&cells, "candle", |cell| cell.prefill_j + cell.decode_j)
                / mean_of(&cells, "llama.cpp", |cell| cell.prefill_j + cell.decode_j),
            1.5,
        ),
        (
            "prefill: llama.cpp q8_0 / candle q8_0",
            mean_of(&cells, "llama.cpp", |cell| cell.prefill_j)
                / mean_of(&cells, "candle", |cell| cell.prefill_j),
            1.5,
        ),
        (
            "decode: candle q8_0 / llama.cpp q8_0",
            mean_of(&cells, "candle", |cell| cell.decode_j)
                / mean_of(&cells, "llama.cpp", |cell| cell.decode_j),
            2.0,
        ),
    ];
    for (name, ratio, truth) in expected {
        let found = estimate(&value, name);
        assert!((number(&found["value"]) - ratio).abs() < 1e-9, "{found}");
        let [lo, hi] = ["lo", "hi"].map(|end| number(&found[end]));
        assert!(1.0 < lo && lo < truth && truth < hi, "{found}");
    }
    let answer = value["findings"][0]["answer"].as_str().unwrap();
    for words in [
        "all: llama.cpp q8_0 (166.0 mJ/token) uses",
        "prefill: candle q8_0 (",
        "decode: llama.cpp q8_0 (",
        "less than candle q8_0.",
    ] {
        assert!(answer.contains(words), "{words}: {answer}");
    }
    let shown = text(&energy(folder.path(), &["analyse", "engines"]));
    for words in ["prefill/token", "decode/token", "TTFT", "TPOT"] {
        assert!(shown.contains(words), "{shown}");
    }
}

#[test]
fn a_difference_of_engines_within_the_noise_is_not_resolved() {
    let none = serde_json::json!({});
    let both = [
        ("candle", 4.0, 10.0, none.clone()),
        ("llama.cpp", 4.1, 10.2, none),
    ];
    let folder = tempfile::tempdir().unwrap();
    cells::recording(folder.path(), "energy.db", &engine_runs(both, 0.1));
    let value = analysed(folder.path(), "engines", "one");
    let answer = value["findings"][0]["answer"].as_str().unwrap();
    assert_eq!(answer.matches("not resolved").count(), 3, "{answer}");
    let ratios = value["findings"][0]["estimates"].as_array().unwrap().iter();
    let ratios: Vec<&Value> = ratios
        .filter(|one| one["name"].as_str().unwrap().contains(" / "))
        .collect();
    assert_eq!(ratios.len(), 3);
    for one in ratios {
        assert!(
            number(&one["lo"]) < 1.0 && number(&one["hi"]) > 1.0,
            "{one}"
        );
    }
}

#[test]
fn processors_and_graphics_processors_of_one_engine_are_not_averaged() {
    let device = |name: &str| serde_json::json!({ "device": name });
    let mut cells = engine_runs(
        [
            ("candle", 4.0, 20.0, device("cpu")),
            (
                "llama.cpp",
                4.0,
                12.0,
                serde_json::json!({ "device": null }),
            ),
        ],
        0.01,
    );
    let gpu = engine_runs(
        [
            ("candle", 1.0, 5.0, device("cuda:0")),
            (
                "llama.cpp",
                4.0,
                12.0,
                serde_json::json!({ "device": null }),
            ),
        ],
        0.01,
    );
    cells.extend(gpu.into_iter().filter(|cell| cell.engine == "candle"));
    for (minute, cell) in (0..).zip(&mut cells) {
        cell.minute = minute;
    }
    let folder = tempfile::tempdir().unwrap();
    cells::recording(folder.path(), "energy.db", &cells);
    let value = analysed(folder.path(), "engines", "one");
    assert_eq!(value["findings"].as_array().unwrap().len(), 1);
    let energies = [
        ("candle q8_0 (device cpu)", 24.0 / 96.0),
        ("candle q8_0 (device cuda:0)", 6.0 / 96.0),
        ("llama.cpp q8_0", 16.0 / 96.0),
    ];
    for (level, joules) in energies {
        let row = row(&value, level);
        assert_eq!(row["runs"], 4, "{row}");
        assert!((number(&row["value"]) / joules - 1.0).abs() < 0.02, "{row}");
    }
    let answer = value["findings"][0]["answer"].as_str().unwrap();
    assert!(answer.contains("also differ in device"), "{answer}");
}

#[test]
fn runs_that_differ_in_sampling_prompt_form_or_attribution_are_not_averaged() {
    let base = |config: Value, method: &'static str| Cell {
        config,
        method,
        ..Cell::default()
    };
    let of = |config: &str| serde_json::from_str::<Value>(config).unwrap();
    let series = |pairs: [(Value, &'static str); 2]| -> Vec<String> {
        let mut cells = Vec::new();
        for (config, method) in pairs {
            for batch in [1, 2] {
                cells.push(Cell {
                    batch,
                    minute: cells.len() as i64,
                    ..base(config.clone(), method)
                });
            }
        }
        for cell in &mut cells {
            cell.config["prompts"] = cell.batch.into();
        }
        let folder = tempfile::tempdir().unwrap();
        cells::recording(folder.path(), "energy.db", &cells);
        let value = analysed(folder.path(), "batch", "one");
        let findings = value["findings"].as_array().unwrap().iter();
        findings
            .map(|one| one["series"].as_str().unwrap().to_owned())
            .collect()
    };
    let plain = "proportional";
    let (greedy, warm) = (r#"{"temperature": 0.0}"#, r#"{"temperature": 0.8}"#);
    assert_eq!(
        series([(of(greedy), plain), (of(warm), plain)]),
        ["sampling greedy", "sampling temperature 0.8"]
    );
    let (raw, chat) = (r#"{"raw": true}"#, r#"{"raw": false}"#);
    assert_eq!(
        series([(of(raw), plain), (of(chat), plain)]),
        ["prompt form raw", "prompt form template"]
    );
    let system = r#"{"raw": false, "system": "Be brief."}"#;
    assert_eq!(
        series([(of(chat), plain), (of(system), plain)]).len(),
        2,
        "a system turn changes the work"
    );
    assert_eq!(
        series([(of("{}"), plain), (of("{}"), "fitted")]),
        ["attribution fitted", "attribution proportional"]
    );
    // Equal and unknown settings are one series.
    assert_eq!(series([(of(greedy), plain), (of(greedy), plain)]).len(), 1);
    assert_eq!(series([(of("{}"), plain), (of("{}"), plain)]).len(), 1);
}

#[test]
fn different_power_conditions_are_a_warning_with_numbers_of_runs() {
    let shown = |powers: &[Option<&'static str>], words: &[&str]| {
        let cells = (0..).zip(powers).map(|(minute, power)| Cell {
            minute,
            conditions: power.iter().map(|power| ("power", *power)).collect(),
            ..Cell::default()
        });
        let folder = tempfile::tempdir().unwrap();
        cells::recording(folder.path(), "energy.db", &cells.collect::<Vec<_>>());
        let shown = text(&energy(folder.path(), words));
        shown.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (mains, battery) = (Some("mains"), Some("battery"));
    for words in [&["analyse", "batch"][..], &["table"]] {
        let different = shown(&[mains, mains, battery], words);
        let expected = "power supply (1 run battery, 2 runs mains)";
        assert!(different.contains(expected), "{different}");
        let partly = shown(&[mains, None], words);
        assert!(partly.contains("(1 run mains, 1 run unknown)"), "{partly}");
        for equal in [[mains, mains], [None, None]] {
            let equal = shown(&equal, words);
            assert!(!equal.contains("Conditions differ"), "{equal}");
        }
    }
}

#[test]
fn many_runs_of_two_sessions_are_no_trend() {
    let run = |minute: i64| {
        let factor = if minute > 1000 { 1.05 } else { 1.0 };
        Cell {
            minute,
            decode_j: 2.0 * factor * cells::noise(minute as u64, 0.001),
            ..Cell::default()
        }
    };
    let sessions = (0..20).chain(3000..3020).map(run);
    let folder = tempfile::tempdir().unwrap();
    cells::recording(folder.path(), "energy.db", &sessions.collect::<Vec<_>>());
    let value = analysed(folder.path(), "trend", "one");
    assert_eq!(value["findings"][0]["verdict"], "not_estimable", "{value}");
    let answer = value["findings"][0]["answer"].as_str().unwrap();
    assert!(answer.contains("only 2 of at least 5 sessions"), "{answer}");
}

#[test]
fn the_front_is_that_of_all_pairs() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let value = analysed(folder.path(), "pareto", "batches");
    let rows = value["findings"][0]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    let point = |row: &Value| (number(&row["tokens_per_s"]), number(&row["value"]));
    for one in rows {
        let (speed, joules) = point(one);
        let is_dominated = rows.iter().map(point).any(|(other, less)| {
            other >= speed && less <= joules && (other, less) != (speed, joules)
        });
        assert_eq!(one["is_selected"], !is_dominated, "{one}");
    }
}

#[test]
fn a_drift_is_found_and_its_absence_is_not_one() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let value = analysed(folder.path(), "trend", "drift");
    assert_eq!(value["findings"][0]["verdict"], "found");
    let change = estimate(&value, "change");
    assert!(
        number(&change["lo"]) > 0.3 && number(&change["hi"]) < 0.7,
        "{change}"
    );
    let value = analysed(folder.path(), "trend", "formats");
    assert_eq!(value["findings"][0]["verdict"], "not_estimable");
}

#[test]
fn answers_are_words_within_80_columns() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    for (kind, experiment) in ALL {
        let shown = text(&energy(
            folder.path(),
            &["analyse", kind, "--experiment", experiment],
        ));
        let wide = shown.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{kind}");
        golden::check(&format!("analyse/{kind}.txt"), &shown);
    }
}

#[test]
fn csv_holds_every_row() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    for (kind, experiment) in ALL {
        let value = analysed(folder.path(), kind, experiment);
        let rows: usize = value["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["rows"].as_array().unwrap().len())
            .sum();
        let words = [
            "analyse",
            kind,
            "--experiment",
            experiment,
            "--format",
            "csv",
        ];
        let shown = text(&energy(folder.path(), &words));
        let mut reader = csv::Reader::from_reader(shown.as_bytes());
        assert_eq!(reader.records().map(Result::unwrap).count(), rows, "{kind}");
    }
}

#[test]
fn what_cannot_be_estimated_has_a_reason_and_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let one = [Cell::default()];
    cells::recording(folder.path(), "energy.db", &one);
    for (kind, _) in ALL {
        let shown = text(&energy(folder.path(), &["analyse", kind]));
        let is_answered = kind == "pareto";
        // Runs of one engine are no comparison of engines.
        let has_finding = !is_answered && kind != "engines";
        assert_eq!(
            shown.contains("not estimable"),
            has_finding,
            "{kind}: {shown}"
        );
        assert!(
            is_answered || shown.contains("for example: energy"),
            "{kind}: {shown}"
        );
    }
    let message = refused(
        folder.path(),
        &["analyse", "batch", "--experiment", "none"],
        2,
    );
    assert!(
        message.contains("experiment `none` is unknown") && message.contains("one"),
        "{message}"
    );
    let message = refused(
        folder.path(),
        &["analyse", "batch", "--svg", "b.svg", "--model", "x"],
        2,
    );
    assert!(message.contains("energy sweep --batch"), "{message}");
}

#[test]
fn modelled_and_measured_runs_are_different_series() {
    let folder = tempfile::tempdir().unwrap();
    let mut both: Vec<Cell> = cells::experiments()
        .into_iter()
        .filter(|cell| cell.experiment == "batches" && cell.prompt == 64)
        .collect();
    let modelled: Vec<Cell> = both
        .iter()
        .map(|cell| Cell {
            provenance: "modelled",
            ..cell.clone()
        })
        .collect();
    both.extend(modelled);
    cells::recording(folder.path(), "energy.db", &both);
    let value = analysed(folder.path(), "batch", "batches");
    let series: Vec<&str> = value["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["series"].as_str().unwrap())
        .collect();
    assert_eq!(series, ["power measured", "power modelled"]);
    let shown = text(&energy(folder.path(), &["analyse", "batch"]));
    assert!(shown.contains("several origins"), "{shown}");
}

#[test]
fn runs_with_and_without_statistics_are_different_series() {
    let folder = tempfile::tempdir().unwrap();
    let with = |cell: &Cell, config: Value| Cell {
        config,
        ..cell.clone()
    };
    let off = serde_json::json!({ "temperature": 0.0 });
    let on = serde_json::json!({ "temperature": 0.0, "statistics_threshold": 0.1 });
    let both: Vec<Cell> = cells::experiments()
        .iter()
        .filter(|cell| cell.experiment == "batches" && cell.prompt == 64)
        .flat_map(|cell| [with(cell, off.clone()), with(cell, on.clone())])
        .collect();
    cells::recording(folder.path(), "energy.db", &both);
    let value = analysed(folder.path(), "batch", "batches");
    let findings = value["findings"].as_array().unwrap();
    let series: Vec<&Value> = findings.iter().map(|finding| &finding["series"]).collect();
    assert_eq!(series, ["statistics off", "statistics on"]);
}

#[test]
fn runs_of_repeated_trials_are_not_used() {
    let mut all: Vec<Cell> = cells::experiments()
        .into_iter()
        .filter(|cell| cell.experiment == "batches")
        .collect();
    let folder = tempfile::tempdir().unwrap();
    cells::recording(folder.path(), "energy.db", &all);
    let without = analysed(folder.path(), "batch", "batches");
    all.push(Cell {
        decode_j: 1000.0,
        tags: vec![("replaced".to_owned(), String::new())],
        ..all[0].clone()
    });
    let folder = tempfile::tempdir().unwrap();
    cells::recording(folder.path(), "energy.db", &all);
    let with = analysed(folder.path(), "batch", "batches");
    assert_eq!(with["runs"], without["runs"]);
    assert_eq!(with["findings"], without["findings"]);
    let shown = text(&energy(folder.path(), &["analyse", "batch"]));
    let note = "Not used: 1 run of throttled trials";
    assert!(shown.contains(note), "{shown}");
}

#[test]
fn several_databases_are_analysed_together_and_copies_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let all: Vec<Cell> = cells::experiments()
        .into_iter()
        .filter(|cell| cell.experiment == "batches")
        .collect();
    cells::recording(folder.path(), "energy.db", &all);
    std::fs::copy(
        folder.path().join("energy.db"),
        folder.path().join("copy.db"),
    )
    .unwrap();
    let mut other = all[..4].to_vec();
    other[0].host = "other";
    // Ids are numbers of the file: those of the first four runs are there already.
    cells::recording(folder.path(), "other.db", &other);
    let words = [
        "analyse", "batch", "--also", "copy.db", "--also", "other.db",
    ];
    let value = json(folder.path(), &words);
    assert_eq!(value["runs"], all.len());
}

#[test]
fn a_report_shows_the_analyses_of_an_experiment() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let words = ["report", "--experiment", "models", "-o", "-"];
    let page = text(&energy(folder.path(), &words));
    assert!(page.contains("Experiment models"), "no section");
    let data = page.split("id=\"data\">").nth(1).unwrap();
    let data: Value = serde_json::from_str(data.split("</script>").next().unwrap()).unwrap();
    let plots = data["plots"].as_array().unwrap().len();
    assert!(plots >= 5, "{plots}");
    assert_eq!(page.matches("data-plot=").count(), plots);
    let value = analysed(folder.path(), "parameters", "models");
    let answer = value["findings"][0]["answer"].as_str().unwrap();
    assert!(page.contains(answer), "{answer}");
    assert!(page.contains("Questions that these runs do not answer"));
    assert_eq!(
        data["runs"][0]["title"]
            .as_str()
            .map(|title| title.starts_with("run ")),
        Some(true)
    );
    refused(
        folder.path(),
        &["report", "--experiment", "none", "-o", "-"],
        2,
    );
}

#[test]
fn the_least_energy_per_token_is_first_within_an_experiment() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let words = ["runs", "--experiment", "drift"];
    let value = json(folder.path(), &words);
    let values: Vec<f64> = value["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| number(&run["j_per_token"]))
        .collect();
    assert_eq!(values.len(), 12);
    assert!(values.is_sorted(), "{values:?}");
    let most = json(folder.path(), &[&words[..], &["--reverse"]].concat());
    assert_eq!(most["runs"][0], value["runs"][11]);
    let newest = json(folder.path(), &[&words[..], &["--sort", "date"]].concat());
    assert_eq!(newest["runs"][0]["name"], most["runs"][0]["name"]);
    let shown = text(&energy(folder.path(), &words));
    let header = shown.lines().find(|line| line.starts_with("id")).unwrap();
    let columns: Vec<&str> = header.split_whitespace().collect();
    assert_eq!(columns[..2], ["id", "/token"], "{shown}");
    assert!(
        shown.contains("Trend: small: J/token rises over 12 sessions"),
        "{shown}"
    );
}

#[test]
fn json_matches_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    cells::recording(folder.path(), "one.db", &[Cell::default()]);
    let schema: Value = serde_json::from_str(energy_analyzer::schema("analyse").unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (kind, experiment) in ALL {
        let one = json(folder.path(), &["--db", "one.db", "analyse", kind]);
        let all = json(folder.path(), &["analyse", kind]);
        for value in [analysed(folder.path(), kind, experiment), one, all] {
            let faults: Vec<String> = validator
                .iter_errors(&value)
                .map(|fault| format!("{}: {fault}", fault.instance_path()))
                .collect();
            assert!(faults.is_empty(), "{kind}: {faults:?}");
        }
    }
    assert!(!validator.is_valid(&serde_json::json!({ "schema": 1, "command": "analyse" })));
}
