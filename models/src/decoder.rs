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
use crate::layers::kv_cache::KvCache;
use crate::layers::linear::Linear;
use crate::layers::norm::Norm;
use crate::layers::pass::Pass;
use crate::layers::pass_row::PassRow;
use crate::statistics::Statistics;

/// A decoder with the caches of its sequences, one unless several are started: feeding tokens
/// moves them forward.
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
    /// Length that each sequence may reach; LongRoPE depends on it.
    pub(crate) reach: Vec<usize>,
    pub(crate) depth: Depth,
    pub(crate) statistics: Option<Statistics>,
    pub(crate) device: Device,
    /// What launches work on a device; `None` on the CPU, which does it at once.
    pub(crate) queue: Option<DeviceQueue>,
}

impl Decoder {
    /// Forgets all sequences, frees their caches, and starts this many.
    pub(crate) fn start(&mut self, rows: usize) {
        for block in &mut self.blocks {
            if let Some(cache) = block.caches.first() {
                block.caches = vec![cache.empty(); rows.max(1)];
            }
        }
        self.reach = vec![0; rows.max(1)];
    }

    /// Forgets all sequences and starts one.
    pub(crate) fn reset(&mut self) {
        self.start(1);
    }

    /// Ends a sequence and frees its cache.
    pub(crate) fn leave(&mut self, row: usize) {
        for block in &mut self.blocks {
            if let Some(cache) = block.caches.get_mut(row) {
                *cache = cache.empty();
            }
        }
        // The next sequence in this place may be shorter.
        if let Some(reach) = self.reach.get_mut(row) {
            *reach = 0;
        }
    }

    /// Returns the number of positions of the first sequence.
    pub(crate) fn position(&self) -> usize {
        self.position_of(0)
    }

    /// Returns the number of positions of a sequence.
    pub(crate) fn position_of(&self, row: usize) -> usize {
        let first = self.blocks.first();
        let cache = first.and_then(|block| block.caches.get(row));
        cache.map_or(0, KvCache::len)
    }

    /// Returns the size of a sequence's buffers in bytes.
    pub(crate) fn cache_bytes_of(&self, row: usize) -> usize {
        let caches = self.blocks.iter().filter_map(|block| block.caches.get(row));
        caches.map(KvCache::bytes).sum()
    }

    /// Allocates the cache of the first sequence for `positions` in total.
    pub(crate) fn reserve(&mut self, positions: usize) -> Result<()> {
        self.reserve_of(0, positions)
    }

    /// Allocates the cache of a sequence for `positions` in total.
    pub(crate) fn reserve_of(&mut self, row: usize, positions: usize) -> Result<()> {
        // LongRoPE depends on the length of the whole sequence, so this comes first.
        let reach = self.reach_of(row, positions)?;
        for mask in &mut self.masks {
            mask.reserve(positions, reach)?;
        }
        let caches = self.blocks.iter_mut();
        let mut caches = caches.filter_map(|block| block.caches.get_mut(row));
        caches.try_for_each(|cache| cache.reserve(positions))
    }

    /// Returns the length that a sequence may reach, which is `positions` at least.
    fn reach_of(&mut self, row: usize, positions: usize) -> Result<usize> {
        let unknown = || candle_core::Error::Msg(format!("sequence {row} was not started"));
        let reach = self.reach.get_mut(row).ok_or_else(unknown)?;
        *reach = positions.max(*reach);
        Ok(*reach)
    }

    /// Returns ids as a tensor of shape `(1, tokens)` on the device.
    pub(crate) fn tensor(&self, tokens: &[u32]) -> Result<Tensor> {
        self.embedding.check(tokens)?;
        Ok(Tensor::new(tokens, &self.device)?.unsqueeze(0)?)
    }

    /// Appends ids of shape `(1, tokens)` to the first sequence and returns the logits of the
    /// next token, shape `(vocab)`.
    ///
    /// # Errors
    /// [`Error::ContextFull`] past the context; the cache is then unchanged.
    pub(crate) fn forward(&mut self, ids: &Tensor, prefill: bool) -> Result<Tensor> {
        let last = ids.dim(1)? - 1;
        let parts = [(0, ids.dim(1)?)];
        Ok(self
            .logits_of(ids, &parts, &[last], prefill)?
            .flatten_all()?)
    }

    /// Appends ids to the first sequence without computing logits, and returns the last hidden
    /// state, `(1, tokens, width)`.
    pub(crate) fn hidden(&mut self, ids: &Tensor, prefill: bool) -> Result<Tensor> {
        self.hidden_of(ids, &[(0, ids.dim(1)?)], prefill)
    }

    /// Appends ids of several sequences, `(1, tokens)` with those of each sequence behind one
    /// another, and returns their last hidden states. `parts` are the sequences and the number
    /// of their ids, in order; each sequence occurs once.
    pub(crate) fn hidden_of(
        &mut self,
        ids: &Tensor,
        parts: &[(usize, usize)],
        prefill: bool,
    ) -> Result<Tensor> {
        let mut rows = Vec::with_capacity(parts.len());
        for &(row, count) in parts {
            let start = self.position_of(row);
            self.check_room(start + count)?;
            let reach = self.reach_of(row, start + count)?;
            rows.push(PassRow {
                row,
                start,
                count,
                reach,
            });
        }
        let queue = self.queue.clone();
        device_work::within(queue.as_ref(), || {
            let x = section!(EMBEDDING, [table = &self.embedding, ids]; table.forward(ids))?;
            let pass = section!(POSITION_EMBEDDING; self.pass(rows, prefill))?;
            section!(LAYERS; self.layers(x, &pass))
        })
    }

    /// Appends ids as [`Self::hidden_of`] and returns the logits after the positions `at` of
    /// the pass, `(positions, vocab)`.
    pub(crate) fn logits_of(
        &mut self,
        ids: &Tensor,
        parts: &[(usize, usize)],
        at: &[usize],
        prefill: bool,
    ) -> Result<Tensor> {
        let queue = self.queue.clone();
        device_work::within(queue.as_ref(), || {
            let hidden = self.hidden_of(ids, parts, prefill)?;
            self.logits(&hidden, at)
        })
    }

    /// Returns the logits after these positions of a hidden state, `(positions, vocab)`.
    fn logits(&self, hidden: &Tensor, at: &[usize]) -> Result<Tensor> {
        let last = chosen(hidden, at)?;
        let last = section!(FINAL_NORM; self.final_norm.forward(&last, self.depth.is_deep()))?;
        let mut logits =
            section!(LM_HEAD, [head = &self.lm_head, last = &last]; head.forward(last))?;
        if let Some(divisor) = self.logit_divisor {
            logits = section!(LOGIT_SCALE, [logits = &logits]; logits / divisor)?;
        }
        if let cap @ Some(_) = self.logit_cap {
            logits = section!(LOGIT_SOFT_CAP, [logits = &logits]; capped(logits, cap))?;
        }
        Ok(logits.squeeze(0)?)
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

    fn pass(&mut self, rows: Vec<PassRow>, prefill: bool) -> Result<Pass> {
        let masks = self.masks.iter_mut();
        let masks = masks.map(|mask| mask.pass(&rows, &self.device));
        Ok(Pass {
            masks: masks.collect::<Result<_>>()?,
            rows,
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

/// Returns these positions of `(1, positions, width)`, contiguous.
fn chosen(hidden: &Tensor, at: &[usize]) -> Result<Tensor> {
    let all = hidden.dim(1)?;
    match at {
        [one] => Ok(hidden.narrow(1, *one, 1)?.contiguous()?),
        _ if at.iter().copied().eq(0..all) => Ok(hidden.contiguous()?),
        _ => {
            let at: Vec<u32> = at.iter().filter_map(|at| u32::try_from(*at).ok()).collect();
            let at = Tensor::new(at, hidden.device())?;
            Ok(hidden.index_select(&at, 1)?.contiguous()?)
        }
    }
}
