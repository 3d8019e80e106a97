//! Tiny models of every family, by the names of `config.json` and of the tensors that
//! Hugging Face gives them, and as the GGUF file that a converter makes of them.
//!
//! `references/cases.json` lists them: there another program computes what they answer.

pub mod folder;
pub mod fp8;
mod gguf;
mod gguf_settings;
pub mod parts;
mod stored;
mod structure;
mod weights;

use std::collections::HashMap;
use std::path::Path;

use candle_core::Tensor;
use candle_core::quantized::gguf_file;
use energy_models::tiny::{self, VOCAB};
use serde_json::Value;

/// A tiny model of a family.
#[derive(Clone)]
pub struct Family {
    /// A short name.
    pub name: String,
    /// Its name for the table of families.
    pub title: String,
    /// Tokens before the first step of decode.
    pub prompt: u32,
    /// Its `config.json`.
    pub config: Value,
    /// Features that the references leave out, one at a time.
    pub without: Vec<String>,
    /// Whether a GGUF file can express the whole configuration.
    pub has_gguf: bool,
    /// Whether its folder stores the experts of a layer together.
    pub fused_experts: bool,
}

/// Returns all families.
pub fn all() -> Vec<Family> {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../references/cases.json")).unwrap();
    let family = |case: Value| Family {
        name: case["name"].as_str().unwrap().to_owned(),
        title: case["title"].as_str().unwrap().to_owned(),
        prompt: case["prompt"].as_u64().unwrap() as u32,
        config: case["config"].clone(),
        without: serde_json::from_value(case["without"].clone()).unwrap(),
        has_gguf: case["gguf"].as_bool().unwrap(),
        fused_experts: false,
    };
    cases.into_iter().map(family).collect()
}

/// Returns the families whose whole configuration a GGUF file can express.
pub fn with_gguf() -> Vec<Family> {
    let mut families = all();
    families.retain(|family| family.has_gguf);
    families
}

/// Returns the family of this name.
pub fn find(name: &str) -> Family {
    let found = all().into_iter().find(|family| family.name == name);
    found.unwrap_or_else(|| panic!("no family {name}"))
}

impl Family {
    /// `model_type` of its `config.json`.
    pub fn model_type(&self) -> &str {
        self.config["model_type"].as_str().unwrap()
    }

    /// `general.architecture` of its GGUF file.
    pub fn architecture(&self) -> &str {
        match self.model_type() {
            "mistral" | "mixtral" => "llama",
            "gemma3_text" => "gemma3",
            "phi" => "phi2",
            "qwen2_moe" => "qwen2moe",
            "qwen3_moe" => "qwen3moe",
            "ministral3" => "mistral3",
            "olmo3" => "olmo2",
            other => other,
        }
    }

    fn count(&self, key: &str) -> usize {
        let count = self.config[key].as_u64();
        count.unwrap_or_else(|| panic!("no `{key}`")) as usize
    }

    fn is_on(&self, key: &str) -> bool {
        self.config[key] == true
    }

    fn layers(&self) -> usize {
        self.count("num_hidden_layers")
    }

    fn width(&self) -> usize {
        self.count("hidden_size")
    }

    fn head_dim(&self) -> usize {
        let stated = self.config["head_dim"].as_u64();
        stated.map_or(self.width() / self.heads(), |head_dim| head_dim as usize)
    }

    fn heads(&self) -> usize {
        self.count("num_attention_heads")
    }

    fn kv_heads(&self) -> usize {
        self.count("num_key_value_heads")
    }

    /// Returns the number of experts, if it is a mixture.
    pub fn experts(&self) -> Option<usize> {
        let keys = ["num_experts", "num_local_experts"];
        let found = keys.into_iter().find_map(|key| self.config[key].as_u64());
        found.map(|experts| experts as usize)
    }

    fn has_experts(&self, layer: usize) -> bool {
        let dense = self.config["mlp_only_layers"].as_array();
        dense.is_none_or(|dense| !dense.contains(&layer.into()))
    }

    /// Returns the width inside of an expert.
    fn expert_hidden(&self) -> usize {
        let own = self.config["moe_intermediate_size"].as_u64();
        own.map_or_else(|| self.count("intermediate_size"), |hidden| hidden as usize)
    }

    /// Returns the rotated channels of a head.
    fn rope_dim(&self) -> usize {
        let part = self.config["partial_rotary_factor"].as_f64();
        (self.head_dim() as f64 * part.unwrap_or(1.0)) as usize
    }

    /// Returns the settings of the rotary embedding's scaling; null if there are none.
    fn scaling(&self) -> &Value {
        match &self.config["rope_scaling"] {
            Value::Null => &self.config["rope_parameters"],
            found => found,
        }
    }

    /// The sliding window, where it is one.
    fn window(&self) -> Option<usize> {
        let window = self.config["sliding_window"].as_u64();
        let is_off = self.config["use_sliding_window"] == false;
        window.filter(|_| !is_off).map(|window| window as usize)
    }

    fn is(&self, architecture: &str) -> bool {
        self.architecture() == architecture
    }

    fn is_gemma(&self) -> bool {
        self.architecture().starts_with("gemma")
    }

    /// Its weights by Hugging Face's names.
    pub fn tensors(&self) -> HashMap<String, Tensor> {
        weights::all(self, VOCAB)
    }

    /// Writes the file that a converter makes of it.
    pub fn write_gguf(&self, path: &Path) {
        let vocabulary = tiny::vocabulary();
        let named = vocabulary
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        gguf::write(self, path, self.tensors(), named.collect());
    }

    /// Writes the file with another vocabulary.
    pub fn write_gguf_with(
        &self,
        path: &Path,
        tokens: usize,
        vocabulary: Vec<(String, gguf_file::Value)>,
    ) {
        gguf::write(self, path, weights::all(self, tokens), vocabulary);
    }
}

/// Largest difference over the largest of the reference.
pub fn error(reference: &[f32], found: &[f32]) -> f32 {
    assert_eq!(reference.len(), found.len());
    assert!(reference.iter().chain(found).all(|logit| logit.is_finite()));
    let largest = |numbers: &mut dyn Iterator<Item = f32>| numbers.fold(0.0, f32::max);
    let pairs = reference.iter().zip(found);
    let difference = largest(&mut pairs.map(|(a, b)| (a - b).abs()));
    difference / largest(&mut reference.iter().map(|logit| logit.abs()))
}
