//! SentencePiece vocabularies: merges by score, bytes for what is in no token.

use std::ops::ControlFlow;

use candle_core::quantized::gguf_file::Value;
use energy_models::{
    GenerateOptions, LoadOptions, Model, StopReason, TokenEvent, Tokenizer, generate,
};

use crate::family;

/// Texts, scores and types.
const TEXT: [(&str, f32, i32); 14] = [
    ("<unk>", 0.0, 2),
    ("<s>", 0.0, 3),
    ("</s>", 0.0, 3),
    ("<<whole>>", 0.0, 4),
    ("\u{2581}", -9.0, 1),
    ("t", -9.0, 1),
    ("h", -9.0, 1),
    ("e", -9.0, 1),
    ("he", -1.0, 1),
    ("th", -2.0, 1),
    ("the", -3.0, 1),
    ("\u{2581}t", -4.0, 1),
    ("\u{2581}the", -5.0, 1),
    ("ee", -6.0, 1),
];

fn vocabulary(adds_space: bool, has_special: bool) -> Vec<(String, Value)> {
    let bytes = (0..=255).map(|byte| (format!("<0x{byte:02X}>"), 0.0, 6));
    let text = TEXT.iter();
    let text = text.map(|&(token, score, kind)| (token.to_owned(), score, kind));
    let all: Vec<_> = text.chain(bytes).collect();
    let list = |value: &dyn Fn(&(String, f32, i32)) -> Value| {
        Value::Array(all.iter().map(value).collect())
    };
    let named = [
        ("model", Value::String("llama".into())),
        ("tokens", list(&|one| Value::String(one.0.clone()))),
        ("scores", list(&|one| Value::F32(one.1))),
        ("token_type", list(&|one| Value::I32(one.2))),
        ("bos_token_id", Value::U32(1)),
        ("eos_token_id", Value::U32(2)),
        ("add_space_prefix", Value::Bool(adds_space)),
    ];
    let is_kept = |key: &str| has_special || !matches!(key, "bos_token_id" | "eos_token_id");
    let named = named.into_iter().filter(|(key, _)| is_kept(key));
    named
        .map(|(key, value)| (format!("tokenizer.ggml.{key}"), value))
        .collect()
}

fn model(adds_space: bool) -> Model {
    model_of(vocabulary(adds_space, true))
}

fn model_of(vocabulary: Vec<(String, Value)>) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spm.gguf");
    let family = family::find("llama2");
    family.write_gguf_with(&path, TEXT.len() + 256, vocabulary);
    Model::load(&path, &LoadOptions::default()).unwrap()
}

/// Tokens without the start, as texts.
fn pieces(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
    let ids = tokenizer.encode(text).unwrap();
    assert_eq!(ids[0], 1, "starts with <s>");
    let piece = |id: &u32| String::from_utf8_lossy(tokenizer.piece(*id)).into_owned();
    ids[1..].iter().map(piece).collect()
}

#[test]
fn neighbours_merge_by_score() {
    let model = model(true);
    let tokenizer = model.tokenizer();
    assert_eq!(pieces(tokenizer, "the"), [" the"]);
    // `he` before `th`, `ee` last.
    assert_eq!(pieces(tokenizer, "thee"), [" the", "e"]);
    assert_eq!(pieces(tokenizer, "tt hee"), [" t", "t", " ", "he", "e"]);
    let without = self::model(false);
    assert_eq!(pieces(without.tokenizer(), "the"), ["the"]);
    assert_eq!(pieces(without.tokenizer(), " the"), [" the"]);
}

#[test]
fn text_in_no_token_falls_back_to_bytes() {
    let model = model(false);
    let tokenizer = model.tokenizer();
    let ids = tokenizer.encode("\u{e9}\n").unwrap();
    let byte = |byte: u32| TEXT.len() as u32 + byte;
    assert_eq!(ids, [1, byte(0xc3), byte(0xa9), byte(b'\n'.into())]);
    for text in ["naïve 😀 漢字", "  two\n\n\tlines", "the thee"] {
        assert_eq!(tokenizer.decode(&tokenizer.encode(text).unwrap()), text);
    }
}

#[test]
fn whole_tokens_stay_whole() {
    let model = model(false);
    let ids = model.tokenizer().encode("he<<whole>>he</s>").unwrap();
    assert_eq!(ids, [1, 8, 3, 8, 2]);
    assert_eq!(model.tokenizer().decode(&ids), "he<<whole>>he");
}

#[test]
fn special_tokens_that_are_not_named_are_known_by_their_text() {
    let mut model = model_of(vocabulary(false, false));
    assert_eq!(model.tokenizer().encode("the").unwrap(), [1, 10]);
    assert_eq!(model.tokenizer().stops(), [2]);
    let options = GenerateOptions {
        max_tokens: 4,
        ..Default::default()
    };
    let go_on = |_: TokenEvent<'_>| ControlFlow::Continue(());
    let done = generate(&mut model, "the", &options, go_on).unwrap();
    assert_eq!(done.input_tokens, 2);
    let ends = done.tokens.contains(&2);
    assert_eq!(done.stop == StopReason::EndOfText, ends);
    assert!(ends || done.output_tokens == 4);
}
