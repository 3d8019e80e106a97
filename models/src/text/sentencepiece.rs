//! SentencePiece vocabularies (`tokenizer.ggml.model = llama`): neighbours merge to the
//! token of the highest score, and text in no token falls back to its bytes.
//!
//! ```text
//! " the"   ▁ t h e     ▁t -3   he -1   the -2   ▁the -4
//!          ▁ t [he]    -> ▁ [the]    -> [▁the]
//! ```

use tokenizers::Tokenizer as Engine;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::prepend::Prepend;
use tokenizers::normalizers::replace::Replace;
use tokenizers::normalizers::{NormalizerWrapper, Sequence};

use crate::error::{Error, Result};
use crate::text::metadata::VocabularyMetadata;
use crate::text::vocabulary::{BYTE, CONTROL, NORMAL, UNKNOWN, USER_DEFINED, Vocabulary};

/// Replacement of a space.
pub(super) const SPACE: &str = "\u{2581}";

pub(super) fn engine(meta: &VocabularyMetadata<'_>, vocabulary: &Vocabulary<'_>) -> Result<Engine> {
    let scores = meta.numbers("scores", vocabulary.tokens.len())?;
    let fault =
        |error: Box<dyn std::error::Error + Send + Sync>| meta.fault("tokens", error.to_string());
    let has_bytes = vocabulary.types.contains(&BYTE);
    let unknown = vocabulary.types.iter().position(|kind| *kind == UNKNOWN);
    let mut builder = BPE::builder()
        .vocab_and_merges(vocabulary.by_text(), merges(vocabulary, &scores))
        .byte_fallback(has_bytes)
        .fuse_unk(true);
    if let Some(unknown) = unknown {
        builder = builder.unk_token(vocabulary.tokens[unknown].to_owned());
    }
    let mut engine = Engine::new(builder.build().map_err(fault)?);
    let normalizer = normalizer(meta.flag("add_space_prefix", true))?;
    engine.with_normalizer(Some(normalizer)).map_err(fault)?;
    Ok(engine)
}

fn normalizer(adds_space: bool) -> Result<NormalizerWrapper> {
    let replace = Replace::new(" ", SPACE).map_err(|error| Error::Tokenizer(error.to_string()))?;
    let mut parts: Vec<NormalizerWrapper> = Vec::new();
    if adds_space {
        parts.push(Prepend::new(SPACE.to_owned()).into());
    }
    parts.push(replace.into());
    Ok(Sequence::new(parts).into())
}

/// All pairs of tokens whose text together is a token, that of the highest score first.
fn merges(vocabulary: &Vocabulary<'_>, scores: &[f32]) -> Vec<(String, String)> {
    let ids = vocabulary.by_text();
    let is_text = |text: &str| {
        let id = ids.get(text).map(|id| *id as usize);
        id.is_some_and(|id| vocabulary.types[id] == NORMAL)
    };
    let mut order: Vec<usize> = (0..vocabulary.tokens.len()).collect();
    // Stable: of the same score, the smaller id comes first.
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let mut merges = Vec::new();
    for id in order
        .into_iter()
        .filter(|id| vocabulary.types[*id] == NORMAL)
    {
        let token = vocabulary.tokens[id];
        let cuts = token.char_indices().skip(1).map(|(at, _)| at);
        let pairs = cuts.map(|at| token.split_at(at));
        let pairs = pairs.filter(|(left, right)| is_text(left) && is_text(right));
        merges.extend(pairs.map(|(left, right)| (left.to_owned(), right.to_owned())));
    }
    merges
}

/// Bytes of a token.
pub(super) fn piece(token: &str, kind: i64) -> Box<[u8]> {
    let byte = || {
        let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
        u8::from_str_radix(digits, 16).ok()
    };
    match kind {
        CONTROL | UNKNOWN => Box::default(),
        USER_DEFINED => token.as_bytes().into(),
        BYTE => byte().map_or(Box::default(), |byte| Box::new([byte])),
        _ => token.replace(SPACE, " ").into_bytes().into(),
    }
}
