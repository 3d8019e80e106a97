//! Mixtures of experts: spans and metrics of the choices, the size of the model, and
//! damaged files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use candle_core::{DType, Device, Tensor};
use energy_models::{Depth, Error, LoadOptions, Model, Requantize, Statistics};
use serde_json::json;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::family::{self, Family};
use crate::observed::observed;

const FAMILIES: [&str; 4] = ["mixtral", "qwen2moe", "qwen3moe", "olmoe"];

fn load(family: &Family, depth: Depth) -> Result<Model, Error> {
    let folder = tempfile::tempdir().unwrap();
    family::folder::write(family, folder.path(), DType::F32, 1);
    load_from(folder.path(), depth)
}

fn load_from(path: &Path, depth: Depth) -> Result<Model, Error> {
    let options = LoadOptions {
        requantize: Requantize::None,
        depth,
        ..Default::default()
    };
    Model::load(path, &options)
}

/// Numbers of the `expert` spans and of the routers' metrics.
#[derive(Clone, Default)]
struct Choices(Arc<Mutex<Vec<HashMap<&'static str, f64>>>>);

struct Numbers<'n>(&'n mut HashMap<&'static str, f64>);

impl Visit for Numbers<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), value as f64);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name(), value);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl<S: Subscriber> Layer<S> for Choices {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        if attributes.metadata().name() == "expert" {
            let mut numbers = HashMap::new();
            attributes.record(&mut Numbers(&mut numbers));
            self.0.lock().unwrap().push(numbers);
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut numbers = HashMap::new();
        event.record(&mut Numbers(&mut numbers));
        if numbers.contains_key("expert_tokens") || numbers.contains_key("load_imbalance") {
            self.0.lock().unwrap().push(numbers);
        }
    }
}

impl Choices {
    fn sum(&self, name: &str) -> f64 {
        let all = self.0.lock().unwrap();
        all.iter().filter_map(|numbers| numbers.get(name)).sum()
    }
}

/// Spans of experts hold `tokens * k * layers` tokens, and the metrics count the same.
#[test]
fn spans_of_experts_hold_the_tokens_that_chose_them() {
    for name in FAMILIES {
        for depth in [Depth::Module, Depth::Deep] {
            let mut model = load(&family::find(name), depth).unwrap();
            model.set_statistics(Some(Statistics::default()));
            let choices = Choices::default();
            let subscriber = tracing_subscriber::registry()
                .with(LevelFilter::TRACE)
                .with(choices.clone());
            observed(subscriber, || {
                let prompt: Vec<u32> = (20..40).collect();
                model.forward(&prompt).unwrap();
                model.forward(&[70]).unwrap();
            });
            let experts = model.info().experts.unwrap();
            let expected = (21 * experts.active * experts.layers) as f64;
            assert_eq!(choices.sum("tokens"), expected, "{name} {depth}");
            assert_eq!(choices.sum("expert_tokens"), expected, "{name} {depth}");
            // Two passes; the last uses `active` of `count` experts once.
            let uneven = experts.count as f64 / experts.active as f64;
            let least = (experts.layers as f64) * (1.0 + uneven);
            assert!(
                choices.sum("load_imbalance") >= least - 1e-9,
                "{name} {depth}"
            );
        }
    }
}

#[test]
fn a_token_uses_the_parameters_of_its_experts() {
    for name in FAMILIES {
        let family = family::find(name);
        let info = load(&family, Depth::Module).unwrap().info().clone();
        let all: usize = family.tensors().values().map(Tensor::elem_count).sum();
        let of_experts = family.tensors();
        let of_experts = of_experts
            .iter()
            .filter(|(name, _)| name.contains("mlp.experts."));
        let of_experts: usize = of_experts.map(|(_, tensor)| tensor.elem_count()).sum();
        let experts = info.experts.unwrap();
        assert_eq!(info.parameters, all as u64, "{name}");
        assert_eq!(info.parts.experts, of_experts as u64, "{name}");
        let unused = of_experts * (experts.count - experts.active) / experts.count;
        assert_eq!(info.active_parameters, (all - unused) as u64, "{name}");
    }
    let dense = load(&family::find("qwen3"), Depth::Module).unwrap();
    assert_eq!(dense.info().experts, None);
    assert_eq!(dense.info().active_parameters, dense.info().parameters);
}

/// Returns the error of loading a folder with a changed setting.
fn error_of(name: &str, key: &str, value: serde_json::Value) -> String {
    let mut family = family::find(name);
    let folder = tempfile::tempdir().unwrap();
    family::folder::write(&family, folder.path(), DType::F32, 1);
    family.config[key] = value;
    std::fs::write(folder.path().join("config.json"), family.config.to_string()).unwrap();
    load_from(folder.path(), Depth::Module)
        .unwrap_err()
        .to_string()
}

#[test]
fn settings_that_do_not_fit_the_experts_are_refused() {
    for (key, value, expected) in [
        (
            "num_experts_per_tok",
            json!(0),
            "`num_experts_per_tok`: is not a positive number",
        ),
        (
            "num_experts_per_tok",
            json!(9),
            "`num_experts_per_tok`: does not fit",
        ),
        ("num_experts", json!(0), "`num_experts`: "),
        (
            "num_experts",
            json!(4_294_967_295_u32),
            "`num_experts_per_tok`: does not fit",
        ),
        ("num_experts", json!(7), "has the shape"),
        ("num_experts", json!(9), "has the shape"),
        ("moe_intermediate_size", json!(31), "has the shape"),
        ("mlp_only_layers", json!([0]), "is missing"),
        ("mlp_only_layers", json!("none"), "`mlp_only_layers`"),
        ("norm_topk_prob", json!("yes"), "`norm_topk_prob`"),
    ] {
        let text = error_of("qwen3moe", key, value.clone());
        assert!(text.contains(expected), "{key} {value}: {text}");
    }
    let text = error_of("llama2", "num_local_experts", json!(8));
    assert!(text.contains("`num_local_experts`"), "{text}");
}

/// Writes a folder with changed tensors.
fn changed(name: &str, change: impl FnOnce(&mut HashMap<String, Tensor>)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    family::folder::write(&family::find(name), folder.path(), DType::F32, 1);
    let path = folder.path().join("model.safetensors");
    let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    change(&mut tensors);
    candle_core::safetensors::save(&tensors, &path).unwrap();
    folder
}

#[test]
fn a_missing_expert_is_named() {
    for (name, tensor) in [
        ("qwen3moe", "model.layers.1.mlp.experts.5.down_proj.weight"),
        ("qwen3moe", "model.layers.0.mlp.experts.0.gate_proj.weight"),
        (
            "mixtral",
            "model.layers.0.block_sparse_moe.experts.3.w3.weight",
        ),
        ("qwen2moe", "model.layers.1.mlp.shared_expert_gate.weight"),
        ("olmoe", "model.layers.1.mlp.gate.weight"),
    ] {
        let folder = changed(name, |tensors| {
            tensors.remove(tensor).expect("a tensor of this name");
        });
        let text = load_from(folder.path(), Depth::Module)
            .unwrap_err()
            .to_string();
        let expected = format!("tensor `{tensor}`: is missing");
        assert!(text.contains(&expected), "{name}: {text}");
    }
}

#[test]
fn a_router_that_computes_no_numbers_is_named() {
    for depth in [Depth::Module, Depth::Deep] {
        let folder = changed("qwen3moe", |tensors| {
            let name = "model.layers.1.mlp.gate.weight";
            let nan = Tensor::full(f32::NAN, tensors[name].shape(), &Device::Cpu).unwrap();
            tensors.insert(name.to_owned(), nan);
        });
        let mut model = load_from(folder.path(), depth).unwrap();
        let error = model.forward(&[20, 21]).unwrap_err();
        assert!(matches!(error, Error::Router { layer: 1 }), "{error}");
    }
}
