//! `energy run --batch`: answers at once are one run, with the tokens and joules of all
//! sequences; each sequence has its own.

use std::path::Path;

use energy_tests::{StoredRun, energy_run_of};

fn run(folder: &Path, prompts: &str, options: &[&str]) -> StoredRun {
    let mut command = energy_run_of(env!("CARGO_BIN_EXE_energy-command"), folder, prompts);
    let output = command
        .current_dir(folder)
        .args(["--db", "energy.db", "--source", "modelled"])
        .args(options)
        .output()
        .expect("the command");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    let run = StoredRun::open(&folder.join("energy.db"), "last");
    run.assert_closed();
    run.assert_balanced();
    run
}

/// The query of `docs/models.md`, as sums over all sequences.
const OF_ROWS: &str = "
    WITH rows AS (
        SELECT m.value AS tokens, sum(t.duration_ns) AS ns,
               sum(t.energy_j / json_extract(f.json, '$.batch')) AS j
        FROM span_metrics m
        JOIN spans i ON i.id = m.span
        JOIN v_tokens t ON t.run = m.run AND t.start_ns BETWEEN i.start_ns AND i.end_ns
                       AND CAST(t.token AS INTEGER) < m.value
        JOIN span_fields f ON f.span = t.span
        WHERE m.metric = 'row_output_tokens' AND m.run = ?1
        GROUP BY m.span_event)";

#[test]
fn lines_in_batches_are_one_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = [
        "--each-line",
        "--batch",
        "2",
        "--max-tokens",
        "6",
        "--stats",
    ];
    let run = run(folder.path(), "hello\nthe tea the tea\nhello the", &options);
    let labels = run.labels();
    // Two lines, and the last one alone.
    assert_eq!((labels["inference"], labels["prefill"]), (2, 2));
    let metadata = run.store().find_run("last").expect("the run").row.metadata;
    assert_eq!(metadata.batch, Some(2));
    let config = metadata.config.as_deref().expect("a configuration");
    let config: serde_json::Value = serde_json::from_str(config).expect("JSON");
    let rows = config["rows"].as_array().expect("rows");
    assert_eq!((rows.len(), &config["prompts"]), (3, &3.into()));
    let sum = |key: &str| rows.iter().filter_map(|row| row[key].as_u64()).sum::<u64>();
    // Four layers, keys and values, two heads of 64 channels, 256 positions at least.
    let of_row = 4 * 2 * 2 * 64 * 256 * 4;
    assert_eq!(sum("kv_cache_bytes"), 3 * of_row);
    assert_eq!(config["kv_cache_bytes"], 2 * of_row);
    let (share, limit) = (config["kv_share"].as_f64(), config["kv_limit"].as_f64());
    let positions = config["kv_positions"].as_f64().expect("positions");
    assert_eq!(share, limit.map(|limit| positions / limit));

    let model = energy_models::Model::load(folder.path().join("tiny.gguf"), &Default::default());
    let model = model.expect("a model");
    let tokens = |text: &str| model.tokenizer().encode(text).expect("tokens").len() as u64;
    // No padding: each row has its own number.
    assert_eq!(rows[0]["input_tokens"], tokens("hello"));
    assert_eq!(rows[1]["input_tokens"], tokens("the tea the tea"));
    assert_eq!(rows[2]["input_tokens"], tokens("hello the"));
    let read = sum("input_tokens");
    assert_eq!(metadata.input_tokens, i64::try_from(read).ok());
    let sampled = metadata.output_tokens.expect("tokens") as f64;
    let steps = run.number(
        "SELECT sum(coalesce(json_extract(f.json, '$.batch'), 1))
         FROM v_tokens t JOIN span_fields f ON f.span = t.span WHERE t.run = ?1",
    );
    assert_eq!(steps, sampled);
    // Joules of the rows are those of the steps of their batch.
    let of_rows = run.number(&format!("{OF_ROWS} SELECT sum(j) FROM rows"));
    let of_steps = run.number(
        "SELECT sum(t.energy_j) FROM v_tokens t JOIN span_fields f ON f.span = t.span
         WHERE t.run = ?1 AND json_extract(f.json, '$.batch') IS NOT NULL",
    );
    assert!(
        (of_rows / of_steps - 1.0).abs() < 1e-9,
        "{of_rows} {of_steps}"
    );
    let count = run.number(&format!("{OF_ROWS} SELECT count(*) FROM rows WHERE ns > 0"));
    assert_eq!(count, 3.0);
}

/// Fewer prompts than `--batch` are a smaller batch.
#[test]
fn the_batch_is_the_number_of_sequences() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = ["--each-line", "--batch", "8", "--max-tokens", "2"];
    let run = run(folder.path(), "hello\nthe tea", &options);
    let metadata = run.store().find_run("last").expect("the run").row.metadata;
    assert_eq!(metadata.batch, Some(2));
    let config = metadata.config.as_deref().expect("a configuration");
    let config: serde_json::Value = serde_json::from_str(config).expect("JSON");
    assert_eq!(
        (&config["batch"], &config["requested_batch"]),
        (&2.into(), &8.into())
    );
}

#[test]
fn a_prompt_is_repeated_with_other_seeds() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = [
        "--batch",
        "3",
        "--max-tokens",
        "9",
        "--temperature",
        "1.5",
        "--cache",
        "q8_0",
    ];
    let run = run(folder.path(), "hello", &options);
    assert_eq!(run.labels()["inference"], 1);
    let metadata = run.store().find_run("last").expect("the run").row.metadata;
    let response = metadata.response.expect("answers");
    let answers: Vec<&str> = response.split("\n\n").collect();
    assert!(
        answers.len() >= 3 && answers[0] != answers[1],
        "{response:?}"
    );
    let config = metadata.config.as_deref().expect("a configuration");
    let config: serde_json::Value = serde_json::from_str(config).expect("JSON");
    assert_eq!(
        (&config["batch"], &config["cache"]),
        (&3.into(), &"q8_0".into())
    );
    // 64 channels take 64 bytes and two factors of 2 bytes.
    assert_eq!(config["kv_cache_bytes"], 3 * 4 * 2 * 2 * (64 + 4) * 256);
}
