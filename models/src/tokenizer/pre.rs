//! How a text is cut before byte pairs merge, by `tokenizer.ggml.pre`.

use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

use crate::error::{Error, Result};

/// One pre-tokenizer.
pub(super) struct Pre {
    name: &'static str,
    /// Whether a piece that is a token is taken whole, merges or not.
    pub(super) ignore_merges: bool,
    /// Builds it.
    pub(super) build: fn() -> Result<PreTokenizerWrapper>,
}

const ALL: &[Pre] = &[
    Pre {
        name: "smollm",
        ignore_merges: false,
        build: smollm,
    },
    Pre {
        name: "gpt-2",
        ignore_merges: false,
        build: gpt2,
    },
    Pre {
        name: "llama-bpe",
        ignore_merges: true,
        build: llama3,
    },
];

/// The pattern that Llama 3 states in its tokenizer file.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

pub(super) fn find(name: &str) -> Option<&'static Pre> {
    ALL.iter().find(|pre| pre.name == name)
}

pub(super) fn supported() -> String {
    let names: Vec<_> = ALL.iter().map(|pre| pre.name).collect();
    names.join(", ")
}

fn byte_level(use_regex: bool) -> PreTokenizerWrapper {
    ByteLevel::new(false, true, use_regex).into()
}

fn smollm() -> Result<PreTokenizerWrapper> {
    let digits = Digits::new(true).into();
    Ok(Sequence::new(vec![digits, byte_level(true)]).into())
}

fn gpt2() -> Result<PreTokenizerWrapper> {
    Ok(byte_level(true))
}

fn llama3() -> Result<PreTokenizerWrapper> {
    let pattern = SplitPattern::Regex(LLAMA3.to_owned());
    let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false);
    let split = split.map_err(|error| Error::Tokenizer(error.to_string()))?;
    Ok(Sequence::new(vec![split.into(), byte_level(false)]).into())
}
