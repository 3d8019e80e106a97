//! Converts text to tokens and back.

use tokenizers::Tokenizer as Engine;

use crate::error::{Error, Result};
use crate::text::detokenizer::Detokenizer;

/// A tokenizer with the special tokens that frame a generation.
#[derive(Debug)]
pub struct Tokenizer {
    pub(super) engine: Engine,
    /// The bytes of each token; empty for control tokens.
    pub(super) pieces: Vec<Box<[u8]>>,
    pub(super) bos: Option<u32>,
    pub(super) add_bos: bool,
    pub(super) stops: Vec<u32>,
    /// Texts of the special tokens by their names in templates: `bos_token`, ...
    pub(super) special: Vec<(&'static str, String)>,
}

impl Tokenizer {
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
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut detokenizer = Detokenizer::default();
        let mut text: String = ids
            .iter()
            .map(|id| detokenizer.push(self.piece(*id)))
            .collect();
        text.push_str(&detokenizer.finish());
        text
    }

    /// Returns the bytes of a token, which may be part of a character; empty for control
    /// tokens and unknown ids.
    pub fn piece(&self, id: u32) -> &[u8] {
        self.pieces.get(id as usize).map_or(&[], |piece| piece)
    }

    /// Returns the tokens that end the text, in ascending order.
    pub fn stops(&self) -> &[u32] {
        &self.stops
    }

    /// Returns the id of a control token, `None` for tokens that are part of the text.
    pub fn control_token(&self, text: &str) -> Option<u32> {
        let id = self.engine.token_to_id(text)?;
        self.piece(id).is_empty().then_some(id)
    }

    /// Whether a token ends the text.
    pub fn is_stop(&self, id: u32) -> bool {
        self.stops.contains(&id)
    }

    /// Returns the number of tokens in the vocabulary.
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// Returns the texts of the special tokens by their names in templates.
    pub(crate) fn special_texts(&self) -> Vec<(&'static str, String)> {
        self.special.clone()
    }
}
