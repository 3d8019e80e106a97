//! Unmodified models of `candle-transformers` have layers and components, and the energies
//! of a pass are those of its parts.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use candle_core::quantized::gguf_file::Content;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::llama::{Cache, Config, Llama};
use candle_transformers::models::quantized_llama::ModelWeights;
use energy_models::tiny::{self, TinyConfig};
use energy_tests::{StoredRun, energy, modelled};
use tracing::info_span;
use tracing_energy::candle::{CandleLayers, ROLES};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

const LAYERS: usize = 3;
/// Passes over one token, behind that over the prompt.
const TOKENS: usize = 4;
const PASSES: usize = 1 + TOKENS;

fn file(folder: &Path, layers: usize) -> std::path::PathBuf {
    let path = folder.join(format!("{layers}.gguf"));
    let config = TinyConfig {
        layers,
        width: 256,
        hidden: 512,
        ..TinyConfig::default()
    };
    tiny::write_gguf(&path, &config).expect("a model");
    path
}

fn quantized(path: &Path) -> ModelWeights {
    let mut file = File::open(path).expect("a file");
    let content = Content::read(&mut file).expect("a model");
    ModelWeights::from_gguf(content, &mut file, &Device::Cpu).expect("loaded")
}

fn ids(tokens: &[u32]) -> Tensor {
    let ids = Tensor::new(tokens, &Device::Cpu).and_then(|ids| ids.unsqueeze(0));
    ids.expect("ids")
}

/// Records a model whose pass over ids at a position is `forward`.
fn recorded<M>(
    database: &Path,
    level: LevelFilter,
    load: impl FnOnce() -> M,
    forward: impl Fn(&mut M, &Tensor, usize),
) -> StoredRun {
    let builder = modelled(database).roles(ROLES).baseline(Duration::ZERO);
    let (layer, guard) = builder.build().expect("a recording");
    let subscriber = tracing_subscriber::registry()
        .with(CandleLayers::new())
        .with(layer.with_filter(level));
    tracing::subscriber::with_default(subscriber, || {
        let mut model = info_span!("model_loading").in_scope(load);
        let _inference = info_span!("inference").entered();
        info_span!("prefill").in_scope(|| forward(&mut model, &ids(&[5, 6, 7]), 0));
        let _decode = info_span!("decode").entered();
        for token in 1..=TOKENS {
            let _token = info_span!("token", token).entered();
            forward(&mut model, &ids(&[8]), 2 + token);
        }
    });
    guard.finish();
    let run = StoredRun::open(database, "last");
    run.assert_closed();
    run.assert_balanced();
    run
}

/// Checks that each layer is there once in each pass, with the number of spans inside.
fn assert_layers(run: &StoredRun, of_layer: &[(&str, usize)], outside: &[(&str, usize)]) {
    let labels = run.labels();
    let count = |label: &str| labels.get(label).copied().unwrap_or_default();
    for layer in 0..LAYERS {
        assert_eq!(count(&format!("layer {layer}")), PASSES, "{labels:?}");
    }
    assert_eq!(count(&format!("layer {LAYERS}")), 0, "{labels:?}");
    for (label, of_pass) in outside.iter().chain(of_layer) {
        let other = of_layer.iter().find(|(of_layer, _)| of_layer == label);
        let of_pass = other.map_or(*of_pass, |(_, inside)| {
            let outside = outside.iter().find(|(outside, _)| outside == label);
            inside * LAYERS + outside.map_or(0, |(_, outside)| *outside)
        });
        assert_eq!(count(label), of_pass * PASSES, "{label}: {labels:?}");
    }
    for layer in 0..LAYERS {
        for (label, of_layer) in of_layer {
            let sql = format!(
                "SELECT count(*) FROM spans s JOIN nodes n ON n.run = s.id >> 40 AND n.id = s.node
                 JOIN nodes l ON l.run = n.run AND l.id = n.layer
                 WHERE s.id >> 40 = ?1 AND n.label = '{label}' AND l.label = 'layer {layer}'"
            );
            assert_eq!(
                run.number(&sql),
                (of_layer * PASSES) as f64,
                "{label} of {layer}"
            );
        }
    }
}

/// Checks that the energy of the inference is that of its layers and of the rest, and that
/// the layers have a part of it.
fn assert_energies(run: &StoredRun) {
    let below = "WITH RECURSIVE below (id) AS (
            SELECT id FROM nodes WHERE run = ?1 AND label = 'inference'
            UNION ALL
            SELECT n.id FROM nodes n JOIN below b ON n.parent = b.id WHERE n.run = ?1)
         SELECT total(v.self_j) FROM v_node_rails v JOIN below ON below.id = v.node
         WHERE v.run = ?1";
    let whole = run.number(below);
    let of_layers =
        run.number("SELECT total(spans_j) FROM v_layers WHERE run = ?1 AND layer <> '(remainder)'");
    let outside = run.number(&format!("{below} AND v.layer IS NULL"));
    assert!(
        of_layers > 0.0 && of_layers < whole,
        "{of_layers} of {whole}"
    );
    let difference = (of_layers + outside - whole).abs();
    assert!(
        difference <= 1e-9 * whole,
        "{of_layers} + {outside} J, not {whole} J"
    );
}

#[test]
fn a_quantised_model_has_layers_and_components() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("energy.db");
    let models = [file(folder.path(), 2), file(folder.path(), LAYERS)];
    let load = || {
        // Another model does not change the numbers of the layers.
        let _other = quantized(&models[0]);
        quantized(&models[1])
    };
    let forward = |model: &mut ModelWeights, ids: &Tensor, position: usize| {
        model.forward(ids, position).expect("logits");
    };
    let run = recorded(&database, LevelFilter::TRACE, load, forward);
    let of_layer = [
        ("attn", 1),
        ("attn-mlp", 1),
        ("rms-norm", 2),
        ("attn-rot", 2),
        ("qmatmul", 7),
    ];
    let outside = [("model", 1), ("output", 1), ("rms-norm", 1), ("qmatmul", 1)];
    assert_layers(&run, &of_layer, &outside);
    assert_energies(&run);

    for (view, words) in [
        ("layers", ["layer 0", "layer 2"]),
        ("ops", ["attn-rot", "qmatmul"]),
        ("ops", ["attn", "attn-mlp"]),
    ] {
        let mut command = energy(env!("CARGO_BIN_EXE_energy-command"));
        command.arg("--db").arg(&database).arg(view);
        let output = command.output().expect("the command");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{view}: {text}");
        for word in words {
            assert!(text.contains(word), "{view}: {word} is not in\n{text}");
        }
    }
}

#[test]
fn a_model_with_spans_of_layers_gets_their_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config {
        hidden_size: 64,
        intermediate_size: 128,
        vocab_size: 32,
        num_hidden_layers: LAYERS,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        tie_word_embeddings: true,
        max_position_embeddings: 64,
        ..Config::config_7b_v1(false)
    };
    let load = || {
        let weights = VarBuilder::zeros(DType::F32, &Device::Cpu);
        let model = Llama::load(weights, &config).expect("loaded");
        let cache = Cache::new(true, DType::F32, &config, &Device::Cpu).expect("a cache");
        (model, cache)
    };
    let forward = |(model, cache): &mut (Llama, Cache), ids: &Tensor, position: usize| {
        model.forward(ids, position, cache).expect("logits");
    };
    let database = folder.path().join("energy.db");
    let run = recorded(&database, LevelFilter::TRACE, load, forward);
    let of_layer = [
        ("block", 1),
        ("attn", 1),
        ("mlp", 1),
        ("rms-norm", 2),
        ("linear", 7),
    ];
    let outside = [("rms-norm", 1), ("linear", 1)];
    assert_layers(&run, &of_layer, &outside);
    assert_energies(&run);
}

#[test]
fn a_coarse_recording_has_layers_without_their_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), LAYERS);
    let forward = |model: &mut ModelWeights, ids: &Tensor, position: usize| {
        model.forward(ids, position).expect("logits");
    };
    let database = folder.path().join("energy.db");
    let load = || quantized(&path);
    let run = recorded(&database, LevelFilter::DEBUG, load, forward);
    assert_layers(&run, &[], &[]);
    assert_energies(&run);
    assert!(!run.labels().contains_key("attn"));
}
