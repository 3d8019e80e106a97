//! Every family computes what Candle's own model of it computes from the same weights:
//! prefill, decode step by step, and with decomposed kernels.
//!
//! Candle's windows are one position too wide, and its LongRoPE multiplies where it should
//! divide: neither is compared here.

#[allow(unreachable_pub, dead_code)]
mod family;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::{gemma3, mistral, phi3, qwen2, qwen3};
use energy_models::{Depth, LoadOptions, Model, Requantize};
use family::{FAMILIES, Family};

/// Largest difference over the largest logit.
const TOLERANCE: f32 = 1e-4;

const PROMPT: std::ops::Range<u32> = 20..60;
const STEPS: usize = 8;

type Forward = Box<dyn FnMut(&Tensor, usize) -> Result<Tensor>>;

fn reference(family: &Family) -> Forward {
    let weights = VarBuilder::from_tensors(family.tensors(), DType::F32, &Device::Cpu);
    fn config<T: serde::de::DeserializeOwned>(family: &Family) -> T {
        serde_json::from_value(family.config()).unwrap()
    }
    match family.name {
        "llama" => {
            let mut model = mistral::Model::new(&config(family), weights).unwrap();
            Box::new(move |ids, start| model.forward(ids, start))
        }
        "qwen2" => {
            let mut model = qwen2::ModelForCausalLM::new(&config(family), weights).unwrap();
            Box::new(move |ids, start| model.forward(ids, start))
        }
        "qwen3" => {
            let mut model = qwen3::ModelForCausalLM::new(&config(family), weights).unwrap();
            Box::new(move |ids, start| model.forward(ids, start))
        }
        "phi3" => {
            let mut model = phi3::Model::new(&config(family), weights).unwrap();
            Box::new(move |ids, start| model.forward(ids, start))
        }
        "gemma3" => {
            let mut model = gemma3::Model::new(false, &config(family), weights).unwrap();
            // Its cache takes one position at a time only.
            Box::new(move |ids, start| {
                let mut last = model.forward(&ids.narrow(1, 0, 1)?, start)?;
                for at in 1..ids.dim(1)? {
                    last = model.forward(&ids.narrow(1, at, 1)?, start + at)?;
                }
                Ok(last)
            })
        }
        other => panic!("no reference for {other}"),
    }
}

fn load(family: &Family, folder: &std::path::Path, depth: Depth) -> Model {
    let path = folder.join(format!("{}.gguf", family.name));
    family.write_gguf(&path);
    let options = LoadOptions {
        requantize: Requantize::None,
        depth,
        ..Default::default()
    };
    Model::load(&path, &options).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Largest difference over the largest of the reference.
fn error(reference: &[f32], found: &[f32]) -> f32 {
    assert_eq!(reference.len(), found.len());
    assert!(reference.iter().chain(found).all(|logit| logit.is_finite()));
    let largest = |numbers: &mut dyn Iterator<Item = f32>| numbers.fold(0.0, f32::max);
    let pairs = reference.iter().zip(found);
    let difference = largest(&mut pairs.map(|(a, b)| (a - b).abs()));
    difference / largest(&mut reference.iter().map(|logit| logit.abs()))
}

/// The error of each step: prefill, then single tokens. The file may be that of another
/// model than the reference.
fn errors(family: &Family, of_file: &Family, depth: Depth) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let (mut ours, mut theirs) = (load(of_file, folder.path(), depth), reference(family));
    let mut feed: Vec<u32> = PROMPT.collect();
    let mut position = 0;
    let mut errors = Vec::new();
    for step in 0..=STEPS as u32 {
        let ids = Tensor::new(feed.as_slice(), &Device::Cpu).unwrap();
        let expected = numbers(&theirs(&ids.unsqueeze(0).unwrap(), position).unwrap());
        let found = numbers(&ours.forward(&feed).unwrap());
        errors.push(error(&expected, &found));
        position += feed.len();
        feed = vec![70 + 13 * step];
    }
    errors
}

#[test]
fn families_match_candle() {
    for family in &FAMILIES {
        for depth in [Depth::Module, Depth::Deep] {
            let errors = errors(family, family, depth);
            let largest = errors.iter().copied().fold(0.0, f32::max);
            eprintln!("{} {depth}: largest error {largest:e}", family.name);
            assert!(largest < TOLERANCE, "{} {depth}: {errors:?}", family.name);
        }
    }
}

/// A feature that is left out must show, or the comparison would not see a mistake in it.
#[test]
fn each_feature_shows() {
    let find = |name: &str| FAMILIES.iter().find(|family| family.name == name).unwrap();
    let (qwen2, qwen3, gemma3) = (find("qwen2"), find("qwen3"), find("gemma3"));
    let without = |family: &'static Family, change: fn(&mut Family)| {
        let mut changed = family.clone();
        change(&mut changed);
        (family, changed)
    };
    let cases = [
        ("bias", without(qwen2, |family| family.has_bias = false)),
        (
            "norms of heads",
            without(qwen3, |family| family.has_head_norms = false),
        ),
        (
            "rope in halves",
            without(qwen3, |family| family.name = "llama"),
        ),
        ("window", without(gemma3, |family| family.window = None)),
        (
            "larger window",
            without(gemma3, |family| family.window = Some(13)),
        ),
        (
            "what only gemma has",
            without(gemma3, |family| family.name = "qwen3"),
        ),
    ];
    for (feature, (family, changed)) in cases {
        let largest = errors(family, &changed, Depth::Module)
            .into_iter()
            .fold(0.0, f32::max);
        eprintln!("{} without {feature}: {largest:e}", family.name);
        assert!(largest > 100.0 * TOLERANCE, "{feature}: {largest:e}");
    }
}
