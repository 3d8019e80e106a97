//! Generates the continuation of a prompt, phase by phase.

use std::ops::ControlFlow;

use candle_core::Tensor;

use crate::error::{Error, Result};
use crate::generate::generation::{Generation, StopReason, TokenEvent};
use crate::generate::next_token::choose;
use crate::generate::options::GenerateOptions;
use crate::generate::stop_texts::StopTexts;
use crate::instrument::macros::{phase, section};
use crate::instrument::names::TARGET;
use crate::layers::pass::PREFILL_CHUNK;
use crate::model::Model;
use crate::sampling::Sampler;
use crate::text::detokenizer::Detokenizer;

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
    let stop = Stop::new(model, options)?;
    model.reset();
    let generator = Generator {
        model,
        options,
        sampler,
        stop,
        on_token,
        warning: None,
    };
    generator.run(prompt)
}

struct Generator<'g, F> {
    model: &'g mut Model,
    options: &'g GenerateOptions,
    sampler: Sampler,
    stop: Stop,
    on_token: F,
    warning: Option<String>,
}

impl<F> Drop for Generator<'_, F> {
    fn drop(&mut self) {
        self.model.reset();
    }
}

/// What ends the text besides the model's own end tokens.
struct Stop {
    texts: StopTexts,
    /// Control tokens that were named as stop texts.
    tokens: Vec<u32>,
}

impl Stop {
    fn new(model: &Model, options: &GenerateOptions) -> Result<Self> {
        let stop = options.stop.iter();
        let tokens = stop.filter_map(|text| model.tokenizer.control_token(text));
        Ok(Self {
            texts: StopTexts::new(&options.stop)?,
            tokens: tokens.collect(),
        })
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
        let decoded = phase!(DECODE).in_scope(|| match logits {
            Some(logits) => self.decode(logits),
            None => Ok(Decoded {
                tokens: Vec::new(),
                stop: StopReason::Cancelled,
            }),
        })?;
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
                let prompt = chat.render(prompt, &self.options.of_chat())?;
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
        tracing::warn!(target: TARGET, "{warning}");
        self.warning = Some(warning);
    }

    fn transfer(&self, ids: &[u32]) -> Result<Vec<Tensor>> {
        let chunks = ids.chunks(PREFILL_CHUNK);
        chunks
            .map(|chunk| self.model.decoder.tensor(chunk))
            .collect()
    }

    /// Returns the logits of the first new token, `None` if it was cancelled; only the last pass
    /// computes logits.
    fn prefill(&mut self, chunks: &[Tensor]) -> Result<Option<Tensor>> {
        let options = self.options;
        let decoder = &mut self.model.decoder;
        let Some((last, front)) = chunks.split_last() else {
            return Err(Error::EmptyPrompt);
        };
        for chunk in front {
            if options.is_cancelled() {
                return Ok(None);
            }
            decoder.hidden(chunk, true)?;
        }
        if options.is_cancelled() {
            return Ok(None);
        }
        let logits = decoder.forward(last, true)?;
        decoder.device.synchronize()?;
        Ok(Some(logits))
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
        let shown = self.stop.texts.push(&piece);
        let event = TokenEvent {
            index,
            id,
            text: &shown.text,
        };
        let flow = (self.on_token)(event);
        Ok(match () {
            _ if self.model.tokenizer.is_stop(id) => Some(StopReason::EndOfText),
            _ if shown.is_end || self.stop.tokens.contains(&id) => Some(StopReason::StopText),
            _ if flow.is_break() => Some(StopReason::Cancelled),
            _ => None,
        })
    }

    fn finish(&mut self, decoded: Decoded, input_tokens: usize) -> Result<Generation> {
        let Decoded { tokens, stop } = decoded;
        let decoder = &mut self.model.decoder;
        // Sampling already moved the logits; only pending work remains.
        section!(TENSOR_TO_CPU; decoder.device.synchronize())?;
        let mut text = section!(DETOKENIZATION; self.model.tokenizer.decode(&tokens));
        text.truncate(self.stop.texts.first(&text).unwrap_or(text.len()));
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
