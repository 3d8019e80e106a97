//! `energy run --each-line`: every line is a prompt, in one run whose tokens and joules are
//! the sums over all prompts.

use energy_tests::{StoredRun, energy_run_of};

#[test]
fn several_prompts_are_one_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let prompts = "hello\n\n  \nthe tea\r\nhello the";
    let mut command = energy_run_of(env!("CARGO_BIN_EXE_energy-command"), folder.path(), prompts);
    command
        .current_dir(folder.path())
        .args([
            "--db",
            "energy.db",
            "--max-tokens",
            "6",
            "--source",
            "modelled",
        ])
        .args(["--each-line", "--repeat-penalty", "1.3", "--warmup", "1"]);
    let output = command.output().expect("the command");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");

    let run = StoredRun::open(&folder.path().join("energy.db"), "last");
    run.assert_closed();
    run.assert_balanced();
    let labels = run.labels();
    assert_eq!((labels["inference"], labels["prefill"]), (3, 3));
    // The model that is recorded is warmed up, within one span; its copies are made before.
    for name in ["model_loading", "model_packing", "warm_up"] {
        assert_eq!(labels.get(name), Some(&1), "{name}: {labels:?}");
    }
    let row = run.store().find_run("last").expect("the run").row;
    let model = energy_models::Model::load(folder.path().join("tiny.gguf"), &Default::default());
    let model = model.expect("a model");
    let tokens = |text: &str| model.tokenizer().encode(text).expect("tokens").len() as i64;
    let read = tokens("hello") + tokens("the tea") + tokens("hello the");
    assert_eq!(row.metadata.input_tokens, Some(read));
    let sampled = row.metadata.output_tokens.expect("tokens");
    assert_eq!(labels["token"] as i64, sampled);
    assert!((3..=18).contains(&sampled), "{sampled}");
    // Phases of all prompts add up to the run.
    let ratio = run.number(
        "SELECT (SELECT sum(energy_j) FROM v_phases WHERE run = ?1)
              / (SELECT energy_j FROM v_runs WHERE run = ?1)",
    );
    assert!(ratio > 0.0 && ratio <= 1.0 + 1e-9, "{ratio}");
    let config: serde_json::Value =
        serde_json::from_str(row.metadata.config.as_deref().expect("a configuration"))
            .expect("JSON");
    assert_eq!(config["prompts"], 3);
    assert_eq!(
        config["repeat_penalty"].as_f64().map(|x| x as f32),
        Some(1.3)
    );
    // Four layers, keys and values, two heads of 64 channels, 256 positions at least.
    assert_eq!(config["kv_cache_bytes"], 4 * 2 * 2 * 64 * 256 * 4);
}

#[test]
fn blank_lines_are_not_prompts() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = energy_run_of(env!("CARGO_BIN_EXE_energy-command"), folder.path(), " \n\n");
    let output = command
        .current_dir(folder.path())
        .arg("--each-line")
        .output();
    let output = output.expect("the command");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && message.contains("the prompt is empty"),
        "{message}"
    );
    assert!(!folder.path().join("energy.db").exists());
}
