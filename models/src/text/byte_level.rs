//! Byte-level vocabularies (`tokenizer.ggml.model = gpt2`): pieces are cut by a
//! pre-tokenizer, then pairs merge in the order that the file lists.

use tokenizers::Tokenizer as Engine;
use tokenizers::models::bpe::BPE;

use crate::error::{Error, Result};
use crate::text::metadata::VocabularyMetadata;
use crate::text::vocabulary::{CONTROL, USER_DEFINED, Vocabulary};
use crate::text::{bytes, pre_tokenizer};

pub(super) fn engine(meta: &VocabularyMetadata<'_>, vocabulary: &Vocabulary<'_>) -> Result<Engine> {
    let pre = meta.text_or("pre", "default")?;
    let Some(split) = pre_tokenizer::find(pre) else {
        let problem = format!(
            "`{pre}` is not supported; supported are: {}",
            pre_tokenizer::supported()
        );
        return Err(meta.refuse("pre", problem));
    };
    let model = BPE::builder()
        .vocab_and_merges(vocabulary.by_text(), merges(meta)?)
        .ignore_merges(split.ignore_merges)
        .build()
        .map_err(|error| meta.fault("merges", error.to_string()))?;
    let mut engine = Engine::new(model);
    if let Some(normalizer) = (split.normalizer)() {
        let set = engine.with_normalizer(Some(normalizer));
        set.map_err(|error| Error::Tokenizer(error.to_string()))?;
    }
    engine.with_pre_tokenizer(Some((split.build)()?));
    Ok(engine)
}

fn merges(meta: &VocabularyMetadata<'_>) -> Result<Vec<(String, String)>> {
    let pair = |merge: &&str| {
        let (left, right) = merge.split_once(' ')?;
        Some((left.to_owned(), right.to_owned()))
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
