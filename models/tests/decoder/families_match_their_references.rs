//! Every family computes what other programs compute from the same weights.
//!
//! The references are logits of transformers and of llama.cpp, stored next to
//! `references/cases.json`, and what Candle's own models compute here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file;
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::{gemma3, mistral, phi3, qwen2, qwen3};
use energy_models::{Depth, LoadOptions, Model, Requantize};
use serde_json::json;

use crate::family::{self, Family, error};

/// Largest difference over the largest logit.
const TOLERANCE: f32 = 1e-4;

const STEPS: u32 = 8;

/// The prompt, then one token for each step.
fn tokens(family: &Family) -> (Vec<u32>, Vec<u32>) {
    let steps = (0..STEPS).map(|step| 70 + 13 * step);
    ((20..20 + family.prompt).collect(), steps.collect())
}

/// Loads the file or the folder.
pub(crate) fn load(family: &Family, as_folder: bool, depth: Depth) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = match as_folder {
        true => folder.path().to_owned(),
        false => folder.path().join("model.gguf"),
    };
    match as_folder {
        true => family::folder::write(family, &path, DType::F32, 1),
        false => family.write_gguf(&path),
    }
    let options = LoadOptions {
        requantize: Requantize::None,
        depth,
        ..Default::default()
    };
    Model::load(&path, &options).unwrap()
}

pub(crate) fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Logits after the prompt, and after each step.
pub(crate) fn answers(
    family: &Family,
    mut forward: impl FnMut(&[u32], usize) -> Tensor,
) -> Vec<Vec<f32>> {
    let (prompt, steps) = tokens(family);
    let mut answers = vec![numbers(&forward(&prompt, 0))];
    for (at, token) in (prompt.len()..).zip(steps) {
        answers.push(numbers(&forward(&[token], at)));
    }
    answers
}

pub(crate) fn largest(errors: impl IntoIterator<Item = f32>) -> f32 {
    errors.into_iter().fold(0.0, f32::max)
}

pub(crate) fn largest_error(expected: &[Vec<f32>], found: &[Vec<f32>]) -> f32 {
    assert_eq!(expected.len(), found.len());
    largest(expected.iter().zip(found).map(|(a, b)| error(a, b)))
}

pub(crate) fn stored(name: &str) -> Option<HashMap<String, Tensor>> {
    let file: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/references", name]
        .iter()
        .collect();
    let is_there = file.exists();
    is_there.then(|| candle_core::safetensors::load(&file, &Device::Cpu).unwrap())
}

pub(crate) fn rows(tensor: &Tensor) -> Vec<Vec<f32>> {
    tensor.to_vec2().unwrap()
}

#[test]
fn families_match_transformers() {
    for family in family::all() {
        let stored = stored(&format!("{}.safetensors", family.name)).expect("a reference");
        let expected = rows(&stored["logits"]);
        let steps = &expected[family.prompt as usize - 1..];
        for (as_folder, depth) in [
            (true, Depth::Module),
            (true, Depth::Deep),
            (false, Depth::Module),
        ] {
            if !as_folder && !family.has_gguf {
                continue;
            }
            let mut model = load(&family, as_folder, depth);
            let found = answers(&family, |ids, _| model.forward(ids).unwrap());
            let error = largest_error(steps, &found);
            let what = if as_folder { "folder" } else { "file" };
            eprintln!("{} as a {what}, {depth}: {error:.1e}", family.name);
            assert!(
                error < TOLERANCE,
                "{} {what} {depth}: {error:e}",
                family.name
            );
            for feature in &family.without {
                let other = rows(&stored[&format!("without_{feature}")]);
                let error = largest_error(steps, &other);
                assert!(
                    error > 100.0 * TOLERANCE,
                    "{feature} does not show: {error}"
                );
                assert!(
                    largest_error(&other, &found) > 100.0 * TOLERANCE,
                    "{feature}"
                );
            }
        }
    }
}

/// A factor of the rotary embedding without a type, and by the key of older files.
#[test]
fn a_factor_without_a_type_scales_linearly() {
    let mut family = family::find("llama2");
    let stored = stored("llama2.safetensors").expect("a reference");
    let expected = rows(&stored["logits"]);
    family.config["rope_scaling"].take();
    for key in ["rope.scaling.factor", "rope.scale_linear"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        let vocabulary = energy_models::tiny::vocabulary().into_iter();
        let mut metadata: Vec<_> = vocabulary
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        metadata.push((format!("llama.{key}"), gguf_file::Value::F32(4.0)));
        family.write_gguf_with(&path, energy_models::tiny::VOCAB, metadata);
        let options = LoadOptions {
            requantize: Requantize::None,
            ..Default::default()
        };
        let mut model = Model::load(&path, &options).unwrap();
        let found = answers(&family, |ids, _| model.forward(ids).unwrap());
        let error = largest_error(&expected[family.prompt as usize - 1..], &found);
        assert!(error < TOLERANCE, "{key}: {error:e}");
    }
}

/// Older folders call the type of scaling `type`.
#[test]
fn the_older_key_of_the_type_of_scaling_is_read() {
    for name in ["llama2", "llama3", "qwen3_yarn", "olmo3"] {
        let mut family = family::find(name);
        let stored = stored(&format!("{name}.safetensors")).expect("a reference");
        let expected = rows(&stored["logits"]);
        let scaling = family.config["rope_scaling"].as_object_mut().unwrap();
        let kind = scaling.remove("rope_type").unwrap();
        scaling.insert("type".to_owned(), kind);
        let mut model = load(&family, true, Depth::Module);
        let found = answers(&family, |ids, _| model.forward(ids).unwrap());
        let error = largest_error(&expected[family.prompt as usize - 1..], &found);
        assert!(error < TOLERANCE, "{name}: {error:e}");
    }
}

/// The experts of a layer in one tensor, as newer folders store them.
#[test]
fn experts_that_are_stored_together_match_transformers() {
    for mut family in family::all() {
        if family.experts().is_none() {
            continue;
        }
        family.fused_experts = true;
        let stored = stored(&format!("{}.safetensors", family.name)).expect("a reference");
        let expected = rows(&stored["logits"]);
        let mut model = load(&family, true, Depth::Module);
        let found = answers(&family, |ids, _| model.forward(ids).unwrap());
        let error = largest_error(&expected[family.prompt as usize - 1..], &found);
        assert!(error < TOLERANCE, "{}: {error:e}", family.name);
    }
}

/// One token at a time from the first on, with everything before in the cache.
#[test]
fn every_position_matches_transformers() {
    // LongRoPE rotates a position by the length of its sequence.
    let is_same = |family: &Family| family.config["rope_scaling"]["rope_type"] != "longrope";
    for family in family::all().into_iter().filter(is_same) {
        let stored = stored(&format!("{}.safetensors", family.name)).expect("a reference");
        let (prompt, steps) = tokens(&family);
        let mut model = load(&family, true, Depth::Module);
        let one = |token: &u32| numbers(&model.forward(&[*token]).unwrap());
        let found: Vec<_> = prompt.iter().chain(&steps).map(one).collect();
        let error = largest_error(&rows(&stored["logits"]), &found);
        eprintln!("{}: {error:.1e} at any position", family.name);
        assert!(error < TOLERANCE, "{}: {error:e}", family.name);
    }
}

#[test]
fn files_match_llama_cpp() {
    let mut compared = 0;
    for family in family::with_gguf() {
        // llama.cpp gives Mistral, Phi-3 and small models of EXAONE 4 no window.
        let Some(stored) = stored(&format!("{}.llama_cpp.safetensors", family.name)) else {
            continue;
        };
        let mut model = load(&family, false, Depth::Module);
        let found = answers(&family, |ids, _| model.forward(ids).unwrap());
        let error = largest_error(&rows(&stored["logits"]), &found);
        eprintln!("{} against llama.cpp: {error:.1e}", family.name);
        assert!(error < TOLERANCE, "{}: {error:e}", family.name);
        compared += 1;
    }
    assert_eq!(compared, 24);
}

/// Writes the files that `references/llama_cpp_logits.py` reads.
#[test]
#[ignore = "writes into the folder named by GGUF_FILES"]
fn write_files() {
    let folder = std::env::var_os("GGUF_FILES").expect("GGUF_FILES names a folder");
    for family in family::with_gguf() {
        family.write_gguf(&Path::new(&folder).join(format!("{}.gguf", family.name)));
    }
}

pub(crate) type Forward = Box<dyn FnMut(&Tensor, usize) -> Result<Tensor>>;

/// Candle's model of it. Its windows are one position too wide, and its LongRoPE
/// multiplies where it should divide: neither is compared.
pub(crate) fn candle(family: &Family) -> Forward {
    let weights = VarBuilder::from_tensors(family.tensors(), DType::F32, &Device::Cpu);
    fn config<T: serde::de::DeserializeOwned>(family: &Family) -> T {
        let mut config = family.config.clone();
        config["vocab_size"] = json!(energy_models::tiny::VOCAB);
        config["attention_bias"] = json!(false);
        if config["sliding_window"].is_null() {
            config["sliding_window"] = config["max_position_embeddings"].clone();
        }
        serde_json::from_value(config).unwrap()
    }
    match family.architecture() {
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
            // Its cache accepts one position at a time only.
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

#[test]
fn families_match_candle() {
    let mut plain_llama = family::find("llama2");
    plain_llama.config["rope_scaling"].take();
    let others = ["qwen2", "qwen3", "phi3", "gemma3"].map(family::find);
    for family in std::iter::once(plain_llama).chain(others) {
        let mut candle = candle(&family);
        let expected = answers(&family, |ids, start| {
            let ids = Tensor::new(ids, &Device::Cpu).unwrap();
            candle(&ids.unsqueeze(0).unwrap(), start).unwrap()
        });
        for depth in [Depth::Module, Depth::Deep] {
            let mut model = load(&family, false, depth);
            let found = answers(&family, |ids, _| model.forward(ids).unwrap());
            let error = largest_error(&expected, &found);
            eprintln!("{} {depth} against Candle: {error:.1e}", family.name);
            assert!(error < TOLERANCE, "{} {depth}: {error:e}", family.name);
        }
    }
}
