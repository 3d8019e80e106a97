//! Unknown architectures and settings are refused unless they are assumed; settings that
//! change the result and missing tensors are refused by name.

use std::path::Path;

use candle_core::quantized::GgmlDType;
use candle_core::{DType, Device, Tensor};
use energy_models::{Checkpoint, Error, LoadOptions, Model, Requantize, tiny};
use serde_json::{Value, json};

use crate::family::{self, Family};

fn load(path: &Path) -> Result<Model, Error> {
    load_with(path, false)
}

fn load_assuming(path: &Path) -> Result<Model, Error> {
    load_with(path, true)
}

fn load_with(path: &Path, assume: bool) -> Result<Model, Error> {
    let options = LoadOptions {
        requantize: Requantize::None,
        assume,
        ..Default::default()
    };
    Model::load(path, &options)
}

/// Logits after a prompt and one step.
fn logits(model: &mut Model) -> Vec<f32> {
    let prompt: Vec<u32> = (20..60).collect();
    let mut logits: Vec<f32> = model.forward(&prompt).unwrap().to_vec1().unwrap();
    logits.extend(model.forward(&[70]).unwrap().to_vec1::<f32>().unwrap());
    logits
}

/// A model of an unknown architecture is refused, and runs as a plain decoder if this is
/// assumed explicitly.
#[test]
fn unknown_architectures_run_only_if_assumed() {
    for name in ["qwen2", "phi3_long"] {
        let family = family::find(name);
        let folder = tempfile::tempdir().unwrap();
        let gguf = folder.path().join("model.gguf");
        family.write_gguf(&gguf);
        let mut known = load(&gguf).unwrap();
        assert!(known.info().assumed.is_empty());
        let expected = logits(&mut known);
        // `qwen9.block_count` and so on: of the same length.
        let name_before = family.architecture().as_bytes();
        let unknown = [&name_before[..name_before.len() - 1], b"9"].concat();
        let bytes = replaced(&std::fs::read(&gguf).unwrap(), name_before, &unknown);
        std::fs::write(&gguf, bytes).unwrap();
        family::folder::write(&family, folder.path(), DType::F32, 1);
        let mut config = family.config.clone();
        config["model_type"] = json!("another");
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        for path in [&gguf, folder.path()] {
            let refused = load(path).unwrap_err().to_string();
            for part in [
                "is not supported; supported are",
                "`--assume`",
                "two halves of a head",
            ] {
                assert!(refused.contains(part), "{refused}");
            }
            let mut model = load_assuming(path).unwrap();
            assert_eq!(logits(&mut model), expected, "{name}");
            let info = model.info();
            assert!(info.architecture == "another" || info.architecture.ends_with('9'));
            assert!(info.assumed.len() >= 5, "{:?}", info.assumed);
        }
    }
}

/// A tensor that a family, or a setting, requires is never replaced by nothing.
#[test]
fn missing_biases_and_norms_are_named() {
    for (name, tensor) in [
        ("qwen2", "self_attn.k_proj.bias"),
        ("glm4", "self_attn.q_proj.bias"),
        ("phi2", "mlp.fc1.bias"),
        ("stablelm", "input_layernorm.bias"),
        ("qwen3", "self_attn.q_norm.weight"),
        ("olmo2", "self_attn.k_norm.weight"),
        ("gemma2", "pre_feedforward_layernorm.weight"),
        ("glm4", "post_mlp_layernorm.weight"),
        ("stablelm_parallel", "self_attn.k_layernorm.norms.1.weight"),
        ("llama2", "mlp.gate_proj.weight"),
    ] {
        // Also in another layer than the first.
        for layer in [0, 1] {
            let folder = tempfile::tempdir().unwrap();
            family::folder::write(&family::find(name), folder.path(), DType::F32, 1);
            let path = folder.path().join("model.safetensors");
            let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
            let removed = tensors.remove(&format!("model.layers.{layer}.{tensor}"));
            assert!(removed.is_some(), "{name} has {tensor}");
            candle_core::safetensors::save(&tensors, &path).unwrap();
            let text = load(folder.path()).unwrap_err().to_string();
            // Gate and the upward matrix may be one: without the gate, that has a wrong shape.
            let named = tensor.replace("gate_proj", "up_proj");
            let is_named = text.contains(&format!("`model.layers.{layer}.{named}`"));
            assert!(is_named, "{name} without {tensor}: {text}");
        }
    }
}

/// A setting of a known family that nothing is known about.
#[test]
fn unknown_settings_are_refused_unless_they_are_assumed_to_change_nothing() {
    let family = family::find("qwen2");
    let folder = tempfile::tempdir().unwrap();
    let gguf = folder.path().join("model.gguf");
    family.write_gguf(&gguf);
    let expected = logits(&mut load(&gguf).unwrap());
    // Of the same length: the key of the heads' width has another name, which is unknown.
    let (key, other) = (b"attention.value_length", b"attention.curve_length");
    let bytes = replaced(&std::fs::read(&gguf).unwrap(), key, other);
    std::fs::write(&gguf, bytes).unwrap();
    family::folder::write(&family, folder.path(), DType::F32, 1);
    let mut config = family.config.clone();
    config["attention_curve"] = json!(7);
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    for (path, key) in [
        (gguf.as_path(), "`qwen2.attention.curve_length`"),
        (folder.path(), "`attention_curve`"),
    ] {
        let refused = load(path).unwrap_err().to_string();
        assert!(
            refused.contains(key) && refused.contains("is not understood"),
            "{refused}"
        );
        assert!(refused.contains("--assume"), "{refused}");
        let mut model = load_assuming(path).unwrap();
        assert_eq!(logits(&mut model), expected);
        let assumed = &model.info().assumed;
        assert!(
            assumed.len() == 1 && assumed[0].contains(key),
            "{assumed:?}"
        );
    }
}

/// The caps of Gemma 2 belong to the model even if an old file does not state them.
#[test]
fn missing_soft_caps_of_a_gguf_file_are_named() {
    for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
        let mut family = family::find("gemma2");
        family.config[key] = Value::Null;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        family.write_gguf(&path);
        let text = load(&path).unwrap_err().to_string();
        assert!(
            text.contains(&format!("`gemma2.{key}`: is missing")),
            "{text}"
        );
    }
}

/// Replaces every `from` by `to`, which has the same length.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len() - from.len() {
        if &bytes[at..at + from.len()] == from {
            bytes[at..at + from.len()].copy_from_slice(to);
        }
    }
    bytes
}

/// Returns the error of loading a folder of Qwen2 with a changed setting.
fn error_of_setting(key: &str, value: Value) -> String {
    let mut family: Family = family::find("qwen2");
    let folder = tempfile::tempdir().unwrap();
    family::folder::write(&family, folder.path(), DType::F32, 1);
    family.config[key] = value;
    std::fs::write(folder.path().join("config.json"), family.config.to_string()).unwrap();
    load(folder.path()).unwrap_err().to_string()
}

/// Settings and what the error about them contains.
fn wrong_settings() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "hidden_act",
            json!("gelu"),
            "differs from the family's activation",
        ),
        ("hidden_size", json!(32), "has the shape"),
        (
            "hidden_size",
            json!(0),
            "`hidden_size`: is not a positive number",
        ),
        ("num_hidden_layers", json!(1), "has no place in a decoder"),
        ("num_hidden_layers", json!(9), "is missing"),
        (
            "num_hidden_layers",
            json!(4_294_967_295_u32),
            "`num_hidden_layers`: does not fit",
        ),
        ("num_key_value_heads", json!(3), "`num_key_value_heads`"),
        ("hidden_act", json!("relu"), "`hidden_act`"),
        ("use_sliding_window", json!(true), "windows in some layers"),
        (
            "final_logit_softcapping",
            json!(30.0),
            "`final_logit_softcapping`: has a value that changes the result",
        ),
        ("clip_qkv", json!(8.0), "`clip_qkv`: has a value"),
        (
            "vocab_size",
            json!(tiny::VOCAB - 1),
            "`vocab_size`: is 263, but the embedding has 264 rows",
        ),
        (
            "vocab_size",
            json!("many"),
            "`vocab_size`: is not a positive number",
        ),
        (
            "eos_token_id",
            json!(tiny::VOCAB),
            "`eos_token_id`: has 264, which is no token of tokenizer.json",
        ),
        ("eos_token_id", json!([2, -1]), "`eos_token_id`: has -1"),
        (
            "eos_token_id",
            json!("</s>"),
            "`eos_token_id`: has \"</s>\"",
        ),
        ("rms_norm_eps", json!(null), "`rms_norm_eps`: is missing"),
        ("rms_norm_eps", json!(-1.0), "`rms_norm_eps`: does not fit"),
        (
            "no_rope_layer_interval",
            json!(4),
            "`no_rope_layer_interval`",
        ),
        (
            "quantization_config",
            json!({ "bits": 4 }),
            "`quantization_config`",
        ),
        (
            "mlp_bias",
            json!(true),
            "tensor `model.layers.0.mlp.up_proj.bias`: is missing",
        ),
        (
            "layer_types",
            json!(["full_attention"]),
            "one entry for each layer",
        ),
        (
            "layer_types",
            json!(["chunked_attention", "full_attention"]),
            "`layer_types`",
        ),
        ("rope_scaling", json!({ "rope_type": "ntk" }), "`rope_type`"),
        (
            "rope_scaling",
            json!({ "rope_type": "yarn" }),
            "`factor`: is missing",
        ),
        (
            "rope_scaling",
            json!({ "rope_type": "linear", "factor": 2.0, "twist": 1 }),
            "`twist`: is not understood",
        ),
        (
            "rope_scaling",
            json!({ "rope_type": "default", "rope_theta": 1.0 }),
            "`rope_theta`: differs",
        ),
        (
            "rope_scaling",
            json!({ "factor": 2.0 }),
            "`rope_type`: is missing, but there is a factor",
        ),
        (
            "rope_scaling",
            json!({ "rope_type": "longrope", "short_factor": [1.0], "long_factor": [] }),
            "`short_factor`",
        ),
    ]
}

#[test]
fn settings_that_do_not_fit_are_named() {
    for (key, value, expected) in wrong_settings() {
        let text = error_of_setting(key, value.clone());
        assert!(text.contains(expected), "{key} {value}: {text}");
    }
}

/// Returns the error of the check of the headers, which must be that of loading.
fn checked(path: &Path) -> Option<String> {
    let options = LoadOptions {
        requantize: Requantize::None,
        ..Default::default()
    };
    let open = || Checkpoint::open(path);
    let of_headers = open().and_then(|checkpoint| checkpoint.check_tensors(&options));
    let of_load = open().and_then(|checkpoint| checkpoint.load(&options, &mut |_| ()));
    let [of_headers, of_load] =
        [of_headers.err(), of_load.err()].map(|error| error.map(|error| error.to_string()));
    assert_eq!(of_headers, of_load, "{}", path.display());
    of_headers
}

/// Headers show every missing tensor, and every one of another shape or without a place.
#[test]
fn headers_show_what_loading_would_refuse() {
    for family in &family::all() {
        let folder = tempfile::tempdir().unwrap();
        family::folder::write(family, folder.path(), DType::F32, 1);
        assert_eq!(checked(folder.path()), None, "{}", family.name);
        if family.has_gguf {
            let gguf = folder.path().join("model.gguf");
            family.write_gguf(&gguf);
            assert_eq!(checked(&gguf), None, "{}", family.name);
        }
        let path = folder.path().join("model.safetensors");
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
        let mut names: Vec<&String> = tensors.keys().collect();
        names.sort();
        let mut refused = 0;
        for name in names {
            let mut without = tensors.clone();
            let tensor = without.remove(name).unwrap();
            candle_core::safetensors::save(&without, &path).unwrap();
            refused += usize::from(checked(folder.path()).is_some());
            without.insert(name.clone(), tensor.flatten_all().unwrap());
            candle_core::safetensors::save(&without, &path).unwrap();
            if tensor.rank() > 1 {
                checked(folder.path());
            }
        }
        // Some biases, factors and tied outputs are optional.
        assert!(refused * 2 > tensors.len(), "{}: {refused}", family.name);
        let mut more = tensors.clone();
        let other = Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap();
        more.insert("model.layers.0.mlp.other".to_owned(), other);
        candle_core::safetensors::save(&more, &path).unwrap();
        let text = checked(folder.path()).expect("a tensor without a place");
        assert!(text.contains("mlp.other"), "{text}");
    }
}

/// A conversion is advised only if this model becomes smaller with it.
#[test]
fn the_smaller_conversion_is_that_of_the_stored_weights() {
    use GgmlDType::{F32, Q4_0, Q4_1, Q8_0};
    for (dtype, requantize, expected) in [
        (F32, Requantize::Auto, Some(Requantize::Q8_0)),
        (Q8_0, Requantize::F32, Some(Requantize::None)),
        (Q8_0, Requantize::Auto, None),
        // Converted to 8 bits by default.
        (Q4_1, Requantize::Auto, Some(Requantize::None)),
        (Q4_0, Requantize::Auto, None),
        (Q4_0, Requantize::Q8_0, Some(Requantize::None)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.gguf");
        let config = tiny::TinyConfig {
            dtype,
            ..Default::default()
        };
        tiny::write_gguf(&path, &config).unwrap();
        let options = LoadOptions {
            requantize,
            ..Default::default()
        };
        let found = Checkpoint::open(&path)
            .unwrap()
            .smaller_conversion(&options);
        assert_eq!(found, expected, "{dtype:?} {requantize:?}");
    }
}

/// Opening a pipe waits for a program that writes to it.
#[cfg(unix)]
#[test]
fn pipes_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &Path, named: &Path| {
        let made = std::process::Command::new("mkfifo").arg(named).status();
        assert!(made.unwrap().success());
        let text = load(path).unwrap_err().to_string();
        std::fs::remove_file(named).unwrap();
        let name = named.display().to_string();
        assert!(
            text.starts_with(&name) && text.contains("is a named pipe, not a file"),
            "{text}"
        );
    };
    let gguf = folder.path().join("model.gguf");
    refused(&gguf, &gguf);
    for file in [
        "config.json",
        "tokenizer.json",
        "generation_config.json",
        "chat_template.jinja",
        "model.safetensors",
    ] {
        let folder = tempfile::tempdir().unwrap();
        family::folder::write(&family::find("qwen2"), folder.path(), DType::F32, 1);
        let path = folder.path().join(file);
        drop(std::fs::remove_file(&path));
        refused(folder.path(), &path);
    }
    let device = load(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(device.contains("is a device, not a file"), "{device}");
}
