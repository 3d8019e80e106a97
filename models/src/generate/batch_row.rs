//! One sequence of a generation: its prompt, its sampler and its end.

use candle_core::Tensor;

use crate::error::{Error, Result};
use crate::generate::generation::{Generation, StopReason, TokenEvent};
use crate::generate::next_token::choose;
use crate::generate::options::GenerateOptions;
use crate::generate::prompt_tokens::prompt_tokens;
use crate::generate::stop_texts::StopTexts;
use crate::instrument::names::TARGET;
use crate::model::Model;
use crate::sampling::Sampler;
use crate::text::detokenizer::Detokenizer;
use crate::text::tokenizer::Tokenizer;

/// Share of the context, in percent, from which a warning is given.
const NEARLY_FULL: usize = 90;

/// A prompt of a batch with its own options.
#[derive(Debug, Clone, Copy)]
pub struct BatchPrompt<'p> {
    /// The prompt.
    pub prompt: &'p str,
    /// Sampling, its seed included, and what ends the answer.
    pub options: &'p GenerateOptions,
}

/// State of one sequence.
#[derive(Debug)]
pub(crate) struct BatchRow<'p> {
    /// Index of the sequence.
    pub index: usize,
    pub prompt: BatchPrompt<'p>,
    /// Tokens of the prompt.
    pub input: Vec<u32>,
    /// Sampled tokens.
    pub tokens: Vec<u32>,
    /// Logits of the first token, after prefill.
    pub logits: Option<Tensor>,
    /// Why it ended; `None` while it has not.
    pub stop: Option<StopReason>,
    /// Size of its cache when it ended.
    pub cache_bytes: usize,
    /// Positions in its cache when it ended.
    pub positions: usize,
    warning: Option<String>,
    /// Precedes messages; empty for a single sequence.
    label: String,
    sampler: Sampler,
    text: Detokenizer,
    stop_texts: StopTexts,
    /// Control tokens that were named as stop texts.
    stop_tokens: Vec<u32>,
}

impl<'p> BatchRow<'p> {
    /// Checks the options of sequence `index` of `count`.
    pub(crate) fn new(
        model: &Model,
        prompt: BatchPrompt<'p>,
        index: usize,
        count: usize,
    ) -> Result<Self> {
        let stop = prompt.options.stop.iter();
        let stop_tokens = stop.filter_map(|text| model.tokenizer.control_token(text));
        let mut sampler = prompt.options.sampler()?;
        if prompt.options.ignore_eos {
            sampler.exclude(model.tokenizer.stops());
        }
        Ok(Self {
            index,
            prompt,
            input: Vec::new(),
            tokens: Vec::new(),
            logits: None,
            stop: None,
            cache_bytes: 0,
            positions: 0,
            warning: None,
            label: match count {
                1 => String::new(),
                _ => format!("prompt {} of the batch: ", index + 1),
            },
            sampler,
            text: Detokenizer::default(),
            stop_texts: StopTexts::new(&prompt.options.stop)?,
            stop_tokens: stop_tokens.collect(),
        })
    }

    /// Reads the prompt with the model's chat template.
    pub(crate) fn tokenize(&mut self, model: &Model) -> Result<()> {
        let BatchPrompt { prompt, options } = self.prompt;
        self.input = prompt_tokens(&model.tokenizer, model.chat.as_ref(), prompt, options)?;
        self.sampler.remember(&self.input);
        Ok(())
    }

    /// Returns the positions that the sequence needs at most: those of the prompt, and all but
    /// the last one of up to `max_tokens` sampled ones.
    pub(crate) fn needed(&mut self, context: usize) -> Result<usize> {
        let tokens = self.input.len();
        if tokens == 0 {
            return Err(Error::EmptyPrompt);
        }
        if tokens >= context {
            return Err(Error::PromptTooLong { tokens, context });
        }
        let (room, requested) = (context - tokens, self.prompt.options.max_tokens);
        if requested > room {
            self.warn(format!(
                "the context of {context} tokens has room for {room} after the prompt's {tokens}, fewer than the {requested} requested"
            ));
        }
        Ok(tokens + room.min(requested).saturating_sub(1))
    }

    /// Warns once if the context is nearly full.
    pub(crate) fn watch(&mut self, position: usize, context: usize) {
        let is_near = position.saturating_mul(100) >= context.saturating_mul(NEARLY_FULL);
        if is_near && self.warning.is_none() {
            self.warn(format!(
                "the context is nearly full: {position} of {context} positions are used, and the answer ends when all are"
            ));
        }
    }

    fn warn(&mut self, warning: String) {
        let warning = format!("{}{warning}", self.label);
        tracing::warn!(target: TARGET, "{warning}");
        self.warning = Some(warning);
    }

    /// Returns the reason to sample no further token, if there is one; `position` is the number
    /// of positions in the cache.
    pub(crate) fn must_stop(&self, position: usize, context: usize) -> Option<StopReason> {
        let sampled = self.tokens.len();
        // The last sampled token is not in the cache yet.
        let needed = position + usize::from(sampled > 0);
        match () {
            _ if self.prompt.options.is_cancelled() => Some(StopReason::Cancelled),
            // Prefill was cancelled.
            _ if sampled == 0 && self.logits.is_none() => Some(StopReason::Cancelled),
            _ if sampled >= self.prompt.options.max_tokens => Some(StopReason::MaxTokens),
            _ if needed >= context => Some(StopReason::ContextFull),
            _ => None,
        }
    }

    /// Returns the tokens of the prompt that were processed, once the sequence has ended: fewer
    /// than all if prefill was cancelled.
    pub(crate) fn processed(&self) -> usize {
        self.input.len().min(self.positions)
    }

    /// Samples a token, and returns its text with what may be shown of the answer.
    pub(crate) fn sample(&mut self, logits: &Tensor, tokenizer: &Tokenizer) -> Result<Sampled> {
        let id = choose(&mut self.sampler, logits)?;
        let piece = self.text.push(tokenizer.piece(id));
        self.tokens.push(id);
        let shown = self.stop_texts.push(&piece);
        self.stop = match () {
            _ if tokenizer.is_stop(id) => Some(StopReason::EndOfText),
            _ if shown.is_end || self.stop_tokens.contains(&id) => Some(StopReason::StopText),
            _ => None,
        };
        Ok(Sampled {
            id,
            piece,
            shown: shown.text,
        })
    }

    /// Returns the event of the last sampled token.
    pub(crate) fn event<'s>(&self, sampled: &'s Sampled) -> TokenEvent<'s> {
        TokenEvent {
            index: self.tokens.len().saturating_sub(1),
            id: sampled.id,
            text: &sampled.shown,
        }
    }

    /// Returns the result.
    pub(crate) fn finish(self, tokenizer: &Tokenizer, context: usize) -> Generation {
        let mut text = tokenizer.decode(&self.tokens);
        text.truncate(self.stop_texts.first(&text).unwrap_or(text.len()));
        Generation {
            text,
            input_tokens: self.processed(),
            output_tokens: self.tokens.len(),
            tokens: self.tokens,
            stop: self.stop.unwrap_or(StopReason::Cancelled),
            kv_cache_bytes: self.cache_bytes,
            positions: self.positions,
            context,
            warning: self.warning,
        }
    }
}

/// A sampled token.
#[derive(Debug)]
pub(crate) struct Sampled {
    pub id: u32,
    /// The text that it completes.
    pub piece: String,
    /// Text that may be shown now.
    pub shown: String,
}
