//! Generates the continuations of prompts, phase by phase.
//!
//! The new positions of all sequences of a batch lie behind one another in each pass, so the
//! weights are read once for all, and nothing is padded. Attention alone runs for each
//! sequence by itself, over its own cache.

use std::ops::ControlFlow;

use candle_core::Tensor;

use crate::error::{Error, Result};
use crate::generate::batch_row::{BatchPrompt, BatchRow};
use crate::generate::generation::{Generation, StopReason, TokenEvent};
use crate::generate::options::GenerateOptions;
use crate::generate::prefill_pass::{PrefillPass, passes};
use crate::instrument::macros::{phase, section};
use crate::model::Model;
use crate::statistics::metrics;

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
    mut on_token: impl FnMut(TokenEvent<'_>) -> ControlFlow<()>,
) -> Result<Generation> {
    let prompts = [BatchPrompt { prompt, options }];
    let on_token = |_, event: TokenEvent<'_>| on_token(event);
    let mut all = Generator::new(model, &prompts, on_token)?.run()?;
    all.pop().ok_or(Error::EmptyBatch)
}

impl Model {
    /// Generates continuations of several prompts at once; `on_token` gets the index of the
    /// prompt and its token. Breaking ends the answer to that prompt.
    ///
    /// Prompts and answers may have any lengths. Each answer is the same as that of
    /// [`generate`] up to the order of sums, and leaves the batch when it ends.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// use energy_models::{BatchPrompt, GenerateOptions};
    /// # use energy_models::{LoadOptions, Model, tiny};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("tiny.gguf");
    /// # tiny::write_gguf(&path, &tiny::TinyConfig::default())?;
    /// # let mut model = Model::load(&path, &LoadOptions::default())?;
    /// let options = GenerateOptions { max_tokens: 4, raw: true, ..Default::default() };
    /// let short = GenerateOptions { max_tokens: 2, ..options.clone() };
    /// let answers = model.generate_batch(
    ///     &[
    ///         BatchPrompt { prompt: "hello the tea", options: &options },
    ///         BatchPrompt { prompt: "hello", options: &short },
    ///     ],
    ///     |prompt, token| {
    ///         eprintln!("{prompt}: {}", token.text);
    ///         ControlFlow::Continue(())
    ///     },
    /// )?;
    /// assert_eq!(answers[1].output_tokens, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// For no prompts, and as [`generate`]: [`Error::InBatch`] then names the prompt.
    pub fn generate_batch(
        &mut self,
        prompts: &[BatchPrompt<'_>],
        on_token: impl FnMut(usize, TokenEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Generation>> {
        let mut generator = Generator::new(self, prompts, on_token)?;
        generator.is_batch = true;
        generator.run()
    }
}

struct Generator<'g, F> {
    model: &'g mut Model,
    rows: Vec<BatchRow<'g>>,
    /// Whether its prompts are a batch, if only of one.
    is_batch: bool,
    on_token: F,
}

impl<F> Drop for Generator<'_, F> {
    fn drop(&mut self) {
        self.model.reset();
    }
}

/// Passes of prefill, each with its ids as a tensor.
type PrefillTensors = Vec<(Tensor, PrefillPass)>;

impl<'g, F: FnMut(usize, TokenEvent<'_>) -> ControlFlow<()>> Generator<'g, F> {
    fn new(model: &'g mut Model, prompts: &'g [BatchPrompt<'g>], on_token: F) -> Result<Self> {
        let count = prompts.len();
        if count == 0 {
            return Err(Error::EmptyBatch);
        }
        let row = |(index, prompt): (usize, &BatchPrompt<'g>)| {
            let row = BatchRow::new(model, *prompt, index, count);
            row.map_err(|error| error.in_batch(index, count))
        };
        let rows = prompts.iter().enumerate().map(row);
        let rows = rows.collect::<Result<_>>()?;
        model.decoder.start(count);
        Ok(Self {
            model,
            rows,
            is_batch: false,
            on_token,
        })
    }

    fn run(mut self) -> Result<Vec<Generation>> {
        let none = tracing::field::Empty;
        let span = phase!(
            INFERENCE,
            input_tokens = none,
            output_tokens = none,
            batch = none
        );
        let _entered = span.enter();
        if self.is_batch {
            span.record("batch", self.rows.len());
        }
        let passes = phase!(PRE_INFERENCE).in_scope(|| self.prepare())?;
        let sum = |of: fn(&BatchRow<'_>) -> usize, rows: &[BatchRow<'_>]| {
            rows.iter().map(of).sum::<usize>()
        };
        span.record("input_tokens", sum(|row| row.input.len(), &self.rows));
        phase!(PREFILL).in_scope(|| self.prefill(&passes))?;
        phase!(DECODE).in_scope(|| self.decode())?;
        span.record("output_tokens", sum(|row| row.tokens.len(), &self.rows));
        let processed = sum(|row| row.processed(), &self.rows);
        if processed < sum(|row| row.input.len(), &self.rows) {
            span.record("input_tokens", processed);
        }
        let done = phase!(POST_INFERENCE).in_scope(|| self.finish())?;
        if self.is_batch {
            emit(&done);
        }
        Ok(done)
    }

    /// Reads the prompts and returns the passes of prefill.
    fn prepare(&mut self) -> Result<PrefillTensors> {
        let count = self.rows.len();
        let Self { model, rows, .. } = self;
        section!(TOKENIZATION; rows.iter_mut().try_for_each(|row| {
            row.tokenize(model).map_err(|error| error.in_batch(row.index, count))
        }))?;
        let context = model.decoder.context;
        let needed = rows.iter_mut().map(|row| {
            let needed = row.needed(context);
            needed.map_err(|error| error.in_batch(row.index, count))
        });
        let needed = needed.collect::<Result<Vec<usize>>>()?;
        let passes = section!(TENSOR_TRANSFER; {
            let passes = passes(rows.iter().map(|row| row.input.as_slice()));
            let transfer = |pass: PrefillPass| Ok((model.decoder.tensor(&pass.ids)?, pass));
            passes.into_iter().map(transfer).collect::<Result<PrefillTensors>>()
        })?;
        section!(KV_CACHE_INIT; needed.iter().enumerate().try_for_each(|(row, needed)| {
            model.decoder.reserve_of(row, *needed)
        }))?;
        Ok(passes)
    }

    fn is_cancelled(&self) -> bool {
        let mut rows = self.rows.iter();
        rows.all(|row| row.prompt.options.is_cancelled())
    }

    /// Computes the logits of each first new token, unless it is cancelled.
    fn prefill(&mut self, passes: &PrefillTensors) -> Result<()> {
        for (ids, pass) in passes {
            if self.is_cancelled() {
                return Ok(());
            }
            let decoder = &mut self.model.decoder;
            if pass.ends.is_empty() {
                decoder.hidden_of(ids, &pass.parts, true)?;
                continue;
            }
            let at: Vec<usize> = pass.ends.iter().map(|(_, at)| *at).collect();
            let logits = decoder.logits_of(ids, &pass.parts, &at, true)?;
            for (number, (row, _)) in pass.ends.iter().enumerate() {
                let position = decoder.position_of(*row);
                if let Some(row) = self.rows.get_mut(*row) {
                    row.logits = Some(logits.get(number)?);
                    row.watch(position, decoder.context);
                }
            }
        }
        Ok(self.model.decoder.device.synchronize()?)
    }

    fn decode(&mut self) -> Result<()> {
        for step in 0.. {
            let active = self.active();
            if active.is_empty() {
                break;
            }
            self.step(step, &active)?;
        }
        Ok(())
    }

    /// Ends the sequences that must stop, frees their caches, and returns the others.
    fn active(&mut self) -> Vec<usize> {
        let (decoder, count) = (&mut self.model.decoder, self.rows.len());
        let mut active = Vec::new();
        for row in &mut self.rows {
            let position = decoder.position_of(row.index);
            let has_left = row.positions > 0;
            row.stop = row
                .stop
                .or_else(|| row.must_stop(position, decoder.context));
            if row.stop.is_none() {
                active.push(row.index);
            } else if !has_left {
                row.positions = position;
                row.cache_bytes = decoder.cache_bytes_of(row.index);
                // The memory of a single sequence is freed in the span `cleanup`.
                if count > 1 {
                    decoder.leave(row.index);
                }
            }
        }
        active
    }

    /// Generates one token of each of these sequences in one span: the forward pass (except for
    /// the first tokens) and sampling.
    fn step(&mut self, step: usize, active: &[usize]) -> Result<()> {
        let none = tracing::field::Empty;
        let span = phase!(
            TOKEN,
            token = step,
            token_id = none,
            text = none,
            batch = none
        );
        let _entered = span.enter();
        let is_single = self.rows.len() == 1;
        if self.is_batch {
            span.record("batch", active.len());
        }
        let logits = match step {
            0 => None,
            _ => Some(self.forward(active)?),
        };
        let Self {
            model,
            rows,
            on_token,
            ..
        } = self;
        for (number, index) in active.iter().enumerate() {
            let Some(row) = rows.get_mut(*index) else {
                continue;
            };
            let own = match &logits {
                Some(logits) => logits.get(number)?,
                None => row.logits.take().ok_or(Error::NotFinite)?,
            };
            let sampled = row.sample(&own, &model.tokenizer)?;
            if is_single {
                span.record("token_id", sampled.id);
                span.record("text", sampled.piece.as_str());
            }
            let flow = on_token(*index, row.event(&sampled));
            if flow.is_break() {
                row.stop = row.stop.or(Some(StopReason::Cancelled));
            }
        }
        Ok(())
    }

    /// Appends the last token of each sequence and returns the logits, `(sequences, vocab)`.
    fn forward(&mut self, active: &[usize]) -> Result<Tensor> {
        let decoder = &mut self.model.decoder;
        let last = active.iter().filter_map(|index| self.rows.get(*index));
        let last: Vec<u32> = last.filter_map(|row| row.tokens.last().copied()).collect();
        let ids = decoder.tensor(&last)?;
        let parts: Vec<(usize, usize)> = active.iter().map(|index| (*index, 1)).collect();
        let at: Vec<usize> = (0..active.len()).collect();
        let logits = decoder.logits_of(&ids, &parts, &at, false)?;
        for index in active {
            let position = decoder.position_of(*index);
            if let Some(row) = self.rows.get_mut(*index) {
                row.watch(position, decoder.context);
            }
        }
        Ok(logits)
    }

    fn finish(&mut self) -> Result<Vec<Generation>> {
        let Self { model, rows, .. } = self;
        let Model {
            decoder, tokenizer, ..
        } = &mut **model;
        // Sampling already moved the logits; only pending work remains.
        section!(TENSOR_TO_CPU; decoder.device.synchronize())?;
        let context = decoder.context;
        let rows = std::mem::take(rows).into_iter();
        let done = section!(DETOKENIZATION; {
            rows.map(|row| row.finish(tokenizer, context)).collect()
        });
        section!(CLEANUP; decoder.reset());
        Ok(done)
    }
}

/// Emits the tokens and the cache of each sequence of a batch as metrics of the current span.
fn emit(all: &[Generation]) {
    for (row, done) in all.iter().enumerate() {
        metrics!(
            row,
            row_input_tokens = done.input_tokens as f64,
            row_output_tokens = done.output_tokens as f64,
            row_kv_bytes = done.kv_cache_bytes as f64,
            row_context_share = done.context_share(),
        );
    }
}
