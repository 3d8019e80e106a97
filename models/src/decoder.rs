//! The decoder: embedding, blocks, final norm and output projection.

use candle_core::{Device, Tensor};

use crate::device_work::{self, DeviceQueue};
use crate::error::{Error, Result};
use crate::instrument::depth::Depth;
use crate::instrument::macros::section;
use crate::layers::attention::capped;
use crate::layers::attention_mask::AttentionMask;
use crate::layers::block::Block;
use crate::layers::embedding::Embedding;
use crate::layers::linear::Linear;
use crate::layers::norm::Norm;
use crate::layers::pass::Pass;
use crate::statistics::Statistics;

/// A decoder with its cache: feeding tokens moves it forward.
#[derive(Debug, Clone)]
pub(crate) struct Decoder {
    pub(crate) embedding: Embedding,
    pub(crate) masks: Vec<AttentionMask>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) final_norm: Norm,
    pub(crate) lm_head: Linear,
    /// Divisor of the logits.
    pub(crate) logit_divisor: Option<f64>,
    /// Soft cap of the logits.
    pub(crate) logit_cap: Option<f64>,
    pub(crate) context: usize,
    pub(crate) depth: Depth,
    pub(crate) statistics: Option<Statistics>,
    pub(crate) device: Device,
    /// What launches work on a device; `None` on the CPU, which does it at once.
    pub(crate) queue: Option<DeviceQueue>,
}

impl Decoder {
    /// Returns the number of positions in the cache.
    pub(crate) fn position(&self) -> usize {
        self.blocks.first().map_or(0, |block| block.cache.len())
    }

    /// Returns the size of the cache's buffers in bytes.
    pub(crate) fn cache_bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.cache.bytes()).sum()
    }

    /// Allocates the cache for `positions` in total.
    pub(crate) fn reserve(&mut self, positions: usize) -> Result<()> {
        // LongRoPE depends on the length of the whole sequence, so this comes first.
        for mask in &mut self.masks {
            mask.reserve(positions)?;
        }
        let mut blocks = self.blocks.iter_mut();
        blocks.try_for_each(|block| block.cache.reserve(positions))
    }

    /// Forgets the sequence and frees the cache.
    pub(crate) fn reset(&mut self) {
        self.blocks.iter_mut().for_each(|block| block.cache.clear());
        self.masks.iter_mut().for_each(|mask| mask.forget());
    }

    /// Returns ids as a tensor of shape `(1, tokens)` on the device.
    pub(crate) fn tensor(&self, tokens: &[u32]) -> Result<Tensor> {
        self.embedding.check(tokens)?;
        Ok(Tensor::new(tokens, &self.device)?.unsqueeze(0)?)
    }

    /// Appends ids of shape `(1, tokens)` to the sequence and returns the logits of the
    /// next token, shape `(vocab)`.
    ///
    /// # Errors
    /// [`Error::ContextFull`] past the context; the cache is then unchanged.
    pub(crate) fn forward(&mut self, ids: &Tensor, prefill: bool) -> Result<Tensor> {
        let queue = self.queue.clone();
        device_work::within(queue.as_ref(), || {
            let hidden = self.hidden(ids, prefill)?;
            self.logits(&hidden)
        })
    }

    /// Appends ids without computing logits, and returns the last hidden state,
    /// `(1, tokens, width)`.
    pub(crate) fn hidden(&mut self, ids: &Tensor, prefill: bool) -> Result<Tensor> {
        let queue = self.queue.clone();
        device_work::within(queue.as_ref(), || {
            let (start, count) = (self.position(), ids.dim(1)?);
            self.check_room(start + count)?;
            let x = section!(EMBEDDING, [table = &self.embedding, ids]; table.forward(ids))?;
            let pass = section!(POSITION_EMBEDDING; self.pass(start, count, prefill))?;
            section!(LAYERS; self.layers(x, &pass))
        })
    }

    /// Returns the logits of the last position of a hidden state.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        let last = hidden.narrow(1, hidden.dim(1)? - 1, 1)?.contiguous()?;
        let last = section!(FINAL_NORM; self.final_norm.forward(&last, self.depth.is_deep()))?;
        let mut logits =
            section!(LM_HEAD, [head = &self.lm_head, last = &last]; head.forward(last))?;
        if let Some(divisor) = self.logit_divisor {
            logits = section!(LOGIT_SCALE, [logits = &logits]; logits / divisor)?;
        }
        if let cap @ Some(_) = self.logit_cap {
            logits = section!(LOGIT_SOFT_CAP, [logits = &logits]; capped(logits, cap))?;
        }
        Ok(logits.flatten_all()?)
    }

    fn check_room(&self, positions: usize) -> Result<()> {
        let context = self.context;
        match positions <= context {
            true => Ok(()),
            false => Err(Error::ContextFull {
                position: context,
                context,
            }),
        }
    }

    fn pass(&mut self, start: usize, count: usize, prefill: bool) -> Result<Pass> {
        let masks = self.masks.iter_mut();
        let masks = masks.map(|mask| mask.pass(start, count, &self.device));
        Ok(Pass {
            masks: masks.collect::<Result<_>>()?,
            deep: self.depth.is_deep(),
            statistics: self.statistics,
            prefill,
        })
    }

    fn layers(&mut self, mut x: Tensor, pass: &Pass) -> Result<Tensor> {
        for (i, block) in self.blocks.iter_mut().enumerate() {
            x = section!(LAYER, layer = i; block.forward(&x, pass))?;
        }
        Ok(x)
    }
}
