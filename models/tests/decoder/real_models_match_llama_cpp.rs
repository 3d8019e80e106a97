//! Published models give the tokens and the ten largest logits that llama.cpp gives,
//! within 0.5: it rounds activations to eight bits, too.

use std::path::{Path, PathBuf};

use candle_core::DType;
use energy_models::{LoadOptions, Model, Requantize};
use serde_json::Value;

const MOST: f32 = 0.5;

/// Returns the path of the file if it exists.
pub(crate) fn found(file: &str) -> Option<PathBuf> {
    let is_free = file.starts_with("SmolLM2");
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("tracing-energy"));
    let path = variable("ENERGY_MODELS").or(cache)?.join(file);
    if !path.exists() {
        let folder = path.parent().unwrap_or(Path::new("."));
        eprintln!(
            "SKIPPED{}: no {file} in {}; set ENERGY_MODELS to its folder",
            if is_free {
                ""
            } else {
                " (opt-in by its terms)"
            },
            folder.display()
        );
        return None;
    }
    Some(path)
}

#[test]
fn the_ten_largest_logits_match() {
    let all: Vec<Value> = serde_json::from_str(include_str!("../references/top_ten.json")).unwrap();
    for reference in &all {
        let file = reference["file"].as_str().unwrap();
        let Some(path) = found(file) else { continue };
        let options = LoadOptions {
            requantize: Requantize::None,
            ..Default::default()
        };
        let mut model = Model::load(&path, &options).unwrap();
        let text = reference["text"].as_str().unwrap();
        let tokens = model.tokenizer().encode(text).unwrap();
        assert_eq!(serde_json::json!(tokens), reference["tokens"], "{file}");
        let logits = model.forward(&tokens).unwrap();
        let logits: Vec<f32> = logits.to_dtype(DType::F32).unwrap().to_vec1().unwrap();
        let top: Vec<(usize, f32)> = serde_json::from_value(reference["top"].clone()).unwrap();
        let difference = |(token, logit): &(usize, f32)| (logits[*token] - logit).abs();
        let largest = top.iter().map(difference).fold(0.0, f32::max);
        eprintln!("{file}: {largest:.3} at most");
        assert!(largest < MOST, "{file}: {top:?}");
        let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
        assert_eq!(best, Some(top[0].0), "{file}");
    }
}
