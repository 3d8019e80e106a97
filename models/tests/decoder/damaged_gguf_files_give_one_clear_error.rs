//! A damaged or hostile file gives one clear error.

use std::path::Path;

use candle_core::quantized::gguf_file;
use energy_models::tiny::{self, TinyConfig};
use energy_models::{Error, LoadOptions, Model};

use crate::family;

fn tiny_bytes() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tiny.gguf");
    tiny::write_gguf(
        &path,
        &TinyConfig {
            width: 32,
            hidden: 32,
            heads: 2,
            kv_heads: 1,
            ..Default::default()
        },
    )
    .unwrap();
    std::fs::read(path).unwrap()
}

/// Loads bytes as a file and, if that works, takes one step.
fn load(dir: &Path, bytes: &[u8]) -> Result<(), Error> {
    let path = dir.join("bad.gguf");
    std::fs::write(&path, bytes).unwrap();
    let mut model = Model::load(&path, &LoadOptions::default())?;
    model.forward(&[1, 2, 3]).map(drop)
}

fn message(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let text = load(dir.path(), bytes).unwrap_err().to_string();
    assert!(text.contains("bad.gguf"), "names no file: {text}");
    eprintln!("{text}");
    text
}

/// Where a text stands in the header, past its end.
fn after(bytes: &[u8], text: &str) -> usize {
    let found = bytes
        .windows(text.len())
        .position(|window| window == text.as_bytes());
    found.unwrap() + text.len()
}

/// Overwrites the bytes at an offset.
fn patched(at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = tiny_bytes();
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

#[test]
fn a_missing_file_is_named() {
    let error = Model::load("/nowhere/model.gguf", &LoadOptions::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("/nowhere/model.gguf: cannot be read"),
        "{error}"
    );
}

#[test]
fn other_files_are_refused() {
    assert!(message(b"a text, not a model").contains("does not start with `GGUF`"));
    assert!(message(b"PK\x03\x04").contains("is an archive"));
    assert!(message(b"GGUF").contains("ends early"));
    assert!(message(&patched(4, &9u32.to_le_bytes())).contains("version 9"));
}

#[test]
fn another_architecture_is_named_with_the_supported_ones() {
    let at = after(&tiny_bytes(), "general.architecture") + 12;
    let text = message(&patched(at, b"mamba"));
    assert!(
        text.contains("`mamba` is not supported; supported are: llama"),
        "{text}"
    );
}

#[test]
fn every_truncation_is_noticed() {
    let (bytes, dir) = (tiny_bytes(), tempfile::tempdir().unwrap());
    for length in (0..bytes.len()).step_by(997).chain([bytes.len() - 32]) {
        let error = load(dir.path(), &bytes[..length]).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "at {length}: {error}");
    }
}

#[test]
fn absurd_counts_are_refused() {
    for at in [8, 16] {
        for count in [u64::MAX, 1 << 40, 1 << 29] {
            assert!(message(&patched(at, &count.to_le_bytes())).contains("believable"));
        }
    }
    let at = after(&tiny_bytes(), "tokenizer.ggml.tokens") + 8;
    assert!(message(&patched(at, &(1u64 << 33).to_le_bytes())).contains("array elements"));
}

#[test]
fn impossible_tensors_are_refused() {
    let dims = after(&tiny_bytes(), "blk.0.attn_q.weight") + 4;
    let huge = message(&patched(dims, &(1u64 << 40).to_le_bytes()));
    assert!(huge.contains("tensor `blk.0.attn_q.weight`: of "), "{huge}");
    assert!(message(&patched(dims, &u64::MAX.to_le_bytes())).contains("shape"));
    assert!(message(&patched(dims, &0u64.to_le_bytes())).contains("shape"));
    let offset = dims + 16 + 4;
    assert!(message(&patched(offset, &u64::MAX.to_le_bytes())).contains("past the end"));
    assert!(message(&patched(offset, &0u64.to_le_bytes())).contains("overlaps"));
    assert!(message(&patched(offset - 4, &99u32.to_le_bytes())).contains("type number 99"));
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    for (key, value) in [
        ("llama.embedding_length", 31u32),
        ("llama.attention.head_count", 0),
        ("llama.attention.head_count_kv", 3),
        ("llama.block_count", u32::MAX),
        ("llama.block_count", 3),
        ("llama.context_length", u32::MAX),
        ("llama.rope.dimension_count", 7),
        ("llama.feed_forward_length", 1 << 30),
        ("tokenizer.ggml.eos_token_id", 70_000),
    ] {
        let at = after(&tiny_bytes(), key);
        // `head_count` also begins `head_count_kv`, but comes first.
        message(&patched(at + 4, &value.to_le_bytes()));
    }
}

/// Halves one dimension of each tensor of every family: the error names the tensor.
#[test]
fn tensors_of_another_shape_are_named() {
    for family in family::with_gguf() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.gguf");
        family.write_gguf(&path);
        let bytes = std::fs::read(&path).unwrap();
        let mut file = std::fs::File::open(&path).unwrap();
        let content = gguf_file::Content::read(&mut file).unwrap();
        for (name, info) in &content.tensor_infos {
            // A tensor begins with the length of its name; behind it is the number of
            // dimensions, and the innermost one.
            let start = [&(name.len() as u64).to_le_bytes()[..], name.as_bytes()].concat();
            let found = bytes.windows(start.len()).position(|part| part == start);
            let at = found.expect("its name") + start.len() + 4;
            let innermost = *info.shape.dims().last().unwrap() as u64;
            for other in [innermost / 2, 1 << 40] {
                let mut damaged = bytes.clone();
                damaged[at..at + 8].copy_from_slice(&other.to_le_bytes());
                let text = load(dir.path(), &damaged).unwrap_err().to_string();
                assert!(
                    text.contains(&format!("`{name}`")),
                    "{}: {text}",
                    family.name
                );
            }
        }
    }
}
