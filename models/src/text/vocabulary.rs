//! The tokens of a vocabulary with their types.

use tokenizers::AddedToken;
use tokenizers::models::bpe::Vocab;

/// Token type of a piece of text.
pub(super) const NORMAL: i64 = 1;
/// Token type of the unknown token.
pub(super) const UNKNOWN: i64 = 2;
/// Token type of a control token: never part of the text.
pub(super) const CONTROL: i64 = 3;
/// Token type of a token that was added whole.
pub(super) const USER_DEFINED: i64 = 4;
/// Token type of a single byte, `<0x0A>`.
pub(super) const BYTE: i64 = 6;

/// Tokens of a file, by id.
pub(super) struct Vocabulary<'v> {
    pub(super) tokens: Vec<&'v str>,
    pub(super) types: Vec<i64>,
}

impl Vocabulary<'_> {
    /// Returns the id of each token.
    pub(super) fn by_text(&self) -> Vocab {
        let ids = self.tokens.iter().zip(0..);
        ids.map(|(token, id)| (token.to_string(), id)).collect()
    }

    /// Returns the tokens that are never cut. Those that `strips` names include the whitespace
    /// after them.
    pub(super) fn whole(&self, strips: impl Fn(&str) -> bool) -> Vec<AddedToken> {
        let is_whole = |kind: i64| matches!(kind, CONTROL | USER_DEFINED | UNKNOWN);
        let all = self.tokens.iter().zip(&self.types);
        let whole = all.filter(|(token, kind)| is_whole(**kind) && !token.is_empty());
        whole
            .map(|(token, _)| AddedToken::from(token.to_string(), true).rstrip(strips(token)))
            .collect()
    }
}
