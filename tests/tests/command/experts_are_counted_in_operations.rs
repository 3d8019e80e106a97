//! `energy run` of a mixture of experts: `energy ops` counts the choices, and the run has
//! the model's numbers of experts and of active parameters.

use std::path::Path;
use std::process::Output;

use energy_models::tiny::{self, TinyConfig};
use energy_tests::{StoredRun, energy};

const LAYERS: usize = 3;
const EXPERTS: usize = 6;
const ACTIVE: usize = 2;

fn command(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = energy(env!("CARGO_BIN_EXE_energy-command"));
    command.arg("--db").arg(folder.join("energy.db"));
    let output = command.args(arguments).output().expect("the command");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    output
}

#[test]
fn chosen_experts_are_tokens_times_experts_times_layers() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("mixture.gguf");
    let config = TinyConfig {
        layers: LAYERS,
        experts: EXPERTS,
        active_experts: ACTIVE,
        ..TinyConfig::default()
    };
    tiny::write_gguf(&model, &config).expect("a model");
    let model = model.to_str().expect("a path");
    let options = [
        "--raw",
        "--baseline",
        "0s",
        "--source",
        "modelled",
        // Long enough for samples, however late a busy machine takes them.
        "--interval",
        "20ms",
        "--max-tokens",
        "64",
    ];
    let run = ["run", "hello the tea", "--model", model];
    command(folder.path(), &[&run[..], &options].concat());

    let run = StoredRun::open(&folder.path().join("energy.db"), "last");
    let number = |column: &str| run.number(&format!("SELECT {column} FROM runs WHERE no = ?1"));
    let setting = |key: &str| number(&format!("json_extract(config, '$.{key}')"));
    assert_eq!(setting("num_experts"), EXPERTS as f64);
    assert_eq!(setting("num_experts_per_token"), ACTIVE as f64);
    assert_eq!(setting("expert_layers"), LAYERS as f64);
    let unused = setting("expert_parameters") * (EXPERTS - ACTIVE) as f64 / EXPERTS as f64;
    assert_eq!(setting("active_parameters"), setting("parameters") - unused);

    // The last token is sampled, but not processed.
    let tokens = number("input_tokens") + number("output_tokens") - 1.0;
    let expected = tokens * (ACTIVE * LAYERS) as f64;
    let answer = command(folder.path(), &["ops", "--format", "json"]);
    let answer: serde_json::Value = serde_json::from_slice(&answer.stdout).expect("JSON");
    let experts = answer["experts"].as_array().expect("experts");
    let chosen = experts.iter().filter_map(|one| one["tokens"].as_f64());
    assert_eq!(chosen.sum::<f64>(), expected);
    let summary = command(folder.path(), &["summary", "--format", "json"]);
    let summary: serde_json::Value = serde_json::from_slice(&summary.stdout).expect("JSON");
    let efficiency = &summary["efficiency"];
    assert_eq!(
        efficiency["active_parameters"].as_f64(),
        Some(setting("active_parameters"))
    );
    let joules = [
        "j_per_million_parameters",
        "j_per_million_active_parameters",
    ];
    let [all, active] = joules.map(|key| efficiency[key].as_f64().expect("joules"));
    assert!(0.0 < all && all < active, "{all} {active}");
    let table = command(folder.path(), &["ops", "--by", "path"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("> router"), "{table}");
    assert!(table.contains(" expert 1"), "{table}");
    assert!(
        table.contains(&format!("chosen {expected} times")),
        "{table}"
    );
}
