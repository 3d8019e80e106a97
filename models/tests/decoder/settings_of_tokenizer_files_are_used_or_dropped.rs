//! Truncation and padding of a `tokenizer.json` are those of its training, and are not applied to
//! prompts. What it states about whitespace around special tokens is.

use std::path::Path;

use candle_core::DType;
use energy_models::{LoadOptions, Model};
use serde_json::{Value, json};

use crate::family;

/// Changes the file of a tiny model's folder and returns the ids of a text.
fn ids(change: impl FnOnce(&mut Value), text: &str) -> Vec<u32> {
    let folder = tempfile::tempdir().unwrap();
    family::folder::write(&family::find("qwen2"), folder.path(), DType::F32, 1);
    let path = folder.path().join("tokenizer.json");
    let read = |path: &Path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut settings: Value = read(&path);
    change(&mut settings);
    std::fs::write(&path, settings.to_string()).unwrap();
    let model = Model::load(folder.path(), &LoadOptions::default()).unwrap();
    model.tokenizer().encode(text).unwrap()
}

#[test]
fn truncation_and_padding_are_not_applied() {
    let text = "x ".repeat(30);
    let whole = ids(|_| (), &text);
    assert_eq!(whole.len(), 60);
    let truncated = |settings: &mut Value| {
        settings["truncation"] = json!({
            "direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0,
        });
    };
    assert_eq!(ids(truncated, &text), whole);
    let padded = |settings: &mut Value| {
        settings["padding"] = json!({
            "strategy": {"Fixed": 100}, "direction": "Left", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "<|endoftext|>",
        });
    };
    assert_eq!(ids(padded, &text), whole);
}

#[test]
fn special_tokens_take_the_whitespace_that_the_file_states() {
    let text = "x  <|im_end|> \n x";
    let kept = ids(|_| (), text);
    let at = kept.iter().position(|id| *id == 2).unwrap();
    for (side, before, after) in [("lstrip", 1, 4), ("rstrip", 3, 1)] {
        let strips = |settings: &mut Value| settings["added_tokens"][2][side] = json!(true);
        let found = ids(strips, text);
        let at = found.iter().position(|id| *id == 2).unwrap();
        assert_eq!(
            (at, found.len() - at - 1),
            (before, after),
            "{side}: {found:?}"
        );
    }
    assert_eq!((at, kept.len() - at - 1), (3, 4));
}
