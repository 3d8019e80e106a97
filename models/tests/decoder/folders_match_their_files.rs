//! A model in a Hugging Face folder equals its GGUF file: all families, one file or
//! several, f32 or bf16; and errors name the fault of a folder.

use std::ops::ControlFlow;
use std::path::Path;

use candle_core::DType;
use candle_core::quantized::GgmlDType;
use energy_models::{
    Checkpoint, Depth, GenerateOptions, LoadOptions, LoadProgress, Model, Prefill, Requantize,
    TokenEvent, generate, tiny,
};
use serde_json::json;

use crate::family::{self, error};

/// Largest difference over the largest logit.
const TOLERANCE: f32 = 1e-5;

const PROMPT: std::ops::Range<u32> = 20..60;

fn load(path: &Path) -> Result<Model, energy_models::Error> {
    let options = LoadOptions {
        requantize: Requantize::None,
        depth: Depth::Module,
        ..Default::default()
    };
    Model::load(path, &options)
}

/// Logits after a prompt and one step.
fn logits(model: &mut Model) -> Vec<f32> {
    let prompt: Vec<u32> = PROMPT.collect();
    let mut logits: Vec<f32> = model.forward(&prompt).unwrap().to_vec1().unwrap();
    logits.extend(model.forward(&[70]).unwrap().to_vec1::<f32>().unwrap());
    logits
}

#[test]
fn folders_give_the_logits_of_their_files() {
    for family in &family::with_gguf() {
        let folder = tempfile::tempdir().unwrap();
        let gguf = folder.path().join("model.gguf");
        family.write_gguf(&gguf);
        let expected = logits(&mut load(&gguf).unwrap());
        for (shards, dtype) in [(1, DType::F32), (3, DType::F32), (1, DType::BF16)] {
            let folder = tempfile::tempdir().unwrap();
            family::folder::write(family, folder.path(), dtype, shards);
            let mut model = load(folder.path()).unwrap();
            let error = error(&expected, &logits(&mut model));
            eprintln!("{} {dtype:?} in {shards} files: {error:e}", family.name);
            // bf16 rounds the weights: close, not equal.
            let (least, most) = match dtype {
                DType::F32 => (0.0, TOLERANCE),
                _ => (TOLERANCE, 0.5),
            };
            assert!((least..most).contains(&error), "{}: {error:e}", family.name);
            let info = model.info();
            assert_eq!(info.architecture, family.architecture());
            let dtype = if dtype == DType::F32 { "f32" } else { "bf16" };
            assert!(info.precision.starts_with(dtype), "{}", info.precision);
        }
    }
}

/// Newer settings hold the whole rotary embedding in one object, or in one for each kind
/// of layer.
#[test]
fn newer_rotary_settings_give_the_same_logits() {
    let written = |family: &family::Family| {
        let folder = tempfile::tempdir().unwrap();
        family::folder::write(family, folder.path(), DType::F32, 1);
        load(folder.path()).map(|mut model| logits(&mut model))
    };
    for name in ["qwen3", "llama3", "phi3_long", "gemma3"] {
        let family = family::find(name);
        let mut newer = family.clone();
        let config = newer.config.as_object_mut().unwrap();
        let scaling = config.remove("rope_scaling").unwrap_or(json!({}));
        let mut rotary = scaling.as_object().unwrap().clone();
        let moved = ["rope_theta", "partial_rotary_factor"];
        let moved = moved.map(|key| config.remove(key).map(|value| (key.to_owned(), value)));
        rotary.extend(moved.into_iter().flatten());
        let of_all = json!(rotary);
        let local = config.remove("rope_local_base_freq");
        let rotary = local.map_or(of_all.clone(), |local| {
            json!({
                "full_attention": of_all,
                "sliding_attention": { "rope_type": "default", "rope_theta": local },
            })
        });
        config.insert("rope_parameters".to_owned(), rotary);
        assert_eq!(
            written(&family).unwrap(),
            written(&newer).unwrap(),
            "{name}"
        );
    }
    let mut without_base = family::find("gemma3");
    without_base.config["rope_theta"].take();
    let error = written(&without_base).unwrap_err().to_string();
    assert!(error.contains("`rope_theta`: is missing"), "{error}");
}

#[test]
fn memory_is_predicted_and_progress_is_reported() {
    for family in &family::all() {
        let folder = tempfile::tempdir().unwrap();
        family::folder::write(family, folder.path(), DType::BF16, 2);
        let file = folder.path().join("model.gguf");
        let mut paths = vec![folder.path().to_owned()];
        if family.has_gguf {
            family.write_gguf(&file);
            paths.push(file);
        }
        for path in paths {
            for requantize in [Requantize::None, Requantize::Q8_0, Requantize::F32] {
                let options = LoadOptions {
                    requantize,
                    ..Default::default()
                };
                let checkpoint = Checkpoint::open(&path).unwrap();
                let memory = checkpoint.memory(&options);
                let mut reported: Vec<LoadProgress> = Vec::new();
                let mut model = checkpoint
                    .load(&options, &mut |now| reported.push(now))
                    .unwrap();
                let bytes = model.info().weight_bytes as u64;
                assert_eq!(memory.weight_bytes, bytes, "{} {requantize:?}", family.name);
                assert!(reported.is_sorted_by_key(|now| now.done));
                let last = reported.last().unwrap();
                assert_eq!(last.done, last.total, "{} {requantize:?}", family.name);
                let options = GenerateOptions {
                    max_tokens: 2,
                    raw: true,
                    ..Default::default()
                };
                let go_on = |_: TokenEvent<'_>| ControlFlow::Continue(());
                let done = generate(&mut model, "hello", &options, go_on).unwrap();
                // The cache is made for no fewer than 256 positions, the context, or the
                // window.
                let info = model.info();
                let kept = info.context_length.min(256);
                let window = info.window.unwrap_or(kept).min(kept);
                let windowed = info.windowed_layers * window;
                let positions = (info.layers - info.windowed_layers) * kept + windowed;
                let of_layer = memory.cache_bytes_per_token / info.layers as u64;
                let cache = positions as u64 * of_layer;
                assert_eq!(memory.cache_bytes(3), cache, "{}", family.name);
                assert_eq!(done.kv_cache_bytes as u64, cache, "{}", family.name);
            }
        }
    }
}

#[test]
fn folders_and_files_give_the_same_tokens() {
    let (qwen2, folder) = (family::find("qwen2"), tempfile::tempdir().unwrap());
    let gguf = folder.path().join("model.gguf");
    qwen2.write_gguf(&gguf);
    family::folder::write(&qwen2, folder.path(), DType::F32, 1);
    let (file, folder) = (
        load(&gguf).unwrap(),
        load(&folder.path().join("model.safetensors")).unwrap(),
    );
    let (file, folder_tokens) = (file.tokenizer(), folder.tokenizer());
    for text in [
        "hello the tea",
        "naïve 😀 漢字 42",
        "<|im_start|>user\nhell",
    ] {
        let ids = folder_tokens.encode(text).unwrap();
        assert_eq!(ids, file.encode(text).unwrap());
        assert_eq!(folder_tokens.decode(&ids), file.decode(&ids));
    }
    assert!(folder_tokens.is_stop(2) && folder_tokens.is_stop(0) && !folder_tokens.is_stop(1));
    assert!(folder.has_chat_template());
}

/// Prefill in f32 needs the predicted memory and rounds less.
#[test]
fn prefill_in_f32_is_more_exact() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    let config = tiny::TinyConfig {
        dtype: GgmlDType::Q4_0,
        ..Default::default()
    };
    tiny::write_gguf(&path, &config).unwrap();
    let answers = |requantize, prefill| {
        let options = LoadOptions {
            requantize,
            prefill,
            ..Default::default()
        };
        let checkpoint = Checkpoint::open(&path).unwrap();
        let memory = checkpoint.memory(&options);
        let mut model = checkpoint.load(&options, &mut |_| ()).unwrap();
        assert_eq!(memory.prefill_bytes, model.info().prefill_bytes as u64);
        let is_described = model.info().precision.contains("prefill in f32 (+1 MB)");
        assert_eq!(is_described, prefill == Prefill::F32);
        let (logits, bytes) = (logits(&mut model), memory.prefill_bytes);
        (logits, bytes)
    };
    let (exact, none) = answers(Requantize::F32, Prefill::Same);
    let (rounded, _) = answers(Requantize::None, Prefill::Same);
    let (mixed, additional) = answers(Requantize::None, Prefill::F32);
    // Two layers of q and o, k and v, gate, up and down, in four bytes each.
    let each = 2 * 64 * 64 + 2 * 32 * 64 + 3 * 64 * 128;
    assert_eq!((none, additional), (0, 2 * 4 * each));
    let (of_rounded, of_mixed) = (error(&exact, &rounded), error(&exact, &mixed));
    assert!(
        0.0 < of_mixed && of_mixed < of_rounded,
        "{of_mixed} {of_rounded}"
    );
}

/// Returns the error of loading a changed folder.
fn error_after(change: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    family::folder::write(&family::find("qwen2"), folder.path(), DType::F32, 2);
    change(folder.path());
    load(folder.path()).unwrap_err().to_string()
}

#[test]
fn errors_name_the_fault_of_a_folder() {
    let shard = "model-00002-of-00002.safetensors";
    let missing = error_after(|folder| std::fs::remove_file(folder.join(shard)).unwrap());
    assert!(missing.contains(shard), "{missing}");
    let cut = error_after(|folder| {
        let bytes = std::fs::read(folder.join(shard)).unwrap();
        std::fs::write(folder.join(shard), &bytes[..bytes.len() - 9]).unwrap();
    });
    assert!(cut.contains(shard) && cut.contains("safetensors"), "{cut}");
    let outside = error_after(|folder| {
        let map = json!({ "weight_map": { "lm_head.weight": "../../etc/passwd" } });
        std::fs::write(folder.join("model.safetensors.index.json"), map.to_string()).unwrap();
    });
    assert!(outside.contains("no names of files"), "{outside}");
    let no_tokenizer =
        error_after(|folder| std::fs::remove_file(folder.join("tokenizer.json")).unwrap());
    assert!(no_tokenizer.contains("tokenizer.json"), "{no_tokenizer}");
    let no_json = error_after(|folder| std::fs::write(folder.join("config.json"), "{").unwrap());
    assert!(no_json.contains("config.json"), "{no_json}");
}
