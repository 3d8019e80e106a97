//! Byte pair vocabularies (`tokenizer.ggml.model = gpt2` or `gemma4`): pieces are cut by a
//! pre-tokenizer, then pairs merge in the order that the file lists.

use tokenizers::Tokenizer as Engine;
use tokenizers::models::bpe::BPE;

use crate::error::{Error, Result};
use crate::text::bytes;
use crate::text::metadata::VocabularyMetadata;
use crate::text::pre_tokenizer::{self, PreTokenizer};
use crate::text::vocabulary::{CONTROL, UNKNOWN, USER_DEFINED, Vocabulary};

/// Returns the pre-tokenizer that a file names.
///
/// # Errors
/// If it is not supported.
pub(super) fn pre_tokenizer(meta: &VocabularyMetadata<'_>) -> Result<&'static PreTokenizer> {
    // Gemma 4's files name it as the kind of the vocabulary.
    let name = match meta.text("model")? {
        "gemma4" => "gemma4",
        _ => meta.text_or("pre", "default")?,
    };
    pre_tokenizer::find(name).ok_or_else(|| {
        let problem = format!(
            "`{name}` is not supported; supported are: {}",
            pre_tokenizer::supported()
        );
        meta.refuse("pre", problem)
    })
}

pub(super) fn engine(
    meta: &VocabularyMetadata<'_>,
    vocabulary: &Vocabulary<'_>,
    pre: &PreTokenizer,
) -> Result<Engine> {
    let mut builder = BPE::builder()
        .vocab_and_merges(vocabulary.by_text(), merges(meta)?)
        .ignore_merges(pre.ignore_merges);
    if !pre.has_byte_alphabet() {
        builder = builder.byte_fallback(true).fuse_unk(true);
        if let Some(unknown) = vocabulary.types.iter().position(|kind| *kind == UNKNOWN) {
            builder = builder.unk_token(vocabulary.tokens[unknown].to_owned());
        }
    }
    let model = builder.build();
    let model = model.map_err(|error| meta.fault("merges", error.to_string()))?;
    let mut engine = Engine::new(model);
    if let Some(normalizer) = pre.normalizer()? {
        let set = engine.with_normalizer(Some(normalizer));
        set.map_err(|error| Error::Tokenizer(error.to_string()))?;
    }
    engine.with_pre_tokenizer(pre.build()?);
    Ok(engine)
}

fn merges(meta: &VocabularyMetadata<'_>) -> Result<Vec<(String, String)>> {
    let pair = |merge: &&str| {
        // The first part may itself be a space.
        let first = merge.chars().next()?.len_utf8();
        let (at, _) = merge.match_indices(' ').find(|(at, _)| *at >= first)?;
        Some((merge[..at].to_owned(), merge[at + 1..].to_owned()))
    };
    let merges = meta.texts("merges")?;
    let pairs: Option<_> = merges.iter().map(pair).collect();
    pairs.ok_or_else(|| meta.fault("merges", "has an entry that is not two parts".into()))
}

/// Bytes of a token.
pub(super) fn piece(token: &str, kind: i64) -> Box<[u8]> {
    match kind {
        CONTROL => Box::default(),
        USER_DEFINED => token.as_bytes().into(),
        _ => bytes::decode(token).into(),
    }
}
