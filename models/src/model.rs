//! A model, loaded from its file and ready to generate.

use candle_core::Tensor;

use crate::decoder::Decoder;
use crate::device_work::{DeviceQueue, DeviceStream, DeviceSync};
use crate::error::{Error, Result};
use crate::info::ModelInfo;
use crate::instrument::depth::Depth;
use crate::statistics::Statistics;
use crate::text::chat::template::ChatTemplate;
use crate::text::tokenizer::Tokenizer;

/// A loaded model.
#[derive(Debug)]
pub struct Model {
    pub(crate) decoder: Decoder,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) chat: Option<ChatTemplate>,
    info: ModelInfo,
}

impl Model {
    pub(crate) fn new(
        decoder: Decoder,
        tokenizer: Tokenizer,
        chat: Option<ChatTemplate>,
        info: ModelInfo,
    ) -> Self {
        Self {
            decoder,
            tokenizer,
            chat,
            info,
        }
    }

    /// Returns information about the model.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Whether the file has a chat template.
    pub fn has_chat_template(&self) -> bool {
        self.chat.is_some()
    }

    /// Depth of the spans.
    pub fn depth(&self) -> Depth {
        self.decoder.depth
    }

    /// Changes the depth of the spans, and with it the kernels.
    pub fn set_depth(&mut self, depth: Depth) {
        self.decoder.depth = depth;
    }

    /// Replaces the queue of the model's device: spans of tensor work become those of device
    /// work, with the times of `stream`. The tensors stay where they are; a simulated stream
    /// tests how times reach the spans.
    pub fn set_device_stream(&mut self, stream: Box<dyn DeviceStream>, sync: DeviceSync) {
        self.decoder.queue = Some(DeviceQueue::new(stream, sync));
    }

    /// Enables or disables statistics of activations and attention: see
    /// [`crate::statistics`].
    pub fn set_statistics(&mut self, statistics: Option<Statistics>) {
        self.decoder.statistics = statistics;
    }

    /// Appends tokens to the sequence and returns the logits of the next token, shape
    /// `(vocab)`. [`crate::generate()`] does this and more.
    ///
    /// # Errors
    /// For an empty slice, an id outside of the vocabulary, or past the
    /// context.
    pub fn forward(&mut self, tokens: &[u32]) -> Result<Tensor> {
        if tokens.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        let prefill = tokens.len() > 1;
        let ids = self.decoder.tensor(tokens)?;
        self.decoder.forward(&ids, prefill)
    }

    /// Forgets all tokens and starts `rows` sequences, at least one.
    pub fn start(&mut self, rows: usize) {
        self.decoder.start(rows);
    }

    /// Appends tokens to several sequences in one pass, each with its index, and returns the
    /// logits of their next tokens, shape `(sequences, vocab)` in this order.
    /// [`Self::generate_batch`] does this and more.
    ///
    /// # Errors
    /// As [`Self::forward`], and for a sequence that was not started or occurs twice.
    pub fn forward_rows(&mut self, rows: &[(usize, &[u32])]) -> Result<Tensor> {
        let is_twice = |(at, (row, _)): (usize, &(usize, &[u32]))| {
            rows.iter().take(at).any(|(earlier, _)| earlier == row)
        };
        if let Some((_, (row, _))) = rows.iter().enumerate().find(|row| is_twice(*row)) {
            return Err(candle_core::Error::Msg(format!("sequence {row} occurs twice")).into());
        }
        let empty = rows.iter().any(|(_, tokens)| tokens.is_empty());
        if rows.is_empty() || empty {
            return Err(Error::EmptyPrompt);
        }
        let prefill = rows.iter().any(|(_, tokens)| tokens.len() > 1);
        let ids: Vec<u32> = rows
            .iter()
            .flat_map(|(_, tokens)| *tokens)
            .copied()
            .collect();
        let ids = self.decoder.tensor(&ids)?;
        let parts: Vec<(usize, usize)> = rows
            .iter()
            .map(|(row, tokens)| (*row, tokens.len()))
            .collect();
        let ends = parts.iter().scan(0, |end, (_, count)| {
            *end += count;
            Some(*end - 1)
        });
        let ends: Vec<usize> = ends.collect();
        self.decoder.logits_of(&ids, &parts, &ends, prefill)
    }

    /// Ends a sequence and frees its cache.
    pub fn leave(&mut self, row: usize) {
        self.decoder.leave(row);
    }

    /// Returns the number of tokens fed since the last reset.
    pub fn position(&self) -> usize {
        self.decoder.position()
    }

    /// Forgets all tokens and frees the key-value cache.
    pub fn reset(&mut self) {
        self.decoder.reset();
    }
}
