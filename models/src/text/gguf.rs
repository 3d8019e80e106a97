//! Reads a tokenizer from the vocabulary of a GGUF file.
//!
//! Byte-level BPE vocabularies are supported with the pre-tokenizers that
//! [`pre_tokenizer`](crate::text::pre_tokenizer) lists, and those of SentencePiece. A
//! vocabulary of another kind is refused: a wrong split gives tokens that the model never
//! saw.

use std::path::Path;

use candle_core::quantized::gguf_file::Value;

use crate::error::Result;
use crate::text::metadata::VocabularyMetadata;
use crate::text::pre_tokenizer::PreTokenizer;
use crate::text::tokenizer::Tokenizer;
use crate::text::vocabulary::{CONTROL, Vocabulary};
use crate::text::{byte_level, ends, sentencepiece};
use crate::weights::gguf::Gguf;

/// Keys of tokens that end a text.
const ENDS: [&str; 6] = ["eos", "eot", "eom", "fim_pad", "fim_rep", "fim_sep"];
/// Start token of SentencePiece vocabularies that name none.
const SENTENCEPIECE_START: (u32, &str) = (1, "<s>");
/// Tokens of Phi-3 that keep the whitespace after them; its other special tokens do not.
const PHI3_KEEPS: [&str; 3] = ["<unk>", "<s>", "<|endoftext|>"];

/// Kind of a vocabulary.
#[derive(Debug, Clone, Copy)]
enum VocabularyKind {
    BytePairs(&'static PreTokenizer),
    SentencePiece,
}

impl VocabularyKind {
    fn of(meta: &VocabularyMetadata<'_>) -> Result<Self> {
        match meta.text("model")? {
            "gpt2" | "gemma4" => Ok(Self::BytePairs(byte_level::pre_tokenizer(meta)?)),
            "llama" => Ok(Self::SentencePiece),
            other => {
                let problem =
                    format!("`{other}` is not supported; supported are: gpt2, gemma4, llama");
                Err(meta.refuse("model", problem))
            }
        }
    }

    /// Whether texts begin with the start token if the file does not state it.
    fn adds_bos(self) -> bool {
        match self {
            Self::BytePairs(pre) => pre.add_bos,
            Self::SentencePiece => true,
        }
    }

    /// Whether tokens are written with the alphabet of bytes.
    fn has_byte_alphabet(self) -> bool {
        matches!(self, Self::BytePairs(pre) if pre.has_byte_alphabet())
    }
}

impl Tokenizer {
    /// Reads the tokenizer of a GGUF file, which may be one without weights.
    ///
    /// # Errors
    /// If the file cannot be read, or its vocabulary is damaged or of an unsupported kind.
    pub fn from_gguf(path: impl AsRef<Path>) -> Result<Self> {
        read(&Gguf::open(path.as_ref())?, None)
    }
}

/// Builds the tokenizer of a file. `vocab` is the number of rows of its embedding, `None` for a
/// file without weights.
///
/// # Errors
/// For a kind of vocabulary that is not supported, or a damaged one.
pub(crate) fn read(gguf: &Gguf, vocab: Option<usize>) -> Result<Tokenizer> {
    let meta = VocabularyMetadata(gguf);
    let kind = VocabularyKind::of(&meta)?;
    let tokens = meta.texts("tokens")?;
    let vocab = vocab.unwrap_or(tokens.len());
    if tokens.len() != vocab {
        let problem = format!("has {} tokens, the embedding has {vocab}", tokens.len());
        return Err(meta.fault("tokens", problem));
    }
    let types = meta.types(vocab)?;
    let mut vocabulary = Vocabulary { tokens, types };
    let ends = ends::by_text(&vocabulary);
    for id in &ends {
        // Some files state that they are ordinary text.
        vocabulary.types[*id as usize] = CONTROL;
    }
    let mut engine = match kind {
        VocabularyKind::BytePairs(pre) => byte_level::engine(&meta, &vocabulary, pre)?,
        VocabularyKind::SentencePiece => sentencepiece::engine(&meta, &vocabulary)?,
    };
    let strips = |token: &str| is_phi3(gguf) && !PHI3_KEEPS.contains(&token);
    let added = engine.add_special_tokens(vocabulary.whole(strips));
    added.map_err(|error| meta.fault("tokens", error.to_string()))?;
    let piece = match kind.has_byte_alphabet() {
        true => byte_level::piece,
        false => sentencepiece::piece,
    };
    let pieces = vocabulary.tokens.iter().zip(&vocabulary.types);
    let bos = meta.id("bos_token_id", vocab)?;
    let bos = bos.or_else(|| default_start(kind, &vocabulary));
    Ok(Tokenizer {
        engine,
        pieces: pieces.map(|(token, kind)| piece(token, *kind)).collect(),
        special: special(&meta, &vocabulary, bos)?,
        add_bos: meta.flag("add_bos_token", kind.adds_bos()) && bos.is_some(),
        bos,
        stops: stops(&meta, ends, vocab)?,
    })
}

/// Whether the file is one of Phi-3. Its special tokens take the whitespace after them, which the
/// file does not state.
fn is_phi3(gguf: &Gguf) -> bool {
    match gguf.metadata().get("general.name") {
        Some(Value::String(name)) => {
            let name = name.to_lowercase();
            name.contains("phi-3") || name.contains("phi3")
        }
        _ => false,
    }
}

fn default_start(kind: VocabularyKind, vocabulary: &Vocabulary<'_>) -> Option<u32> {
    let (id, text) = SENTENCEPIECE_START;
    let at = id as usize;
    let is_start = vocabulary.tokens.get(at) == Some(&text) && vocabulary.types[at] == CONTROL;
    (matches!(kind, VocabularyKind::SentencePiece) && is_start).then_some(id)
}

/// Returns the texts of the special tokens by their names in templates.
fn special(
    meta: &VocabularyMetadata<'_>,
    vocabulary: &Vocabulary<'_>,
    bos: Option<u32>,
) -> Result<Vec<(&'static str, String)>> {
    let count = vocabulary.tokens.len();
    let text = |id: Option<u32>| {
        id.map_or(String::new(), |id| {
            vocabulary.tokens[id as usize].to_owned()
        })
    };
    Ok(vec![
        ("bos_token", text(bos)),
        ("eos_token", text(meta.id("eos_token_id", count)?)),
        ("unk_token", text(meta.id("unknown_token_id", count)?)),
        ("pad_token", text(meta.id("padding_token_id", count)?)),
    ])
}

/// Returns the tokens that end a text: those that the file names, and others by their text.
fn stops(meta: &VocabularyMetadata<'_>, by_text: Vec<u32>, vocab: usize) -> Result<Vec<u32>> {
    let mut stops = by_text;
    for key in ENDS {
        stops.extend(meta.id(&format!("{key}_token_id"), vocab)?);
    }
    stops.sort_unstable();
    stops.dedup();
    Ok(stops)
}
