//! The nested document, the cells and the operations of a token hold the energies that follow
//! from times and constant power.

use serde_json::Value;

use super::nested::{self, LAYERS, Nested, TOKENS, WATTS};
use super::served::Served;

/// Asserts that a number is near another one.
fn near(found: &Value, expected: f64) {
    let number = found.as_f64().unwrap_or_else(|| panic!("{found}"));
    let difference = (number - expected).abs();
    assert!(
        difference <= 1e-6 * expected.abs().max(1e-3),
        "{found}, not {expected}"
    );
}

/// Joules of milliseconds.
fn joules(ms: f64) -> f64 {
    WATTS * ms / 1e3
}

#[test]
fn a_document_nests_tokens_layers_components_and_operations() {
    let folder = tempfile::tempdir().unwrap();
    let (db, uuid) = nested::add(folder.path(), &Nested::default());
    let server = Served::start(&db, &[]);
    let run = server.json("/api/profiling/run/nested");
    assert_eq!(run["run"]["run_id"], *uuid);
    assert_eq!(run["run"]["prompt"], "why?");
    assert_eq!(run["run"]["profiling_depth"], "deep");
    assert_eq!(
        run["power_samples"].as_array().unwrap().len() as i64,
        TOKENS + 2
    );
    near(&run["power_samples"][0]["power_mw"], WATTS * 1e3);
    let tokens = run["tokens"].as_array().unwrap();
    assert_eq!(tokens.len() as i64, TOKENS);
    for (at, token) in tokens.iter().enumerate() {
        assert_eq!(token["token_index"], at);
        assert_eq!(token["token_text"], " blue");
        near(&token["energy_mj"], joules(90.0) * 1e3);
        let layers = token["layers"].as_array().unwrap();
        let named: Vec<_> = layers
            .iter()
            .filter(|layer| !layer["layer_index"].is_null())
            .collect();
        assert_eq!(named.len() as i64, LAYERS);
        for layer in named {
            near(&layer["energy_j"], joules(24.0));
            let components = layer["components"].as_array().unwrap();
            let attention = &components
                .iter()
                .find(|one| one["component_name"] == "attention");
            let attention = attention.unwrap();
            near(&attention["duration_ms"], 10.0);
            let mean = at as f64 + layer["layer_index"].as_f64().unwrap() / 10.0;
            near(&attention["activation_mean"], mean);
            assert!(attention["attention_entropy"].is_null());
            let operations = attention["deep_operations"].as_array().unwrap();
            let softmax = operations
                .iter()
                .find(|one| one["operation_name"] == "softmax");
            near(&softmax.unwrap()["energy_j"], joules(4.0));
        }
    }
    let part = server.json("/api/profiling/run/nested?tokens=2..4&depth=layers");
    assert_eq!(part["tokens"].as_array().unwrap().len(), 2);
    assert_eq!(part["tokens"][0]["token_index"], 2);
    assert!(part["tokens"][0]["layers"][0]["components"].is_null());
    assert_eq!(part["tokens_total"], TOKENS);
}

#[test]
fn operations_of_a_token_sum_to_the_spans_of_the_token() {
    let (_folder, server) = nested::serve(&Nested::default());
    let all = server.json("/api/profiling/run/last/token/3/operations");
    near(&all["energy_j"], joules(90.0));
    let shares: f64 = all["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["share"].as_f64().unwrap())
        .sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
    let part =
        server.json("/api/profiling/run/last/token/3/operations?layer=layer%201&component=mlp");
    let names: Vec<_> = part["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["operation"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    near(&part["energy_j"], joules(12.0));
    let missing = server.get("/api/profiling/run/last/token/6/operations");
    assert!(missing.problem(404).contains("token 6"));
}

/// Reads the header and the numbers of cells.
fn cells(server: &Served, query: &str) -> (Value, Vec<f32>) {
    let answered = server.get(&format!("/api/profiling/run/last/cells{query}"));
    assert_eq!(answered.status, 200, "{}", answered.text());
    assert_eq!(
        answered.header("content-type"),
        Some("application/octet-stream")
    );
    let end = answered
        .body
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    assert_eq!(end % 4, 0);
    let header = serde_json::from_slice(&answered.body[..end]).unwrap();
    let numbers = answered.body[end..].chunks_exact(4);
    let numbers = numbers.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    (header, numbers.collect())
}

#[test]
fn cells_hold_each_metric_by_token_layer_and_component() {
    let (_folder, server) = nested::serve(&Nested::default());
    let (header, energies) = cells(&server, "?from=1&to=3");
    assert_eq!(header["tokens"], serde_json::json!([1, 2]));
    assert_eq!(header["unit"], "J");
    let names = |key: &str| -> Vec<String> { serde_json::from_value(header[key].clone()).unwrap() };
    let (layers, components) = (names("layers"), names("components"));
    assert_eq!(layers, ["layer 0", "layer 1", "(remainder)"]);
    assert_eq!(components, ["attention", "mlp", "(remainder)"]);
    assert_eq!(energies.len(), 2 * 3 * 3);
    let at = |token: usize, layer: usize, component: usize| (token * 3 + layer) * 3 + component;
    for token in 0..2 {
        for layer in 0..2 {
            assert!((energies[at(token, layer, 0)] - 0.1).abs() < 1e-5);
            assert!((energies[at(token, layer, 1)] - 0.12).abs() < 1e-5);
        }
        assert!(
            energies[at(token, 2, 0)].is_nan(),
            "there is no attention outside of layers"
        );
    }
    let total: f32 = energies.iter().filter(|cell| !cell.is_nan()).sum();
    assert!((total - 1.8).abs() < 1e-4, "{total}");
    let (_, times) = cells(&server, "?metric=time&from=0&to=1");
    assert!((times[at(0, 0, 0)] - 10.0).abs() < 1e-4);
    let (_, powers) = cells(&server, "?metric=power");
    assert!((powers[at(5, 1, 1)] - WATTS as f32).abs() < 1e-3);
    let (_, means) = cells(&server, "?metric=mean");
    assert!((means[at(4, 1, 0)] - 4.1).abs() < 1e-5);
    assert!(means[at(4, 1, 1)].is_nan(), "the MLP has no statistics");
    let (_, entropies) = cells(&server, "?metric=entropy");
    assert!(entropies.iter().all(|cell| cell.is_nan()));
    let (header, none) = cells(&server, "?from=100&to=200");
    assert!(none.is_empty() && header["tokens_total"] == TOKENS);
    let refused = server.get("/api/profiling/run/last/cells?from=0&to=5000");
    refused.problem(422);
}

#[test]
fn summaries_contain_statistics_of_activations() {
    let (_folder, server) = nested::serve(&Nested::default());
    let summary = server.json("/api/profiling/run/last/summary");
    let components = summary["component_averages"].as_array().unwrap();
    let of = |name: &str| {
        components
            .iter()
            .find(|one| one["component_name"] == name)
            .unwrap()
    };
    // The mean of 0 .. 5 and of 0.1 .. 5.1.
    near(&of("attention")["avg_activation_mean"], 2.55);
    near(&of("attention")["avg_activation_std"], 5.1);
    near(&of("attention")["avg_activation_sparsity"], 0.25);
    assert!(of("mlp")["avg_activation_max"].is_null());
    assert_eq!(of("mlp")["occurrence_count"], TOKENS * LAYERS);
    near(&of("mlp")["avg_energy_mj"], joules(12.0) * 1e3);
    near(&summary["avg_power_mw"], WATTS * 1e3);
}

#[test]
fn timelines_cover_the_requested_part() {
    let (_folder, server) = nested::serve(&Nested::default());
    let whole = server.json("/api/profiling/run/last/timeline");
    let energy = |timeline: &Value| -> f64 {
        timeline["rails"][0]["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["j"].as_f64().unwrap())
            .sum()
    };
    assert!((energy(&whole) - joules(800.0)).abs() < 1e-6);
    assert_eq!(whole["tokens"].as_array().unwrap().len() as i64, TOKENS);
    near(&whole["peaks"][0]["power_w"], WATTS);
    let part =
        server.json("/api/profiling/run/last/timeline?from_ns=200000000&to_ns=400000000&steps=10");
    assert!((energy(&part) - joules(200.0)).abs() < 1e-6, "{part}");
    assert_eq!(part["tokens"].as_array().unwrap().len(), 2);
    assert_eq!(part["bands"][0]["phase"], "decode");
    server
        .get("/api/profiling/run/last/timeline?from_ns=5&to_ns=5")
        .problem(422);
}

/// ```text
/// decode   |50 ms ------------------------------- 750 ms|
/// lm_head          |180 - 185|  ...  |680 - 685|
/// ```
#[test]
fn phases_and_sections_have_their_first_start_and_last_end() {
    const MS: i64 = 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let (db, _) = nested::add(folder.path(), &Nested::default());
    let server = Served::start(&db, &[]);
    let pipeline = server.json("/api/profiling/run/nested/pipeline");
    let times = |row: &Value| (row["start_ns"].as_i64(), row["end_ns"].as_i64());
    let phases = pipeline["phases"].as_array().unwrap();
    let decode = phases.iter().find(|one| one["phase"] == "decode").unwrap();
    assert_eq!(times(decode), (Some(50 * MS), Some(750 * MS)));
    let sections = decode["sections"].as_array().unwrap();
    let section = |name: &str| sections.iter().find(|one| one["section_name"] == name);
    let head = section("lm_head").unwrap();
    let last = 100 * TOKENS + 85;
    assert_eq!(times(head), (Some(180 * MS), Some(last * MS)));
    assert_eq!(times(section("(own)").unwrap()), (None, None));
    let remainder = phases.iter().find(|one| one["phase"] == "(remainder)");
    assert_eq!(times(remainder.unwrap()), (None, None));
    // A sum over the call paths of a phase has no interval.
    assert!(decode["lo_j"].is_null() && decode["hi_j"].is_null());
    let ends = (head["lo_j"].as_f64(), head["hi_j"].as_f64());
    if let (Some(lo_j), Some(hi_j)) = ends {
        let energy_j = head["energy_j"].as_f64().unwrap();
        assert!(lo_j <= energy_j && energy_j <= hi_j, "{head}");
    }
}
