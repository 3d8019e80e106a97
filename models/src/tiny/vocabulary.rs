//! A byte-level vocabulary with few merges.

use candle_core::quantized::gguf_file::Value;

use crate::text::bytes::encode;

/// Special tokens, then one token per byte, then a few merged ones.
const SPECIAL: [&str; 3] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
const MERGES: [(&str, &str); 5] = [
    ("h", "e"),
    ("l", "l"),
    ("he", "ll"),
    ("hell", "o"),
    ("Ġ", "t"),
];
const TEMPLATE: &str = "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n";

/// Tokens in every tiny vocabulary.
pub const VOCAB: usize = SPECIAL.len() + 256 + MERGES.len();

/// Metadata of the vocabulary that every tiny model has.
pub fn vocabulary() -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::String(text.to_owned());
    let count = |count: usize| Value::U32(count as u32);
    vec![
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("smollm")),
        (
            "tokenizer.ggml.tokens",
            Value::Array(tokens().map(Value::String).collect()),
        ),
        (
            "tokenizer.ggml.token_type",
            Value::Array(types().map(Value::I32).collect()),
        ),
        (
            "tokenizer.ggml.merges",
            Value::Array(merges().map(Value::String).collect()),
        ),
        ("tokenizer.ggml.bos_token_id", count(1)),
        ("tokenizer.ggml.eos_token_id", count(2)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(false)),
        ("tokenizer.chat_template", text(TEMPLATE)),
    ]
}

fn tokens() -> impl Iterator<Item = String> {
    let special = SPECIAL.iter().map(|token| token.to_string());
    let bytes = (0..=255).map(|byte| encode(byte).to_string());
    let merged = MERGES.iter().map(|(left, right)| format!("{left}{right}"));
    special.chain(bytes).chain(merged)
}

fn types() -> impl Iterator<Item = i32> {
    (0..VOCAB).map(|id| if id < SPECIAL.len() { 3 } else { 1 })
}

fn merges() -> impl Iterator<Item = String> {
    MERGES.iter().map(|(left, right)| format!("{left} {right}"))
}
