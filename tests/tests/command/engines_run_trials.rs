//! `energy sweep` with the engines `http` and `command`.
#![cfg(unix)]

use std::path::Path;
use std::process::Output;

use energy_store::Store;
use energy_tests::{energy, free_port};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_fake-model-server");

fn sweep(folder: &Path, arguments: &[&str]) -> Output {
    energy(env!("CARGO_BIN_EXE_energy-command"))
        .current_dir(folder)
        .args([
            "sweep",
            "--db",
            "energy.db",
            "--source",
            "modelled",
            "--baseline",
            "0s",
        ])
        .args(arguments)
        .output()
        .expect("the command")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Facts of the runs of complete trials, in the order of their configurations.
fn runs(folder: &Path) -> Vec<(Option<i64>, Option<i64>, String, Value)> {
    let store = Store::open(folder.join("energy.db")).expect("a file");
    let sql = "SELECT r.input_tokens, r.output_tokens, r.engine, r.config, r.prompt, r.experiment
               FROM v_trials t JOIN runs r ON r.no = t.run
               WHERE t.status = 'complete' AND r.status = 'complete' ORDER BY t.no";
    let connection = store.connection();
    let mut statement = connection.prepare(sql).expect("a query");
    let rows = statement.query_map([], |r| {
        let config: String = r.get(3)?;
        let mut config: Value = serde_json::from_str(&config).expect("JSON");
        config["prompt"] = r.get::<_, Option<String>>(4)?.into();
        config["experiment"] = r.get::<_, Option<String>>(5)?.into();
        Ok((r.get(0)?, r.get(1)?, r.get(2)?, config))
    });
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

#[test]
fn each_trial_of_a_server_has_its_own_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let serve = format!("'{SERVER}' {port} stops={{count}} llama");
    let endpoint = format!("http://127.0.0.1:{port}");
    let engine = [
        "--engine",
        "http",
        "--serve",
        &serve,
        "--endpoint",
        &endpoint,
    ];
    let factors = ["--label", "count=2,3", "--max-tokens", "9", "--repeat", "2"];
    let output = sweep(
        folder.path(),
        &[&engine[..], &factors, &["--experiment", "served"]].concat(),
    );
    assert!(output.status.success(), "{}", errors(&output));
    let runs = runs(folder.path());
    assert_eq!(runs.len(), 4);
    for (at, (input, generated, engine, config)) in runs.iter().enumerate() {
        let count = 2 + at as i64 / 2;
        assert!(input.is_some_and(|input| input > 1));
        // Numbers and the end token.
        assert_eq!(*generated, Some(count + 1));
        assert_eq!(engine, "llama.cpp");
        assert_eq!(config["labels"]["count"], count.to_string());
        assert_eq!(config["experiment"], "served");
        assert!(config["prompt"].is_string());
    }
}

#[test]
fn trials_of_any_command_have_their_prompt_and_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = r#"echo "{\"usage\": {\"prompt_tokens\": $(wc -w < {prompt_file}), \"completion_tokens\": {max_tokens}}}""#;
    let engine = ["--engine", "command", "--command", command];
    let factors = ["--max-tokens", "4,8", "--prompt-file", "prompt.txt"];
    let arguments = [&engine[..], &factors, &["--tokens-json", "usage"]].concat();
    let output = sweep(folder.path(), &arguments);
    assert_eq!(
        output.status.code(),
        Some(2),
        "no prompt: {}",
        errors(&output)
    );
    std::fs::write(folder.path().join("prompt.txt"), "one two three\n").expect("written");
    let output = sweep(folder.path(), &arguments);
    assert!(output.status.success(), "{}", errors(&output));
    let runs = runs(folder.path());
    let counts: Vec<_> = runs
        .iter()
        .map(|run| (run.0, run.1, run.2.as_str()))
        .collect();
    assert_eq!(
        counts,
        [(Some(3), Some(4), "command"), (Some(3), Some(8), "command")]
    );
    for (run, tokens) in runs.iter().zip([4, 8]) {
        assert_eq!(run.3["max_tokens"], tokens);
        assert_eq!(run.3["prompt"], "one two three");
    }
}

#[test]
fn configurations_without_effect_are_refused_before_the_first_trial() {
    let folder = tempfile::tempdir().expect("a folder");
    let endpoint = ["--endpoint", "http://127.0.0.1:1"];
    for (arguments, error) in [
        (
            vec!["--engine", "http"],
            "give the command line of the server with --serve",
        ),
        (
            vec!["--engine", "http", "--serve", "x"],
            "give the address of the server with --endpoint",
        ),
        (
            vec!["--engine", "command"],
            "give the command line with --command",
        ),
        (
            vec!["--engine", "command", "--command", "x", "--threads", "1,2"],
            "has no {threads}",
        ),
        (
            vec!["--engine", "command", "--command", "x", "--batch", "2"],
            "omit --batch",
        ),
        (
            vec!["--engine", "steam"],
            "choose one of: candle, http, command",
        ),
        (
            vec!["--engine", "candle", "--endpoint", "http://127.0.0.1:1"],
            "has no server",
        ),
        (
            vec![
                "--engine",
                "http",
                "--serve",
                "x",
                "--endpoint",
                "http://192.0.2.1",
            ],
            "not an address of this machine",
        ),
        (
            [
                &[
                    "--engine",
                    "http",
                    "--serve",
                    "x {model}",
                    "--model",
                    "named",
                    "--prompt-tokens",
                    "9",
                ],
                &endpoint[..],
            ]
            .concat(),
            "needs the file of the model",
        ),
    ] {
        let output = sweep(folder.path(), &arguments);
        let errors = errors(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(error), "{arguments:?}: {errors}");
    }
}
