//! Converts text to tokens and back, with the vocabulary of a GGUF file.
//!
//! Byte-level BPE vocabularies are supported with the pre-tokenizers listed in `pre`, and
//! those of SentencePiece. A vocabulary of another kind is refused: a wrong split gives
//! tokens that the model never saw.

mod byte_level;
mod bytes;
mod detokenizer;
mod json;
mod meta;
mod pre;
mod spm;

use tokenizers::models::bpe::Vocab;
use tokenizers::{AddedToken, Tokenizer as Engine};

pub(crate) use bytes::encode as encode_byte;
pub use detokenizer::Detokenizer;
use meta::Meta;

use crate::error::{Error, Result};
use crate::weights::gguf::Gguf;

/// Token type of a control token: never part of the text.
const CONTROL: i64 = 3;
/// Token type of a token that was added whole.
const USER_DEFINED: i64 = 4;

/// Kind of a vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    ByteLevel,
    SentencePiece,
}

impl Kind {
    fn of(meta: &Meta<'_>) -> Result<Self> {
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
        let kind = Kind::of(&meta)?;
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
            Kind::ByteLevel => byte_level::engine(&meta, &vocabulary)?,
            Kind::SentencePiece => spm::engine(&meta, &vocabulary)?,
        };
        let added = engine.add_special_tokens(vocabulary.whole());
        added.map_err(|error| meta.fault("tokens", error.to_string()))?;
        let piece = match kind {
            Kind::ByteLevel => byte_level::piece,
            Kind::SentencePiece => spm::piece,
        };
        let pieces = vocabulary.tokens.iter().zip(&vocabulary.types);
        Ok(Self {
            engine,
            pieces: pieces.map(|(token, kind)| piece(token, *kind)).collect(),
            texts,
            add_bos: meta.flag("add_bos_token", kind == Kind::SentencePiece) && bos.is_some(),
            bos,
            stops: [eos, eot].into_iter().flatten().collect(),
        })
    }

    /// Returns the tokens of a text. Special tokens in the text are recognised, and the
    /// model's start token comes first if the file's settings require it.
    ///
    /// # Errors
    /// If the text cannot be split, which should not happen for valid text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.engine.encode_fast(text, false);
        let encoding = encoding.map_err(|error| Error::Tokenizer(error.to_string()))?;
        let ids = encoding.get_ids();
        let start = self
            .bos
            .filter(|bos| self.add_bos && ids.first() != Some(bos));
        Ok(start.into_iter().chain(ids.iter().copied()).collect())
    }

    /// Returns the text of tokens; bytes that are not UTF-8 become replacement characters.
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

/// Tokens of a file, by id.
struct Vocabulary<'v> {
    tokens: Vec<&'v str>,
    types: Vec<i64>,
}

impl Vocabulary<'_> {
    fn by_text(&self) -> Vocab {
        let ids = self.tokens.iter().zip(0..);
        ids.map(|(token, id)| (token.to_string(), id)).collect()
    }

    /// Tokens that are never cut.
    fn whole(&self) -> Vec<AddedToken> {
        let is_whole = |kind: i64| kind == CONTROL || kind == USER_DEFINED;
        let all = self.tokens.iter().zip(&self.types);
        let whole = all.filter(|(token, kind)| is_whole(**kind) && !token.is_empty());
        whole
            .map(|(token, _)| AddedToken::from(token.to_string(), true))
            .collect()
    }
}
