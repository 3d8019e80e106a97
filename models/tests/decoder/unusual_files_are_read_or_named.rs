//! Files in parts, folders with several sets of weights, 8-bit floats, and files of other
//! kinds: each is read as it is meant, or refused by name.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Tensor};
use energy_models::tiny::{self, TinyConfig};
use energy_models::{LoadOptions, Model};
use serde_json::{Value as Json, json};

use crate::family::fp8::{Scales, bytes_of, write_safetensors};
use crate::family::{self, Family};

fn logits(path: &Path) -> Result<Vec<f32>, String> {
    let mut model =
        Model::load(path, &LoadOptions::default()).map_err(|error| error.to_string())?;
    let logits = model.forward(&[1, 2, 3]).unwrap();
    Ok(logits.to_vec1().unwrap())
}

fn refused(path: &Path) -> String {
    let text = logits(path).unwrap_err();
    eprintln!("{text}");
    text
}

/// Replaces bytes that occur once.
fn patch(path: &Path, after: &[u8], skip: usize, new: &[u8]) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes
        .windows(after.len())
        .position(|part| part == after)
        .unwrap();
    let at = at + after.len() + skip;
    bytes[at..at + new.len()].copy_from_slice(new);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn any_part_stands_for_the_whole_model() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.gguf");
    tiny::write_gguf(&whole, &TinyConfig::default()).unwrap();
    let parts = family::parts::write(&whole, 3);
    let expected = logits(&whole).unwrap();
    for part in &parts {
        assert_eq!(logits(part).unwrap(), expected, "{}", part.display());
        assert_eq!(energy_models::parts(part), parts);
    }
    let third = std::fs::read(&parts[2]).unwrap();
    // Type and number of the second part.
    patch(&parts[2], b"split.no", 4, &1_u16.to_le_bytes());
    assert!(refused(&parts[0]).contains("`split.no`: is not 2"));
    std::fs::write(&parts[2], &third).unwrap();
    patch(&parts[2], b"split.count", 4, &4_u16.to_le_bytes());
    assert!(refused(&parts[0]).contains("`split.count`: is not 3"));
    assert!(refused(&parts[2]).contains("declares 4 parts, which the file's name does not"));
    std::fs::write(&parts[2], &third).unwrap();
    patch(&parts[1], b"split.tensors.count", 4, &7_i32.to_le_bytes());
    assert!(refused(&parts[1]).contains("is 7, but the parts hold 20 tensors"));
    // The second part in place of the third: as many tensors, some of them twice.
    std::fs::copy(&parts[1], &parts[2]).unwrap();
    patch(&parts[2], b"split.no", 4, &2_u16.to_le_bytes());
    for part in &parts {
        patch(part, b"split.tensors.count", 4, &21_i32.to_le_bytes());
    }
    assert!(refused(&parts[0]).contains("is in part 2, too"));
    std::fs::remove_file(&parts[2]).unwrap();
    let text = refused(&parts[0]);
    assert!(
        text.contains("m-00003-of-00003.gguf: one of the 3 parts"),
        "{text}"
    );
    let renamed = folder.path().join("renamed.gguf");
    std::fs::copy(&parts[0], &renamed).unwrap();
    assert!(refused(&renamed).contains("give the parts their names again"));
}

fn folder_of(family: &Family, shards: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    family::folder::write(family, folder.path(), DType::F32, shards);
    folder
}

/// Changes the settings of a folder.
fn set(folder: &Path, key: &str, value: Json) {
    let path = folder.join("config.json");
    let mut config: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config[key] = value;
    std::fs::write(path, config.to_string()).unwrap();
}

/// Changes the tensors of a folder with one file.
fn change(folder: &Path, change: impl FnOnce(&mut HashMap<String, Tensor>)) {
    let path = folder.join("model.safetensors");
    let device = candle_core::Device::Cpu;
    let mut tensors = candle_core::safetensors::load(&path, &device).unwrap();
    change(&mut tensors);
    candle_core::safetensors::save(&tensors, path).unwrap();
}

#[test]
fn a_whole_file_counts_if_it_has_all_tensors_of_the_index() {
    let llama = family::find("llama2");
    let (one, three) = (folder_of(&llama, 1), folder_of(&llama, 3));
    let expected = logits(one.path()).unwrap();
    assert_eq!(logits(three.path()).unwrap(), expected);
    let index = "model.safetensors.index.json";
    // An index of parts that do not exist.
    std::fs::copy(three.path().join(index), one.path().join(index)).unwrap();
    let model = Model::load(one.path(), &LoadOptions::default()).unwrap();
    assert!(model.info().notes[0].contains("weights are from model.safetensors"));
    assert_eq!(logits(one.path()).unwrap(), expected);
    // An incomplete whole file next to all parts.
    change(one.path(), |tensors| {
        drop(tensors.remove("model.norm.weight"))
    });
    let whole = "model.safetensors";
    std::fs::copy(one.path().join(whole), three.path().join(whole)).unwrap();
    let model = Model::load(three.path(), &LoadOptions::default()).unwrap();
    assert!(model.info().notes[0].contains("model.safetensors is incomplete"));
    assert_eq!(logits(three.path()).unwrap(), expected);
    // Neither is complete.
    assert!(refused(one.path()).contains("has no tensor `model.norm.weight`"));
    std::fs::remove_file(one.path().join(whole)).unwrap();
    assert!(refused(one.path()).contains("part of the model"));
}

#[test]
fn a_missing_output_projection_is_not_replaced() {
    let folder = folder_of(&family::find("llama2"), 1);
    let head = "lm_head.weight";
    change(folder.path(), |tensors| drop(tensors.remove(head)));
    let text = refused(folder.path());
    assert!(
        text.contains("`lm_head.weight`: is missing, and `tie_word_embeddings`"),
        "{text}"
    );
    set(folder.path(), "tie_word_embeddings", Json::Null);
    let model = Model::load(folder.path(), &LoadOptions::default()).unwrap();
    assert!(model.info().notes[0].contains("output projection is the token embedding"));
    set(folder.path(), "tie_word_embeddings", json!(true));
    let expected = logits(folder.path()).unwrap();
    // A copy of the embedding is the same model, other weights are not.
    change(folder.path(), |tensors| {
        let table = tensors["model.embed_tokens.weight"].clone();
        tensors.insert(head.to_owned(), table);
    });
    assert_eq!(logits(folder.path()).unwrap(), expected);
    change(folder.path(), |tensors| {
        let other = (&tensors[head] * 2.0).unwrap();
        tensors.insert(head.to_owned(), other);
    });
    assert!(refused(folder.path()).contains("differs from the token embedding"));
}

/// Folders with 8-bit floats, and with the same numbers in f32.
fn write_fp8(family: &Family, scales: Scales) -> [tempfile::TempDir; 2] {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    family::fp8::write(family, scales, [folders[0].path(), folders[1].path()]);
    folders
}

#[test]
fn eight_bit_floats_are_multiplied_by_their_scales() {
    let llama = family::find("llama2");
    for scales in [Scales::Matrix, Scales::Rows, Scales::Blocks([24, 40])] {
        let [fp8, f32] = write_fp8(&llama, scales);
        let config = match scales {
            Scales::Blocks(block) => json!({ "quant_method": "fp8", "weight_block_size": block }),
            _ => json!({ "quant_method": "compressed-tensors", "format": "float-quantized" }),
        };
        set(fp8.path(), "quantization_config", config);
        let found = logits(fp8.path()).unwrap();
        assert_eq!(found, logits(f32.path()).unwrap(), "{scales:?}");
        assert!(found.iter().all(|number| number.is_finite()));
        let model = Model::load(fp8.path(), &LoadOptions::default()).unwrap();
        let precision = &model.info().precision;
        assert!(precision.starts_with("f8_e4m3->f32"), "{precision}");
    }
    // Without the blocks' size, the scales do not fit.
    let [fp8, _] = write_fp8(&llama, Scales::Blocks([24, 40]));
    let text = refused(fp8.path());
    assert!(text.contains("weight_scale_inv`: has the shape"), "{text}");
    let [fp8, _] = write_fp8(&llama, Scales::Matrix);
    change(fp8.path(), |tensors| {
        tensors.retain(|name, _| !name.ends_with("weight_scale"));
    });
    assert!(refused(fp8.path()).contains("8-bit floats without a `weight_scale`"));
}

#[test]
fn types_of_numbers_may_be_mixed_and_others_are_named() {
    let folder = folder_of(&family::find("llama2"), 1);
    let expected = logits(folder.path()).unwrap();
    let norm = "model.norm.weight";
    change(folder.path(), |tensors| {
        for (at, tensor) in tensors.values_mut().enumerate() {
            let dtype = [DType::F32, DType::F16, DType::BF16][at % 3];
            *tensor = tensor.to_dtype(dtype).unwrap();
        }
    });
    let error = family::error(&expected, &logits(folder.path()).unwrap());
    assert!(0.0 < error && error < 0.1, "{error}");
    for (dtype, name) in [(DType::I64, "I64"), (DType::F64, "F64"), (DType::U8, "U8")] {
        change(folder.path(), |tensors| {
            let other = tensors[norm].to_dtype(dtype).unwrap();
            tensors.insert(norm.to_owned(), other);
        });
        let text = refused(folder.path());
        assert!(
            text.contains(&format!("numbers of type {name}, which is not")),
            "{text}"
        );
    }
}

#[test]
fn quantised_folders_are_named() {
    let llama = family::find("llama2");
    for (key, value, named) in [
        (
            "quantization_config",
            json!({ "quant_method": "gptq", "bits": 4 }),
            "GPTQ",
        ),
        (
            "quantization_config",
            json!({ "quant_method": "awq" }),
            "AWQ",
        ),
        (
            "quantization_config",
            json!({ "quant_method": "bitsandbytes" }),
            "bitsandbytes",
        ),
        (
            "quantization_config",
            json!({ "quant_method": "mxfp4" }),
            "MXFP4",
        ),
        (
            "quantization_config",
            json!({ "quant_method": "modelopt", "quant_algo": "NVFP4" }),
            "modelopt",
        ),
        (
            "quantization_config",
            json!({ "quant_method": "compressed-tensors", "format": "pack-quantized" }),
            "compressed-tensors",
        ),
        (
            "quantization",
            json!({ "group_size": 64, "bits": 4 }),
            "MLX",
        ),
    ] {
        let folder = folder_of(&llama, 1);
        set(folder.path(), key, value);
        let text = refused(folder.path());
        assert!(
            text.contains(&format!("weights quantised by {named}, which")),
            "{text}"
        );
    }
    let folder = folder_of(&llama, 1);
    let name = "model.layers.0.self_attn.q_proj.qweight";
    change(folder.path(), |tensors| {
        let norm = tensors["model.norm.weight"].clone();
        tensors.insert(name.to_owned(), norm);
    });
    assert!(refused(folder.path()).contains("GPTQ or AWQ"));
}

#[test]
fn unsupported_types_of_gguf_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    tiny::write_gguf(&path, &TinyConfig::default()).unwrap();
    let original = std::fs::read(&path).unwrap();
    for (kind, name) in [
        (16_u32, "IQ2_XXS"),
        (20, "IQ4_NL"),
        (23, "IQ4_XS"),
        (34, "TQ1_0"),
        (39, "MXFP4"),
        (77, "number 77"),
    ] {
        // The name is followed by the number of dimensions and two of them.
        patch(&path, b"blk.0.attn_q.weight", 4 + 16, &kind.to_le_bytes());
        let text = refused(&path);
        assert!(text.contains(&format!(
            "`blk.0.attn_q.weight` has the type {name}, which is not"
        )));
        assert!(text.contains("Q4_K_M"), "{text}");
        std::fs::write(&path, &original).unwrap();
    }
    patch(&path, b"GGUF", 0, &1_u32.to_le_bytes());
    assert!(refused(&path).contains("GGUF version 1"));
    patch(&path, b"GGUF", 0, &3_u32.to_be_bytes());
    assert!(refused(&path).contains("big-endian"));
}

#[test]
fn files_of_other_kinds_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    for (file, bytes, named) in [
        ("a.gguf", &pointer[..], "pointer of Git LFS"),
        ("b.gguf", b"<!DOCTYPE html>", "web page"),
        ("c.gguf", b"", "empty file"),
        ("pytorch_model.bin", b"PK\x03\x04", "PyTorch"),
        ("m.onnx", b"\x08\x07", "ONNX"),
    ] {
        let path = folder.path().join(file);
        std::fs::write(&path, bytes).unwrap();
        let text = refused(&path);
        assert!(text.contains(named) && text.contains(file), "{text}");
    }
    for file in ["model.safetensors", "tokenizer.json", "config.json"] {
        let folder = folder_of(&family::find("llama2"), 1);
        for (bytes, named) in [
            (&pointer[..], "Git LFS"),
            (b"<html>", "web page"),
            (b"", "empty"),
        ] {
            std::fs::write(folder.path().join(file), bytes).unwrap();
            let text = refused(folder.path());
            assert!(text.contains(file) && text.contains(named), "{text}");
        }
    }
    let folder = folder_of(&family::find("llama2"), 1);
    let weights = folder.path().join("model.safetensors");
    std::fs::rename(&weights, folder.path().join("pytorch_model.bin")).unwrap();
    assert!(refused(folder.path()).contains("weights of PyTorch only"));
    std::fs::remove_file(folder.path().join("config.json")).unwrap();
    std::fs::write(folder.path().join("m.gguf"), b"GGUF").unwrap();
    assert!(refused(folder.path()).contains("there is the GGUF file m.gguf"));
}

#[test]
fn damaged_safetensors_are_refused() {
    let folder = folder_of(&family::find("llama2"), 1);
    let path = folder.path().join("model.safetensors");
    let original = std::fs::read(&path).unwrap();
    for length in [0, 3, 8, 100, original.len() - 1] {
        std::fs::write(&path, &original[..length]).unwrap();
        assert!(refused(folder.path()).contains("model.safetensors"));
    }
    let four = || ("F32", vec![2, 2], bytes_of([1.0; 4]));
    let tensors = [("a".to_owned(), four()), ("b".to_owned(), four())];
    write_safetensors(&path, &tensors);
    let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()[8..]).into_owned();
    for (from, to, named) in [
        ("[2,2]", "[2,3]", "has 16 bytes, not those of the shape"),
        (
            r#""F32","shape":[2,2]"#,
            r#""I64","shape":[4294967296,4294967296]"#,
            "has 16 bytes, not those of the shape",
        ),
        ("[16,32]", "[15,31]", "overlaps"),
        ("[16,32]", "[16,99]", "reaches past the end"),
        ("[2,2]", "[-1]", "header that cannot be read"),
    ] {
        let header = text
            .split_inclusive("}}")
            .next()
            .unwrap()
            .replacen(from, to, 1);
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&[0; 32]);
        std::fs::write(&path, bytes).unwrap();
        let text = refused(folder.path());
        assert!(text.contains(named), "{text}");
    }
    // Rows without numbers need no bytes in the file.
    write_safetensors(
        &path,
        &[("a".to_owned(), ("F32", vec![1 << 32, 0], Vec::new()))],
    );
    assert!(refused(folder.path()).contains("has 0 bytes, not those of the shape"));
}
