//! Prefill generates the first token of a sequence: N tokens need N - 1 passes of decode.

use std::path::Path;

use crate::fixture;
use crate::fixture::command::{energy, errors, text};
use serde_json::Value;

/// Writes the fixture's run with `tokens` generated in `prompts` prompts. Its decode takes
/// 2 s and 10 J.
fn recording(folder: &Path, tokens: i64, prompts: i64) {
    let path = fixture::recording(folder, "measured");
    let connection = rusqlite::Connection::open(path).unwrap();
    let tokens = format!("UPDATE runs SET output_tokens = {tokens}");
    let prompts = format!("UPDATE node_energy SET instances = {prompts} WHERE node IN (2, 3)");
    connection
        .execute_batch(&format!("{tokens}; {prompts}"))
        .unwrap();
}

fn json(folder: &Path, words: &[&str]) -> Value {
    let words: Vec<&str> = words.iter().copied().chain(["--format", "json"]).collect();
    serde_json::from_str(&text(&energy(folder, &words))).unwrap()
}

#[test]
fn speed_and_energy_count_the_passes_of_decode() {
    for (tokens, prompts, passes) in [(20, 1, 19.0), (2, 1, 1.0), (20, 4, 16.0)] {
        let folder = tempfile::tempdir().unwrap();
        recording(folder.path(), tokens, prompts);
        let totals = json(folder.path(), &["summary"])["totals"].clone();
        assert_eq!(totals["tokens_per_s"], passes / 2.0);
        assert_eq!(totals["j_per_output_token"], 10.0 / passes);
        assert_eq!(totals["j_per_token"], 16.0 / (10 + tokens) as f64);
        let run = json(folder.path(), &["runs"])["runs"][0].clone();
        assert_eq!(run["tokens_per_s"], passes / 2.0);
        assert_eq!(run["j_per_output_token"], 10.0 / passes);
    }
}

#[test]
fn one_token_has_no_speed() {
    for (tokens, prompts) in [(1, 1), (0, 1), (3, 3)] {
        let folder = tempfile::tempdir().unwrap();
        recording(folder.path(), tokens, prompts);
        let summary = json(folder.path(), &["summary"]);
        assert!(
            summary["totals"]["tokens_per_s"].is_null(),
            "{tokens} tokens"
        );
        assert!(summary["totals"]["j_per_output_token"].is_null());
        assert!(summary["efficiency"]["energy_delay_per_token_js"].is_null());
        assert!(summary["totals"]["j_per_token"].is_number());
        let drawn = energy(
            folder.path(),
            &["flamegraph", "--per", "output-token", "--folded", "-"],
        );
        assert!(
            errors(&drawn).contains("unknown or zero"),
            "{}",
            errors(&drawn)
        );
    }
}

#[test]
fn the_first_token_is_sampling_only_and_in_no_statistics() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), 6, 1);
    let path = folder.path().join("energy.db");
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(
            "INSERT INTO callsites VALUES (1, 5, 'token', 't', 'INFO', NULL, NULL, 'cpu', 'token');
             INSERT INTO nodes (run, id, parent, callsite, label, depth, phase, token)
             VALUES (1, 5, 3, 5, 'token', 2, 3, 5);",
        )
        .unwrap();
    for (token, joules) in [0.01, 1.0, 1.1, 0.9, 1.05, 0.95].into_iter().enumerate() {
        let span = (1_i64 << 40) + 1 + token as i64;
        let (start, end) = (token as i64 * 1000, (token as i64 + 1) * 1000);
        connection
            .execute(
                "INSERT INTO spans VALUES (?1, 5, NULL, NULL, 1, ?2, ?3, ?4)",
                (span, start, end, token as i64),
            )
            .unwrap();
        connection
            .execute(
                "INSERT INTO span_energy (span, attribution, rail, energy_j, basis)
                 VALUES (?1, 1, 1, ?2, 'measured')",
                (span, joules),
            )
            .unwrap();
    }
    let answer = json(folder.path(), &["tokens"]);
    let notes: Vec<&Value> = answer["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["note"])
        .collect();
    assert_eq!(notes[0], "sampling only");
    assert!(notes[1..].iter().all(|note| note.is_null()));
    assert_eq!(answer["statistics"]["count"], 5);
    assert_eq!(answer["statistics"]["min_j"], 0.9);
    assert!(answer["tokens"][0]["outlier"].is_null());
    for format in ["table", "csv", "markdown"] {
        let shown = text(&energy(folder.path(), &["tokens", "--format", format]));
        assert!(shown.contains("sampling only"), "{format}: {shown}");
    }
    let page = text(&energy(folder.path(), &["report", "-o", "-"]));
    assert!(page.contains("sampling only"));
}
