//! Splits a text before byte pairs merge, by `tokenizer.ggml.pre`.
//!
//! A name is one entry of [`ALL`]. Patterns are those of the models' own tokenizer files.

use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::normalizers::replace::Replace;
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

use crate::error::{Error, Result};
use crate::text::pre_tokenizer_patterns::{
    BAILING, BLOOM, DEEPSEEK_CODER, DEEPSEEK_LLM, DEEPSEEK_V3, DEFAULT, EXAONE_MOE, GPT_4O, JAIS_2,
    LAGUNA, LLAMA3, MINICPM5, QWEN2, QWEN35, SEED_CODER, SPARK, TEKKEN, THREE_DIGITS, TINY_AYA,
    UFAKZEKA, VIKING, YOUTU,
};
use crate::text::sentencepiece::SPACE;

/// One pre-tokenizer.
#[derive(Debug, Clone, Copy)]
pub(super) struct PreTokenizer {
    name: &'static str,
    cut: Cut,
    normalization: Normalization,
    /// Whether a piece that is a token is used whole, without merges.
    pub(super) ignore_merges: bool,
    /// Whether texts begin with the start token if the file does not state it.
    pub(super) add_bos: bool,
}

/// How a text is cut.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// GPT-2's pattern.
    Gpt2,
    /// Single digits, then GPT-2's pattern.
    DigitsThenGpt2,
    /// Punctuation, GPT-2's pattern, numbers, three digits.
    Falcon,
    /// One pattern after the other.
    Patterns(&'static [&'static str]),
    /// Not at all: pieces keep their UTF-8, and bytes in no token have tokens of their own.
    Whole,
}

/// Normalisation of the text before.
#[derive(Debug, Clone, Copy)]
enum Normalization {
    None,
    /// Unicode's composed form (NFC).
    Composed,
    /// A visible sign for each space.
    Spaces,
}

/// The pre-tokenizers by name. `default` are files that were converted before
/// pre-tokenizers had names.
const ALL: &[PreTokenizer] = &[
    new("default", Cut::Patterns(DEFAULT)),
    new("llama-bpe", Cut::Patterns(LLAMA3))
        .whole_tokens()
        .starts(),
    new("llama3", Cut::Patterns(LLAMA3)).whole_tokens().starts(),
    new("llama-v3", Cut::Patterns(LLAMA3))
        .whole_tokens()
        .starts(),
    new("falcon3", Cut::Patterns(LLAMA3))
        .whole_tokens()
        .starts(),
    new("falcon-h1", Cut::Patterns(LLAMA3))
        .whole_tokens()
        .starts(),
    new("pixtral", Cut::Patterns(LLAMA3))
        .whole_tokens()
        .starts(),
    new("midm-2.0", Cut::Patterns(LLAMA3))
        .whole_tokens()
        .starts(),
    new("lfm2", Cut::Patterns(LLAMA3)).whole_tokens().starts(),
    new("dbrx", Cut::Patterns(LLAMA3)),
    new("smaug-bpe", Cut::Patterns(LLAMA3)),
    new("chatglm-bpe", Cut::Patterns(LLAMA3)),
    new("glm4", Cut::Patterns(LLAMA3)).whole_tokens(),
    new("glm5", Cut::Patterns(LLAMA3)).whole_tokens(),
    new("minicpm5", Cut::Patterns(MINICPM5)).whole_tokens(),
    new("jais-2", Cut::Patterns(JAIS_2)),
    new("qwen2", Cut::Patterns(QWEN2)).composed(),
    new("deepseek-r1-qwen", Cut::Patterns(QWEN2)).composed(),
    new("stablelm2", Cut::Patterns(QWEN2)).composed(),
    new("hunyuan", Cut::Patterns(QWEN2)).composed(),
    new("kormo", Cut::Patterns(QWEN2)),
    new("megrez", Cut::Patterns(QWEN2)),
    new("solar-open", Cut::Patterns(QWEN2)),
    new("grok-2", Cut::Patterns(QWEN2)),
    new("qwen35", Cut::Patterns(QWEN35)).composed(),
    new("seed-coder", Cut::Patterns(SEED_CODER)),
    new("bailingmoe", Cut::Patterns(BAILING)),
    new("bailingmoe2", Cut::Patterns(BAILING)),
    new("llada-moe", Cut::Patterns(BAILING)),
    new("exaone-moe", Cut::Patterns(EXAONE_MOE)),
    new("ufakzeka", Cut::Patterns(UFAKZEKA)),
    new("laguna", Cut::Patterns(LAGUNA)),
    new("gpt-4o", Cut::Patterns(GPT_4O)),
    new("llama4", Cut::Patterns(GPT_4O)),
    new("kanana2", Cut::Patterns(GPT_4O)),
    new("talkie", Cut::Patterns(GPT_4O)),
    new("minimax-m2", Cut::Patterns(GPT_4O)),
    new("tiny_aya", Cut::Patterns(TINY_AYA)),
    new("cohere2moe", Cut::Patterns(TINY_AYA)),
    new("tekken", Cut::Patterns(TEKKEN)).whole_tokens().starts(),
    new("youtu", Cut::Patterns(YOUTU)).whole_tokens(),
    new("deepseek-llm", Cut::Patterns(DEEPSEEK_LLM)),
    new("deepseek-coder", Cut::Patterns(DEEPSEEK_CODER)),
    new("deepseek-v3", Cut::Patterns(DEEPSEEK_V3)),
    new("hunyuan-dense", Cut::Patterns(DEEPSEEK_V3)),
    new("hy_v4", Cut::Patterns(DEEPSEEK_V3)),
    new("joyai-llm", Cut::Patterns(DEEPSEEK_V3)),
    new("spark2_5", Cut::Patterns(SPARK)),
    new("bloom", Cut::Patterns(BLOOM)),
    new("gpt3-finnish", Cut::Patterns(BLOOM)),
    new("poro-chat", Cut::Patterns(BLOOM)),
    new("viking", Cut::Patterns(VIKING)),
    new("falcon", Cut::Falcon),
    new("smollm", Cut::DigitsThenGpt2),
    new("starcoder", Cut::DigitsThenGpt2),
    new("refact", Cut::DigitsThenGpt2),
    new("command-r", Cut::DigitsThenGpt2).composed(),
    new("codeshell", Cut::DigitsThenGpt2),
    new("exaone", Cut::DigitsThenGpt2),
    new("minerva-7b", Cut::DigitsThenGpt2),
    new("mellum2", Cut::DigitsThenGpt2),
    new("gpt-2", Cut::Gpt2),
    new("phi-2", Cut::Gpt2),
    new("mpt", Cut::Gpt2).composed(),
    new("olmo", Cut::Gpt2).composed(),
    new("jais", Cut::Gpt2),
    new("exaone4", Cut::Gpt2),
    new("trillion", Cut::Gpt2),
    new("gigachat", Cut::Gpt2),
    new("a.x-4.0", Cut::Gpt2),
    new("mellum", Cut::Gpt2),
    new("granite-docling", Cut::Gpt2),
    new("gemma4", Cut::Whole).spaced().starts(),
];

const fn new(name: &'static str, cut: Cut) -> PreTokenizer {
    PreTokenizer {
        name,
        cut,
        normalization: Normalization::None,
        ignore_merges: false,
        add_bos: false,
    }
}

impl PreTokenizer {
    const fn whole_tokens(mut self) -> Self {
        self.ignore_merges = true;
        self
    }

    const fn starts(mut self) -> Self {
        self.add_bos = true;
        self
    }

    const fn composed(mut self) -> Self {
        self.normalization = Normalization::Composed;
        self
    }

    const fn spaced(mut self) -> Self {
        self.normalization = Normalization::Spaces;
        self
    }

    /// Whether tokens are written with the alphabet of bytes; otherwise they are UTF-8.
    pub(super) fn has_byte_alphabet(&self) -> bool {
        !matches!(self.cut, Cut::Whole)
    }

    /// Builds the normalizer, `None` if the text stays as it is.
    pub(super) fn normalizer(&self) -> Result<Option<NormalizerWrapper>> {
        match self.normalization {
            Normalization::None => Ok(None),
            Normalization::Composed => Ok(Some(NFC.into())),
            Normalization::Spaces => Replace::new(" ", SPACE)
                .map(|replace| Some(replace.into()))
                .map_err(|error| Error::Tokenizer(error.to_string())),
        }
    }

    /// Builds the pre-tokenizer, `None` if the text is not cut.
    pub(super) fn build(&self) -> Result<Option<PreTokenizerWrapper>> {
        let digits = |single: bool| Digits::new(single).into();
        let parts: Vec<PreTokenizerWrapper> = match self.cut {
            Cut::Gpt2 => vec![byte_level(true)],
            Cut::DigitsThenGpt2 => vec![digits(true), byte_level(true)],
            Cut::Falcon => vec![
                Punctuation::new(SplitDelimiterBehavior::Contiguous).into(),
                byte_level(true),
                digits(false),
                split(THREE_DIGITS)?,
            ],
            Cut::Patterns(patterns) => {
                let parts: Result<Vec<_>> = patterns.iter().map(|pattern| split(pattern)).collect();
                let mut parts = parts?;
                parts.push(byte_level(false));
                parts
            }
            Cut::Whole => return Ok(None),
        };
        Ok(Some(Sequence::new(parts).into()))
    }
}

/// Returns the pre-tokenizer with a name.
pub(super) fn find(name: &str) -> Option<&'static PreTokenizer> {
    ALL.iter().find(|pre| pre.name == name)
}

/// Lists the names, for messages.
pub(super) fn supported() -> String {
    let names: Vec<_> = ALL.iter().map(|pre| pre.name).collect();
    names.join(", ")
}

fn byte_level(use_regex: bool) -> PreTokenizerWrapper {
    ByteLevel::new(false, true, use_regex).into()
}

fn split(pattern: &str) -> Result<PreTokenizerWrapper> {
    let pattern = SplitPattern::Regex(pattern.to_owned());
    let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false);
    let split = split.map_err(|error| Error::Tokenizer(error.to_string()))?;
    Ok(split.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _};

    fn cut(name: &str, text: &str) -> Vec<String> {
        let pre = find(name).unwrap().build().unwrap().unwrap();
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
        for (name, expected) in [
            ("gpt-2", "It|'s| 12345| (|no|)"),
            ("smollm", "It|'s| |1|2|3|4|5| (|no|)"),
            ("llama-bpe", "It|'s| |123|45| (|no|)"),
            ("qwen2", "It|'s| |1|2|3|4|5| (|no|)"),
            ("tekken", "It|'s| |1|2|3|4|5| (|no|)"),
            ("gpt-4o", "It's| |123|45| (|no|)"),
            ("deepseek-v3", "It|'s| |123|45| (|no|)"),
            ("falcon", "It|'|s| |123|45| |(|no|)"),
            ("default", "It|'|s| |123|45| |(|no|)"),
        ] {
            assert_eq!(cut(name, text).join("|"), expected, "{name}");
        }
    }

    #[test]
    fn names_are_unique_and_every_one_can_be_built() {
        let names: BTreeSet<_> = ALL.iter().map(|pre| pre.name).collect();
        assert_eq!(names.len(), ALL.len());
        for pre in ALL {
            let (built, normalizer) = (pre.build().unwrap(), pre.normalizer().unwrap());
            assert_eq!(built.is_some(), pre.has_byte_alphabet(), "{}", pre.name);
            assert!(pre.has_byte_alphabet() || normalizer.is_some());
        }
    }
}
