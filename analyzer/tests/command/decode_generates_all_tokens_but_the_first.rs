//! Prefill generates the first token of a sequence: N tokens need N - 1 passes of decode.

use std::path::Path;

use crate::fixture;
use crate::fixture::command::{energy, errors, json, text};
use crate::fixture::rows::{callsite, node, span, span_energy};
use energy_data::rows::{Role, SpanRow};
use serde_json::Value;
use tracing_energy::Batch;

/// Changes the fixture's run to `tokens` generated in `prompts` prompts. Its decode takes
/// 2 s and 10 J.
fn generated(batch: &mut Batch, tokens: i64, prompts: u64) {
    batch.run.as_mut().unwrap().metadata.output_tokens = Some(tokens);
    let phases = batch.attribution.node_energy.iter_mut();
    for row in phases.filter(|row| [2, 3].contains(&row.node)) {
        row.instances = prompts;
    }
}

fn recording(folder: &Path, tokens: i64, prompts: u64) {
    fixture::changed(folder, "measured", |batch| {
        generated(batch, tokens, prompts);
    });
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
    fixture::changed(folder.path(), "measured", |batch| {
        generated(batch, 6, 1);
        batch
            .callsites
            .push(callsite(5, "token", Some(Role::Token)));
        batch.nodes.push(node(5, Some(3), 5, "token", 2));
        for (seq, joules) in (1..).zip([0.01, 1.0, 1.1, 0.9, 1.05, 0.95]) {
            let token = seq as i64 - 1;
            batch.spans.push(SpanRow {
                token: Some(token),
                ..span(seq, 5, token * 1000, (token + 1) * 1000)
            });
            let energies = &mut batch.attribution.span_energy;
            energies.push(span_energy(seq, 1, 1000, Some(joules)));
        }
    });
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
