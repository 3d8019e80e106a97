//! Text to tokens and back, from the vocabulary inside of a GGUF file.
//!
//! Byte-level BPE vocabularies (`tokenizer.ggml.model = gpt2`) are supported
//! with the pre-tokenizers listed in `pre`. A vocabulary of another kind is
//! refused: a wrong split gives tokens that the model never saw.

mod bytes;
mod detokenizer;
mod pre;

use candle_core::quantized::gguf_file::Value;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::{AddedToken, Tokenizer as Engine};

pub(crate) use bytes::encode as encode_byte;
pub use detokenizer::Detokenizer;

use crate::error::{Error, Result};
use crate::weights::gguf::Gguf;

/// Token type of a control token: never part of the text.
const CONTROL: i64 = 3;
/// Token type of a token that was added whole.
const USER_DEFINED: i64 = 4;

/// A tokenizer with the special tokens that frame a generation.
#[derive(Debug)]
pub struct Tokenizer {
    engine: Engine,
    /// The bytes of each token; empty for control tokens.
    pieces: Vec<Box<[u8]>>,
    bos: Option<u32>,
    add_bos: bool,
    stops: Vec<u32>,
    /// Texts of the special tokens, for templates: `bos`, `eos`.
    texts: [String; 2],
}

impl Tokenizer {
    /// Builds the tokenizer of a file whose embedding has `vocab` rows.
    ///
    /// # Errors
    /// For a kind of vocabulary that is not supported, or a damaged one.
    pub(crate) fn read(gguf: &Gguf, vocab: usize) -> Result<Self> {
        let meta = Meta(gguf);
        meta.require_byte_level()?;
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
        Ok(Self {
            engine: engine(&meta, &tokens, &types)?,
            pieces: tokens
                .iter()
                .zip(&types)
                .map(|(token, kind)| piece(token, *kind))
                .collect(),
            texts: [text(bos), text(eos)],
            add_bos: meta.flag("add_bos_token") && bos.is_some(),
            bos,
            stops: [eos, eot].into_iter().flatten().collect(),
        })
    }

    /// Tokens of a text; special tokens written out in it count as such, and
    /// the model's start token comes first if the file asks for it.
    ///
    /// # Errors
    /// If the text cannot be split, which no valid text should cause.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.engine.encode_fast(text, false);
        let encoding = encoding.map_err(|error| Error::Tokenizer(error.to_string()))?;
        let ids = encoding.get_ids();
        let start = self
            .bos
            .filter(|bos| self.add_bos && ids.first() != Some(bos));
        Ok(start.into_iter().chain(ids.iter().copied()).collect())
    }

    /// Text of tokens; bytes that are no UTF-8 become replacement characters.
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut detokenizer = Detokenizer::default();
        let mut text: String = ids
            .iter()
            .map(|id| detokenizer.push(self.piece(*id)))
            .collect();
        text.push_str(&detokenizer.finish());
        text
    }

    /// Bytes of a token, which may be part of a character; empty for control
    /// tokens and unknown ids.
    pub fn piece(&self, id: u32) -> &[u8] {
        self.pieces.get(id as usize).map_or(&[], |piece| piece)
    }

    /// Whether a token ends the text.
    pub fn is_stop(&self, id: u32) -> bool {
        self.stops.contains(&id)
    }

    /// Tokens in the vocabulary.
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// Text of the start token, empty if there is none.
    pub(crate) fn bos_text(&self) -> &str {
        &self.texts[0]
    }

    /// Text of the end token, empty if there is none.
    pub(crate) fn eos_text(&self) -> &str {
        &self.texts[1]
    }
}

fn engine(meta: &Meta<'_>, tokens: &[&str], types: &[i64]) -> Result<Engine> {
    let ids = tokens.iter().zip(0..);
    let vocab: Vocab = ids.map(|(token, id)| (token.to_string(), id)).collect();
    let pre = meta.text("pre")?;
    let Some(split) = pre::find(pre) else {
        let problem = format!(
            "`{pre}` is not supported; supported are: {}",
            pre::supported()
        );
        return Err(meta.refuse("pre", problem));
    };
    let model = BPE::builder()
        .vocab_and_merges(vocab, merges(meta)?)
        .ignore_merges(split.ignore_merges)
        .build()
        .map_err(|error| meta.fault("merges", error.to_string()))?;
    let mut engine = Engine::new(model);
    engine.with_pre_tokenizer(Some((split.build)()?));
    let added = engine.add_special_tokens(special(tokens, types));
    added.map_err(|error| meta.fault("tokens", error.to_string()))?;
    Ok(engine)
}

fn merges(meta: &Meta<'_>) -> Result<Vec<(String, String)>> {
    let pair = |merge: &&str| {
        let (left, right) = merge.split_once(' ')?;
        Some((left.to_owned(), right.to_owned()))
    };
    let merges = meta.texts("merges")?;
    let pairs: Option<_> = merges.iter().map(pair).collect();
    pairs.ok_or_else(|| meta.fault("merges", "has an entry that is not two parts".into()))
}

fn special(tokens: &[&str], types: &[i64]) -> Vec<AddedToken> {
    let whole = |kind: i64| kind == CONTROL || kind == USER_DEFINED;
    let all = tokens.iter().zip(types);
    let added = all.filter(|(token, kind)| whole(**kind) && !token.is_empty());
    added
        .map(|(token, _)| AddedToken::from(token.to_string(), true))
        .collect()
}

fn piece(token: &str, kind: i64) -> Box<[u8]> {
    match kind {
        CONTROL => Box::default(),
        USER_DEFINED => token.as_bytes().into(),
        _ => bytes::decode(token).into(),
    }
}

/// Metadata below `tokenizer.ggml`.
struct Meta<'g>(&'g Gguf);

impl Meta<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.metadata().get(&format!("tokenizer.ggml.{key}"))
    }

    fn fault(&self, key: &str, problem: String) -> Error {
        self.0
            .fault(format!("metadata `tokenizer.ggml.{key}`"), problem)
    }

    fn refuse(&self, key: &str, problem: String) -> Error {
        let thing = format!("metadata `tokenizer.ggml.{key}`");
        Error::advise(
            self.0.path(),
            thing,
            problem,
            "choose a model with another tokenizer",
        )
    }

    fn require_byte_level(&self) -> Result<()> {
        match self.text("model")? {
            "gpt2" => Ok(()),
            other => Err(self.refuse(
                "model",
                format!("`{other}` is not supported; supported is: gpt2"),
            )),
        }
    }

    fn text(&self, key: &str) -> Result<&str> {
        match self.get(key) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(self.fault(key, "is missing or not text".into())),
        }
    }

    fn texts(&self, key: &str) -> Result<Vec<&str>> {
        let fault = || self.fault(key, "is missing or not a list of texts".into());
        let Some(Value::Array(values)) = self.get(key) else {
            return Err(fault());
        };
        let text = |value| text(value).ok_or_else(fault);
        values.iter().map(text).collect()
    }

    /// Token types; all normal if the file has none.
    fn types(&self, vocab: usize) -> Result<Vec<i64>> {
        let Some(Value::Array(values)) = self.get("token_type") else {
            return Ok(vec![1; vocab]);
        };
        let kind = |value: &Value| match value {
            Value::I32(kind) => Some(i64::from(*kind)),
            other => other
                .to_u64()
                .ok()
                .and_then(|kind| i64::try_from(kind).ok()),
        };
        let types: Option<Vec<_>> = values.iter().map(kind).collect();
        let complete = types.filter(|types| types.len() == vocab);
        complete.ok_or_else(|| self.fault("token_type", "does not fit the tokens".into()))
    }

    fn id(&self, key: &str, vocab: usize) -> Result<Option<u32>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.to_u64() {
            Ok(id) if (id as usize) < vocab => Ok(Some(id as u32)),
            _ => Err(self.fault(key, format!("is not one of {vocab} tokens"))),
        }
    }

    fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Value::Bool(true)))
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
