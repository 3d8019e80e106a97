//! Generates the continuation of a prompt, phase by phase.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::Tensor;

use crate::capture;
use crate::error::{Error, Result};
use crate::instrument::{phase, section};
use crate::model::Model;
use crate::sampling::{Sampler, SamplingOptions};
use crate::tokenizer::Detokenizer;

/// Prompt tokens per forward pass. Attention scores of a pass take
/// `heads * PREFILL_CHUNK * context * 4` bytes, so a pass must be bounded.
const PREFILL_CHUNK: usize = 512;

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
    /// Set to `true` to stop before the next token.
    pub cancel: Option<Arc<AtomicBool>>,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        let SamplingOptions {
            temperature,
            top_k,
            top_p,
            seed,
            repeat_penalty,
        } = SamplingOptions::default();
        let (raw, system, cancel) = (false, None, None);
        Self {
            max_tokens: 128,
            temperature,
            top_k,
            top_p,
            seed,
            repeat_penalty,
            raw,
            system,
            cancel,
        }
    }
}

impl GenerateOptions {
    fn sampler(&self) -> Result<Sampler> {
        let Self {
            temperature,
            top_k,
            top_p,
            seed,
            repeat_penalty,
            ..
        } = *self;
        Sampler::new(SamplingOptions {
            temperature,
            top_k,
            top_p,
            seed,
            repeat_penalty,
        })
    }

    fn is_cancelled(&self) -> bool {
        self.cancel
            .as_ref()
            .is_some_and(|flag| flag.load(Ordering::Relaxed))
    }
}

/// One sampled token.
#[derive(Debug, Clone, Copy)]
pub struct TokenEvent<'t> {
    /// 0 for the first.
    pub index: usize,
    /// Its id.
    pub id: u32,
    /// The text that this token completes; empty within a character and for control
    /// tokens.
    pub text: &'t str,
}

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The model ended its text.
    EndOfText,
    /// [`GenerateOptions::max_tokens`] was reached.
    MaxTokens,
    /// The model's context has no room for another token.
    ContextFull,
    /// The callback or [`GenerateOptions::cancel`] requested it.
    Cancelled,
}

/// A finished generation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Generation {
    /// The new text, without the prompt.
    pub text: String,
    /// Sampled tokens, an end token included.
    pub tokens: Vec<u32>,
    /// Tokens of the prompt, template included.
    pub input_tokens: usize,
    /// Tokens sampled, an end token included.
    pub output_tokens: usize,
    /// Why it ended.
    pub stop: StopReason,
    /// Bytes of the key-value cache at the end.
    pub kv_cache_bytes: usize,
    /// Set if the context cannot hold all requested tokens.
    pub warning: Option<String>,
}

/// Generates a continuation of `prompt`, calling `on_token` for each token.
///
/// The model starts from an empty cache and is left with one. The spans are
/// drawn in [`crate::instrument`].
///
/// # Errors
/// For options out of range, a prompt without tokens or longer than the
/// context, and whatever Candle reports. The cache is empty then, too.
pub fn generate(
    model: &mut Model,
    prompt: &str,
    options: &GenerateOptions,
    on_token: impl FnMut(TokenEvent<'_>) -> ControlFlow<()>,
) -> Result<Generation> {
    let sampler = options.sampler()?;
    model.reset();
    let generator = Generator {
        model,
        options,
        sampler,
        on_token,
        warning: None,
    };
    generator.run(prompt)
}

struct Generator<'g, F> {
    model: &'g mut Model,
    options: &'g GenerateOptions,
    sampler: Sampler,
    on_token: F,
    warning: Option<String>,
}

impl<F> Drop for Generator<'_, F> {
    fn drop(&mut self) {
        self.model.reset();
    }
}

/// Result of decoding.
struct Decoded {
    tokens: Vec<u32>,
    stop: StopReason,
}

impl<F: FnMut(TokenEvent<'_>) -> ControlFlow<()>> Generator<'_, F> {
    fn run(mut self, prompt: &str) -> Result<Generation> {
        let none = tracing::field::Empty;
        let span = phase!(INFERENCE, input_tokens = none, output_tokens = none);
        let _entered = span.enter();
        let (ids, chunks) = phase!(PRE_INFERENCE).in_scope(|| self.prepare(prompt))?;
        span.record("input_tokens", ids.len());
        let logits = phase!(PREFILL).in_scope(|| self.prefill(&chunks))?;
        let decoded = phase!(DECODE).in_scope(|| self.decode(logits))?;
        span.record("output_tokens", decoded.tokens.len());
        phase!(POST_INFERENCE).in_scope(|| self.finish(decoded, ids.len()))
    }

    /// Returns the tokens of the prompt, also as tensors of one pass each.
    fn prepare(&mut self, prompt: &str) -> Result<(Vec<u32>, Vec<Tensor>)> {
        let ids = section!(TOKENIZATION; self.tokenize(prompt))?;
        let room = self.room(ids.len())?;
        self.sampler.remember(&ids);
        let chunks = section!(TENSOR_TRANSFER; self.transfer(&ids))?;
        let positions = ids.len() + room.saturating_sub(1);
        section!(KV_CACHE_INIT; self.model.decoder.reserve(positions))?;
        Ok((ids, chunks))
    }

    fn tokenize(&self, prompt: &str) -> Result<Vec<u32>> {
        let model = &self.model;
        match model.chat.as_ref().filter(|_| !self.options.raw) {
            Some(chat) => {
                let prompt = chat.render(self.options.system.as_deref(), prompt)?;
                model.tokenizer.encode(&prompt)
            }
            None => model.tokenizer.encode(prompt),
        }
    }

    /// Returns the number of tokens that can be sampled after a prompt, at most
    /// `max_tokens`.
    fn room(&mut self, tokens: usize) -> Result<usize> {
        let context = self.model.decoder.context;
        if tokens == 0 {
            return Err(Error::EmptyPrompt);
        }
        if tokens >= context {
            return Err(Error::PromptTooLong { tokens, context });
        }
        let (room, requested) = (context - tokens, self.options.max_tokens);
        if requested > room {
            self.warn(format!(
                "the context of {context} tokens has room for {room} after the prompt's {tokens}, fewer than the {requested} requested"
            ));
        }
        Ok(room.min(requested))
    }

    fn warn(&mut self, warning: String) {
        tracing::warn!(target: crate::instrument::TARGET, "{warning}");
        self.warning = Some(warning);
    }

    fn transfer(&self, ids: &[u32]) -> Result<Vec<Tensor>> {
        let chunks = ids.chunks(PREFILL_CHUNK);
        chunks
            .map(|chunk| self.model.decoder.tensor(chunk))
            .collect()
    }

    /// Returns the logits of the first new token; only the last pass computes logits.
    fn prefill(&mut self, chunks: &[Tensor]) -> Result<Tensor> {
        let decoder = &mut self.model.decoder;
        let Some((last, front)) = chunks.split_last() else {
            return Err(Error::EmptyPrompt);
        };
        for chunk in front {
            decoder.hidden(chunk, true)?;
        }
        let logits = decoder.forward(last, true)?;
        decoder.device.synchronize()?;
        Ok(logits)
    }

    fn decode(&mut self, mut logits: Tensor) -> Result<Decoded> {
        let mut tokens = Vec::new();
        let mut text = Detokenizer::default();
        loop {
            if let Some(stop) = self.must_stop(tokens.len()) {
                return Ok(Decoded { tokens, stop });
            }
            let flow = self.token(&mut tokens, &mut text, &mut logits)?;
            if let Some(stop) = flow {
                return Ok(Decoded { tokens, stop });
            }
        }
    }

    /// Returns the reason to sample no further token, if there is one.
    fn must_stop(&self, sampled: usize) -> Option<StopReason> {
        let decoder = &self.model.decoder;
        // The last sampled token is not in the cache yet.
        let needed = decoder.position() + usize::from(sampled > 0);
        match () {
            _ if self.options.is_cancelled() => Some(StopReason::Cancelled),
            _ if sampled >= self.options.max_tokens => Some(StopReason::MaxTokens),
            _ if needed >= decoder.context => Some(StopReason::ContextFull),
            _ => None,
        }
    }

    /// Generates one token in its span: the forward pass (except for the first token) and
    /// sampling.
    fn token(
        &mut self,
        tokens: &mut Vec<u32>,
        text: &mut Detokenizer,
        logits: &mut Tensor,
    ) -> Result<Option<StopReason>> {
        let (index, none) = (tokens.len(), tracing::field::Empty);
        let span = phase!(TOKEN, token = index, token_id = none, text = none);
        let _entered = span.enter();
        if let Some(&last) = tokens.last() {
            let ids = self.model.decoder.tensor(&[last])?;
            *logits = self.model.decoder.forward(&ids, false)?;
        }
        let id = choose(&mut self.sampler, logits)?;
        let piece = text.push(self.model.tokenizer.piece(id));
        span.record("token_id", id);
        span.record("text", piece.as_str());
        tokens.push(id);
        Ok(self.report(TokenEvent {
            index,
            id,
            text: &piece,
        }))
    }

    fn report(&mut self, event: TokenEvent<'_>) -> Option<StopReason> {
        let flow = (self.on_token)(event);
        match self.model.tokenizer.is_stop(event.id) {
            true => Some(StopReason::EndOfText),
            false if flow.is_break() => Some(StopReason::Cancelled),
            false => None,
        }
    }

    fn finish(&mut self, decoded: Decoded, input_tokens: usize) -> Result<Generation> {
        let Decoded { tokens, stop } = decoded;
        let decoder = &mut self.model.decoder;
        // Sampling already moved the logits; only pending work remains.
        section!(TENSOR_TO_CPU; decoder.device.synchronize())?;
        let text = section!(DETOKENIZATION; self.model.tokenizer.decode(&tokens));
        let kv_cache_bytes = decoder.cache_bytes();
        section!(CLEANUP; decoder.reset());
        let output_tokens = tokens.len();
        let warning = self.warning.take();
        Ok(Generation {
            text,
            tokens,
            input_tokens,
            output_tokens,
            stop,
            kv_cache_bytes,
            warning,
        })
    }
}

/// Chooses the next token from its logits, in its span.
pub(crate) fn choose(sampler: &mut Sampler, logits: &Tensor) -> Result<u32> {
    section!(SAMPLING; {
        let copied = logits.to_vec1::<f32>()?;
        // A capture repeats the choice from the initial state.
        let before = capture::is_on().then(|| sampler.clone());
        let chosen = sampler.sample(&copied);
        if let Some(before) = before {
            let logits = logits.clone();
            capture::keep(None, &chosen, move || {
                before.clone().sample(&logits.to_vec1::<f32>()?)
            });
        }
        chosen
    })
}
