//! Reads a tokenizer from the vocabulary of a GGUF file.
//!
//! Byte-level BPE vocabularies are supported with the pre-tokenizers that
//! [`pre_tokenizer`](crate::text::pre_tokenizer) lists, and those of SentencePiece. A
//! vocabulary of another kind is refused: a wrong split gives tokens that the model never
//! saw.

use crate::error::Result;
use crate::text::metadata::VocabularyMetadata;
use crate::text::tokenizer::Tokenizer;
use crate::text::vocabulary::Vocabulary;
use crate::text::{byte_level, sentencepiece};
use crate::weights::gguf::Gguf;

/// VocabularyKind of a vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VocabularyKind {
    ByteLevel,
    SentencePiece,
}

impl VocabularyKind {
    fn of(meta: &VocabularyMetadata<'_>) -> Result<Self> {
        match meta.text("model")? {
            "gpt2" => Ok(Self::ByteLevel),
            "llama" => Ok(Self::SentencePiece),
            other => {
                let problem = format!("`{other}` is not supported; supported are: gpt2, llama");
                Err(meta.refuse("model", problem))
            }
        }
    }
}

/// Builds the tokenizer of a file whose embedding has `vocab` rows.
///
/// # Errors
/// For a kind of vocabulary that is not supported, or a damaged one.
pub(crate) fn read(gguf: &Gguf, vocab: usize) -> Result<Tokenizer> {
    let meta = VocabularyMetadata(gguf);
    let kind = VocabularyKind::of(&meta)?;
    let tokens = meta.texts("tokens")?;
    if tokens.len() != vocab {
        let problem = format!("has {} tokens, the embedding has {vocab}", tokens.len());
        return Err(meta.fault("tokens", problem));
    }
    let types = meta.types(vocab)?;
    let (bos, eos) = (
        meta.id("bos_token_id", vocab)?,
        meta.id("eos_token_id", vocab)?,
    );
    let eot = meta.id("eot_token_id", vocab)?;
    let text = |id: Option<u32>| id.map_or(String::new(), |id| tokens[id as usize].to_owned());
    let texts = [text(bos), text(eos)];
    let vocabulary = Vocabulary { tokens, types };
    let mut engine = match kind {
        VocabularyKind::ByteLevel => byte_level::engine(&meta, &vocabulary)?,
        VocabularyKind::SentencePiece => sentencepiece::engine(&meta, &vocabulary)?,
    };
    let added = engine.add_special_tokens(vocabulary.whole());
    added.map_err(|error| meta.fault("tokens", error.to_string()))?;
    let piece = match kind {
        VocabularyKind::ByteLevel => byte_level::piece,
        VocabularyKind::SentencePiece => sentencepiece::piece,
    };
    let pieces = vocabulary.tokens.iter().zip(&vocabulary.types);
    Ok(Tokenizer {
        engine,
        pieces: pieces.map(|(token, kind)| piece(token, *kind)).collect(),
        texts,
        add_bos: meta.flag("add_bos_token", kind == VocabularyKind::SentencePiece) && bos.is_some(),
        bos,
        stops: [eos, eot].into_iter().flatten().collect(),
    })
}
