//! Splits a text before byte pairs merge, by `tokenizer.ggml.pre`.

use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

use crate::error::{Error, Result};

/// One pre-tokenizer.
pub(super) struct PreTokenizer {
    name: &'static str,
    /// Whether a piece that is a token is used whole, without merges.
    pub(super) ignore_merges: bool,
    /// Normalisation of the text before.
    pub(super) normalizer: fn() -> Option<NormalizerWrapper>,
    /// Builds it.
    pub(super) build: fn() -> Result<PreTokenizerWrapper>,
}

const ALL: &[PreTokenizer] = &[
    PreTokenizer {
        name: "smollm",
        ignore_merges: false,
        normalizer: none,
        build: smollm,
    },
    PreTokenizer {
        name: "gpt-2",
        ignore_merges: false,
        normalizer: none,
        build: gpt2,
    },
    PreTokenizer {
        name: "llama-bpe",
        ignore_merges: true,
        normalizer: none,
        build: llama3,
    },
    PreTokenizer {
        name: "qwen2",
        ignore_merges: false,
        normalizer: composed,
        build: qwen2,
    },
    // Files that were converted before pre-tokenizers had names; llama.cpp's patterns.
    PreTokenizer {
        name: "default",
        ignore_merges: false,
        normalizer: none,
        build: default,
    },
];

/// The pattern that Llama 3 states in its tokenizer file.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The pattern that Qwen 2 states: as that of Llama 3, but for single digits.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Patterns that llama.cpp applies in order if no pre-tokenizer is named.
const DEFAULT: [&str; 4] = [
    r"[\p{P}\$\+<=>\^~\|]+",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
    r"\p{N}+",
    r"[0-9][0-9][0-9]",
];

pub(super) fn find(name: &str) -> Option<&'static PreTokenizer> {
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
    by_patterns(&[LLAMA3])
}

fn qwen2() -> Result<PreTokenizerWrapper> {
    by_patterns(&[QWEN2])
}

fn default() -> Result<PreTokenizerWrapper> {
    by_patterns(&DEFAULT)
}

fn by_patterns(patterns: &[&str]) -> Result<PreTokenizerWrapper> {
    let split = |pattern: &&str| {
        let pattern = SplitPattern::Regex(pattern.to_string());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false);
        split.map_err(|error| Error::Tokenizer(error.to_string()))
    };
    let mut parts = Vec::new();
    for pattern in patterns {
        parts.push(split(pattern)?.into());
    }
    parts.push(byte_level(false));
    Ok(Sequence::new(parts).into())
}

fn none() -> Option<NormalizerWrapper> {
    None
}

/// Unicode's composed form (NFC).
fn composed() -> Option<NormalizerWrapper> {
    Some(NFC.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

    fn cut(name: &str, text: &str) -> Vec<String> {
        let pre = (find(name).unwrap().build)().unwrap();
        let mut pieces = PreTokenizedString::from(text);
        pre.pre_tokenize(&mut pieces).unwrap();
        let splits = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
        splits
            .into_iter()
            .map(|(piece, ..)| piece.replace('\u{120}', " "))
            .collect()
    }

    #[test]
    fn numbers_and_words_are_cut_as_each_model_does() {
        let text = "It's 12345 (no)";
        assert_eq!(cut("gpt-2", text), ["It", "'s", " 12345", " (", "no", ")"]);
        assert_eq!(
            cut("smollm", text),
            ["It", "'s", " ", "1", "2", "3", "4", "5", " (", "no", ")"]
        );
        assert_eq!(
            cut("llama-bpe", text),
            ["It", "'s", " ", "123", "45", " (", "no", ")"]
        );
        assert_eq!(
            cut("qwen2", text),
            ["It", "'s", " ", "1", "2", "3", "4", "5", " (", "no", ")"]
        );
        assert_eq!(
            cut("default", text),
            ["It", "'", "s", " ", "123", "45", " ", "(", "no", ")"]
        );
    }

    #[test]
    fn a_text_is_normalised_if_the_model_requires_it() {
        assert!((find("qwen2").unwrap().normalizer)().is_some());
        assert!((find("llama-bpe").unwrap().normalizer)().is_none());
    }
}
