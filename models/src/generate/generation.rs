//! What a generation reports: each token, and the result.

/// One sampled token.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TokenEvent<'t> {
    /// 0 for the first.
    pub index: usize,
    /// Its id.
    pub id: u32,
    /// The text that this token completes; empty within a character and for control
    /// tokens. What may be the beginning of a [stop text](crate::GenerateOptions::stop) comes
    /// later, or is only in [`Generation::text`] if the generation ends.
    pub text: &'t str,
}

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The model ended its text.
    EndOfText,
    /// One of [`GenerateOptions::stop`](crate::GenerateOptions::stop) was generated.
    StopText,
    /// [`GenerateOptions::max_tokens`](crate::GenerateOptions::max_tokens) was reached.
    MaxTokens,
    /// The model's context has no room for another token.
    ContextFull,
    /// The callback or [`GenerateOptions::cancel`](crate::GenerateOptions::cancel) requested it.
    Cancelled,
}

impl StopReason {
    /// Returns its name, such as `max_tokens`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EndOfText => "end_of_text",
            Self::StopText => "stop_text",
            Self::MaxTokens => "max_tokens",
            Self::ContextFull => "context_full",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A finished generation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Generation {
    /// The new text, without the prompt and without the stop text that ended it.
    pub text: String,
    /// Sampled tokens, an end token and those of a stop text included.
    pub tokens: Vec<u32>,
    /// Tokens of the prompt that were processed, template included: all, unless prefill was
    /// cancelled.
    pub input_tokens: usize,
    /// Tokens sampled, an end token included.
    pub output_tokens: usize,
    /// Why it ended.
    pub stop: StopReason,
    /// Bytes of the key-value cache at the end.
    pub kv_cache_bytes: usize,
    /// Positions of the context that were used.
    pub positions: usize,
    /// Positions of the context.
    pub context: usize,
    /// Set if the context cannot hold all requested tokens, or is nearly full.
    pub warning: Option<String>,
}

impl Generation {
    /// Returns the used share of the context, from 0 to 1.
    #[must_use]
    pub fn context_share(&self) -> f64 {
        self.positions as f64 / self.context.max(1) as f64
    }
}
