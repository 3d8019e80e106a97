//! Predictions from a grid of workloads with a known law: the interval contains a configuration that
//! was left out; what the runs do not determine is refused, with the command that measures it.

use crate::fixture::cells::{self, Cell};
use crate::fixture::command::{energy, json, refused, text};
use crate::fixture::golden;
use serde_json::Value;

const MODEL: [&str; 4] = ["predict", "--model", "small", "--machine=box"];

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

fn words<'w>(more: &[&'w str]) -> Vec<&'w str> {
    [&MODEL[..], more].concat()
}

#[test]
fn a_left_out_workload_is_in_the_interval() {
    let folder = tempfile::tempdir().unwrap();
    let others: Vec<Cell> = cells::workloads("box")
        .into_iter()
        .filter(|cell| (cell.batch, cell.prompt, cell.output) != (2, 128, 64))
        .collect();
    cells::recording(folder.path(), "energy.db", &others);
    let more = ["--input", "128", "--output", "64", "--batch", "2"];
    let value = json(folder.path(), &words(&more));
    let schema = energy_analyzer::schema("predict").unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(&value)
        .map(|one| one.to_string())
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
    let truth = cells::law_j(128.0, 64.0, 2.0);
    assert!(
        number(&value["lo_j"]) < truth && truth < number(&value["hi_j"]),
        "{value}"
    );
    assert!(
        (number(&value["energy_j"]) / truth - 1.0).abs() < 0.05,
        "{value}"
    );
    let per_token = number(&value["energy_j"]) / (2.0 * 192.0);
    assert!((number(&value["j_per_token"]) - per_token).abs() < 1e-12);
    // Leave-one-out over the other configurations.
    assert_eq!(value["configurations"].as_array().unwrap().len(), 17);
    let is_covered = |cell: &&Value| cell["is_covered"] == true;
    let covered = value["configurations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(is_covered)
        .count();
    assert_eq!(value["covered"], covered);
    assert!(covered >= 14, "{value}");
    let shown = text(&energy(folder.path(), &words(&more)));
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
    golden::check("predict/workloads.txt", &shown);
}

#[test]
fn runs_with_several_prompts_count_as_several_workloads() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = cells::workloads("box");
    let repeats = all.len() / 2;
    for cell in all[repeats..].iter_mut().filter(|cell| cell.batch == 1) {
        // Two prompts, one after the other.
        cell.config = serde_json::json!({ "prompts": 2, "max_tokens": cell.output });
        (cell.prompt, cell.output) = (2 * cell.prompt, 2 * cell.output);
        (cell.prefill_j, cell.decode_j) = (2.0 * cell.prefill_j, 2.0 * cell.decode_j);
    }
    cells::recording(folder.path(), "energy.db", &all);
    let value = json(folder.path(), &words(&["--input", "128", "--output", "64"]));
    let truth = cells::law_j(128.0, 64.0, 1.0);
    assert!(
        (number(&value["energy_j"]) / truth - 1.0).abs() < 0.05,
        "{value}"
    );
}

#[test]
fn what_runs_do_not_determine_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    cells::recording(folder.path(), "energy.db", &cells::workloads("box"));
    let refuse = |more: &[&str]| refused(folder.path(), &words(more), 2);
    let far = refuse(&["--input", "1025", "--output", "64"]);
    assert!(
        far.contains("beyond twice the measured range (32 to 512)"),
        "{far}"
    );
    assert!(
        far.contains("energy sweep --model small --prompt-tokens"),
        "{far}"
    );
    let near = json(
        folder.path(),
        &words(&["--input", "1000", "--output", "64"]),
    );
    assert_eq!(near["is_within_range"], false);
    let other = refuse(&["--input", "64", "--output", "64", "--precision", "q4_0"]);
    assert!(
        other.contains("no run of this model has that precision"),
        "{other}"
    );
    let model = [
        "predict",
        "--machine",
        "box",
        "--model",
        "large",
        "--input",
        "64",
        "--output",
        "9",
    ];
    let message = refused(folder.path(), &model, 2);
    assert!(
        message.contains("measured are small") && message.contains("--parameters"),
        "{message}"
    );
    let here = [
        "predict", "--model", "small", "--input", "64", "--output", "64",
    ];
    let message = refused(folder.path(), &here, 2);
    assert!(
        message.contains("no run of this machine") && message.contains("box"),
        "{message}"
    );
    let machine = [
        "predict",
        "--model",
        "small",
        "--machine",
        "x",
        "--input",
        "64",
        "--output",
        "64",
    ];
    let message = refused(folder.path(), &machine, 2);
    assert!(
        message.contains("machine `x` is unknown") && message.contains("box"),
        "{message}"
    );
}

#[test]
fn too_few_configurations_are_refused_or_have_no_interval() {
    let folder = tempfile::tempdir().unwrap();
    let all = cells::workloads("box");
    cells::recording(folder.path(), "energy.db", &all[..1]);
    let more = ["--input", "32", "--output", "16"];
    let message = refused(folder.path(), &words(&more), 2);
    assert!(
        message.contains("configurations") && message.contains("energy sweep"),
        "{message}"
    );
    cells::recording(folder.path(), "few.db", &all[..8]);
    let few = [&["--db", "few.db"], &words(&more)[..]].concat();
    let value = json(folder.path(), &few);
    assert!(
        value["lo_j"].is_null() && value["hi_j"].is_null(),
        "{value}"
    );
    assert_eq!(value["no_interval"]["reason"], "too_few");
    let shown = text(&energy(folder.path(), &few));
    assert!(shown.contains("No interval: only 8 of"), "{shown}");
    assert!(shown.contains("Nothing was checked"), "{shown}");
}

#[test]
fn a_model_of_another_size_is_predicted_from_measured_ones() {
    let folder = tempfile::tempdir().unwrap();
    let models: Vec<Cell> = cells::experiments()
        .into_iter()
        .filter(|cell| cell.experiment == "models")
        .flat_map(|cell| {
            [(64, 32), (128, 32), (64, 64), (128, 64)].map(|(prompt, output)| {
                let factor = (prompt + output) as f64 / 96.0;
                Cell {
                    prompt,
                    output,
                    prefill_j: cell.prefill_j * factor,
                    decode_j: cell.decode_j * factor,
                    ..cell.clone()
                }
            })
        })
        .collect();
    cells::recording(folder.path(), "energy.db", &models);
    let words = [
        "predict",
        "--machine",
        "box",
        "--model",
        "next",
        "--parameters",
        "60M",
        "--input",
        "100",
        "--output",
        "40",
    ];
    let value = json(folder.path(), &words);
    let truth = 0.05 * 6f64.powf(cells::EXPONENT) * 140.0;
    assert!(
        number(&value["lo_j"]) < truth && truth < number(&value["hi_j"]),
        "{truth}: {value}"
    );
    assert_eq!(value["is_measured_model"], false);
    let far = [&words[..6], &["2B"], &words[7..]].concat();
    let message = refused(folder.path(), &far, 2);
    assert!(
        message.contains("parameters 2000000000 is beyond twice"),
        "{message}"
    );
}

/// Six models in one number format, and four in another.
#[test]
fn the_group_of_models_and_what_was_left_out_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let models: Vec<Cell> = cells::experiments()
        .into_iter()
        .filter(|cell| cell.experiment == "models")
        .flat_map(|cell| {
            [(64, 32), (128, 32), (64, 64), (128, 64)].map(|(prompt, output)| {
                let factor = (prompt + output) as f64 / 96.0;
                Cell {
                    prompt,
                    output,
                    prefill_j: cell.prefill_j * factor,
                    decode_j: cell.decode_j * factor,
                    ..cell.clone()
                }
            })
        })
        .collect();
    let fewer = models
        .iter()
        .filter(|cell| !["model-10M", "model-20M"].contains(&cell.model.as_str()))
        .map(|cell| Cell {
            precision: "f32",
            ..cell.clone()
        });
    let all: Vec<Cell> = models.iter().cloned().chain(fewer).collect();
    cells::recording(folder.path(), "energy.db", &all);
    let words = [
        "predict",
        "--machine=box",
        "--model=next",
        "--parameters=60M",
        "--input=100",
        "--output=40",
    ];
    let value = json(folder.path(), &words);
    let group = &value["group"];
    assert_eq!(group["architectures"], serde_json::json!(["llama"]));
    assert_eq!(group["precision"], "q8_0");
    assert_eq!(group["engine"], "candle");
    let size = |models: u64| {
        // Four workloads, each run twice.
        serde_json::json!({ "models": models, "configurations": 4 * models, "runs": 8 * models })
    };
    assert_eq!(group["used"], size(6));
    assert_eq!(group["left_out"], size(4));
    assert_eq!(group["other_groups"], serde_json::json!(["f32"]));
    let shown = text(&energy(folder.path(), &words));
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "Group: architecture llama, precision q8_0, engine candle, device cpu: 48 runs of 24 \
         configurations of 6 models.",
        "32 runs of 16 configurations of 4 models (f32).",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let chosen = [&words[..], &["--precision=f32"]].concat();
    let value = json(folder.path(), &chosen);
    assert_eq!(value["group"]["precision"], "f32");
    assert_eq!(value["group"]["used"], size(4));
    assert_eq!(value["group"]["left_out"], size(6));
}
