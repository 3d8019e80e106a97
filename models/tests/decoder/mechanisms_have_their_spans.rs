//! At depth deep, each mechanism of a family has its span, and families without it have
//! none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use candle_core::DType;
use energy_models::{Depth, LoadOptions, Model, Requantize, instrument};
use tracing::Subscriber;
use tracing::span::{Attributes, Id};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::family;
use crate::observed::observed;

/// Number of spans of each name.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl<S: Subscriber> Layer<S> for Names {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let name = attributes.metadata().name();
        *self.0.lock().unwrap().entry(name).or_default() += 1;
    }
}

/// Spans of a prompt of 20 tokens.
fn spans(name: &str) -> BTreeMap<&'static str, usize> {
    let folder = tempfile::tempdir().unwrap();
    family::folder::write(&family::find(name), folder.path(), DType::F32, 1);
    let options = LoadOptions {
        requantize: Requantize::None,
        depth: Depth::Deep,
        ..Default::default()
    };
    let mut model = Model::load(folder.path(), &options).unwrap();
    let names = Names::default();
    let subscriber = tracing_subscriber::registry()
        .with(LevelFilter::TRACE)
        .with(names.clone());
    let prompt: Vec<u32> = (20..40).collect();
    observed(subscriber, || model.forward(&prompt).unwrap());
    std::mem::take(&mut *names.0.lock().unwrap())
}

/// Each mechanism with a family that has it, and the number of its spans in a pass.
const MECHANISMS: &[(&str, &str, usize)] = &[
    ("gemma2", "soft_cap", 3),
    ("gemma2", "logit_soft_cap", 1),
    ("granite", "residual_scale", 4),
    ("granite", "logit_scale", 1),
    ("ministral3", "temperature", 2),
    ("mixtral", "router", 2),
    ("mixtral", "router_proj", 2),
    ("mixtral", "top_k", 2),
    ("mixtral", "combine", 2),
    ("qwen2moe", "shared_expert", 2),
    ("qwen2moe", "shared_gate", 2),
];

#[test]
fn each_mechanism_has_its_span() {
    let plain = spans("llama2");
    for &(name, span, count) in MECHANISMS {
        let found = spans(name);
        assert_eq!(found.get(span), Some(&count), "{name} {span}");
        assert_eq!(plain.get(span), None, "{span}");
        for name in found.keys() {
            assert!(instrument::role(name).is_some(), "{name} has no role");
        }
    }
    let mixture = spans("mixtral");
    for span in ["gather", "down_proj"] {
        assert_eq!(mixture[span], mixture["expert"], "{span}");
    }
}

#[test]
fn mechanisms_that_a_layer_lacks_have_no_span() {
    // One of four layers is not rotated; with a window, full layers are not.
    assert_eq!(spans("smollm3")["rope"], 3);
    assert_eq!(spans("exaone4")["rope"], 3);
    assert_eq!(spans("phi2").get("gate_proj"), None);
    assert_eq!(spans("phi2")["activation"], 2);
    assert_eq!(spans("olmo2").get("input_norm"), None);
    // One norm for attention and MLP.
    let parallel = spans("phi2");
    assert_eq!(parallel["input_norm"], 2);
    assert_eq!(parallel.get("pre_feedforward_norm"), None);
    assert_eq!(parallel.get("post_attention_norm"), None);
}
