//! Options of a generation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Result;
use crate::sampling::{Sampler, SamplingOptions};
use crate::text::chat::options::ChatOptions;

/// Options of a generation: sampling and stop conditions.
#[derive(Debug, Clone)]
pub struct GenerateOptions {
    /// Tokens to sample at most.
    pub max_tokens: usize,
    /// Sampling temperature; 0 is greedy.
    pub temperature: f32,
    /// Keep only this many of the most likely tokens.
    pub top_k: Option<usize>,
    /// Keep the most likely tokens until their probability reaches this.
    pub top_p: Option<f32>,
    /// Keep the tokens that are at least this share as likely as the most likely one.
    pub min_p: Option<f32>,
    /// The same seed gives the same text.
    pub seed: u64,
    /// Penalty that makes earlier tokens, those of the prompt included, less likely; 1
    /// disables it.
    pub repeat_penalty: f32,
    /// Continue the prompt as it is, without the model's chat template.
    pub raw: bool,
    /// System turn before the prompt; the template's own if `None`. Unused
    /// when `raw`.
    pub system: Option<String>,
    /// Names and values of the chat template's variables, such as `enable_thinking`. A value is
    /// JSON, or else text.
    pub chat: Vec<(String, String)>,
    /// Texts that end the generation; the result is cut before the first. The name of a control
    /// token, such as `<|im_end|>`, stands for that token.
    pub stop: Vec<String>,
    /// Never sample a token that ends an answer, so that answers have their maximum length.
    pub ignore_eos: bool,
    /// Set to `true` to stop before the next token, or the next pass of prefill.
    pub cancel: Option<Arc<AtomicBool>>,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        let SamplingOptions {
            temperature,
            top_k,
            top_p,
            min_p,
            seed,
            repeat_penalty,
        } = SamplingOptions::default();
        let (raw, system, cancel) = (false, None, None);
        let (chat, stop) = (Vec::new(), Vec::new());
        Self {
            max_tokens: 128,
            temperature,
            top_k,
            top_p,
            min_p,
            seed,
            repeat_penalty,
            raw,
            system,
            chat,
            stop,
            ignore_eos: false,
            cancel,
        }
    }
}

impl GenerateOptions {
    /// Checks the values of sampling.
    ///
    /// # Errors
    /// [`Error::Sampling`](crate::Error::Sampling) if one is outside of its range.
    pub fn check(&self) -> Result<()> {
        self.sampler().map(drop)
    }

    /// Returns a sampler with these options.
    pub(crate) fn sampler(&self) -> Result<Sampler> {
        let Self {
            temperature,
            top_k,
            top_p,
            min_p,
            seed,
            repeat_penalty,
            ..
        } = *self;
        Sampler::new(SamplingOptions {
            temperature,
            top_k,
            top_p,
            min_p,
            seed,
            repeat_penalty,
        })
    }

    /// Returns what the chat template renders besides the prompt.
    pub(crate) fn of_chat(&self) -> ChatOptions {
        ChatOptions {
            system: self.system.clone(),
            variables: self.chat.clone(),
            now_s: None,
        }
    }

    /// Whether the flag is set.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel
            .as_ref()
            .is_some_and(|flag| flag.load(Ordering::Relaxed))
    }
}
