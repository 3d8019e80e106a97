//! Grouped-query attention over the key-value cache.
//!
//! Query heads that share a key head are stacked as rows of one matrix:
//! `(1, kv_heads, groups * positions, head_dim)`. So keys and values are used
//! where they lie in the cache and never repeated per query head.

use candle_core::{D, Tensor};

use crate::config::decoder_config::DecoderConfig;
use crate::error::Result;
use crate::instrument::macros::{op, section};
use crate::instrument::names;
use crate::layers::attention_mask::RowMask;
use crate::layers::kv_cache::{CachedPositions, KvCache};
use crate::layers::linear::Linear;
use crate::layers::norm::Norm;
use crate::layers::pass::Pass;
use crate::layers::softmax;
use crate::statistics::Statistics;

/// Weights of one attention, each `(rows, width)` as in the file.
#[derive(Debug, Clone)]
pub(crate) struct Attention {
    /// Queries: `heads * head_dim` rows.
    pub q: Linear,
    /// Keys: `kv_heads * head_dim` rows.
    pub k: Linear,
    /// Values: `kv_heads * head_dim` rows.
    pub v: Linear,
    /// Output: `width` rows.
    pub o: Linear,
    /// Norm of the queries.
    pub q_norm: Option<HeadNorm>,
    /// Norm of the keys.
    pub k_norm: Option<HeadNorm>,
    /// Index of its mask in [`Pass::masks`].
    pub mask: usize,
    /// Heads and widths.
    pub shape: HeadShape,
}

/// Norm of queries or keys.
#[derive(Debug, Clone)]
pub(crate) enum HeadNorm {
    /// Of the channels of each head.
    Each(Norm),
    /// Of the channels of all heads together.
    Whole(Norm),
}

impl HeadNorm {
    /// Normalises `(1, positions, heads, head_dim)`.
    fn forward(&self, x: &Tensor, deep: bool) -> Result<Tensor> {
        match self {
            Self::Each(norm) => norm.forward(x, deep),
            Self::Whole(norm) => {
                let whole = norm.forward(&x.flatten_from(D::Minus2)?, deep)?;
                Ok(whole.reshape(x.shape())?)
            }
        }
    }
}

/// Division of channels into heads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadShape {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Factor of the scores.
    pub scale: f64,
    /// Scores `s` become `cap * tanh(s / cap)`.
    pub cap: Option<f64>,
}

impl From<&DecoderConfig> for HeadShape {
    fn from(config: &DecoderConfig) -> Self {
        let DecoderConfig {
            heads,
            kv_heads,
            head_dim,
            ..
        } = *config;
        Self {
            heads,
            kv_heads,
            head_dim,
            scale: config.scales.attention,
            cap: config.scales.attention_cap,
        }
    }
}

impl HeadShape {
    /// `(1, positions, heads * head_dim)` to `(1, positions, heads, head_dim)`.
    fn split(&self, x: &Tensor, heads: usize) -> Result<Tensor> {
        let positions = x.dim(1)?;
        Ok(x.reshape((1, positions, heads, self.head_dim))?)
    }

    /// Stacks the query heads of a group: `(1, heads, n, x)` to
    /// `(1, kv_heads, groups * n, x)`.
    fn stack(&self, x: &Tensor) -> Result<Tensor> {
        let (_, heads, n, last) = x.dims4()?;
        Ok(x.reshape((1, self.kv_heads, heads / self.kv_heads * n, last))?)
    }

    /// Undoes [`Self::stack`].
    fn unstack(&self, x: &Tensor) -> Result<Tensor> {
        let (_, kv_heads, rows, last) = x.dims4()?;
        Ok(x.reshape((1, self.heads, kv_heads * rows / self.heads, last))?)
    }

    /// `(1, heads, positions, head_dim)` to `(1, positions, heads * head_dim)`.
    fn join(&self, x: &Tensor) -> Result<Tensor> {
        let positions = x.dim(2)?;
        Ok(x.transpose(1, 2)?
            .reshape((1, positions, self.heads * self.head_dim))?)
    }

    /// Adds the mask to stacked scores.
    fn masked(&self, scores: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let Some(mask) = mask else {
            return Ok(scores.clone());
        };
        let masked = self.unstack(scores)?.broadcast_add(mask)?;
        self.stack(&masked)
    }
}

impl Attention {
    /// `(1, positions, width)` to the same shape; the new positions are appended to the
    /// caches of their sequences.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        pass: &Pass,
        caches: &mut [KvCache],
    ) -> Result<Tensor> {
        let shape = &self.shape;
        let masks = &pass.mask(self.mask)?.rows;
        let statistics = pass.statistics;
        let q = op!(Q_PROJ, [q = &self.q, x]; q.forward(x))?;
        projected(statistics, names::Q_PROJ, &q)?;
        let mut q = shape.split(&q, shape.heads)?;
        if let Some(norm) = &self.q_norm {
            q = op!(Q_NORM; norm.forward(&q, pass.deep))?;
        }
        let k = op!(K_PROJ, [k = &self.k, x]; k.forward(x))?;
        projected(statistics, names::K_PROJ, &k)?;
        let mut k = shape.split(&k, shape.kv_heads)?;
        if let Some(norm) = &self.k_norm {
            k = op!(K_NORM; norm.forward(&k, pass.deep))?;
        }
        let v = op!(V_PROJ, [v = &self.v, x]; v.forward(x))?;
        projected(statistics, names::V_PROJ, &v)?;
        let v = shape.split(&v, shape.kv_heads)?.transpose(1, 2)?;
        let is_batch = caches.len() > 1;
        let rows = self.rotated(&q.transpose(1, 2)?, &k.transpose(1, 2)?, &v, pass)?;
        let stored = stored(caches, &rows, masks, pass)?;
        let mut mixed = Vec::with_capacity(rows.len());
        for ((row, stored), mask) in rows.iter().zip(&stored).zip(masks) {
            let of_batch = is_batch.then_some(row.row);
            mixed.push(shape.join(&self.attend(&row.q, stored, mask, (pass, of_batch))?)?);
        }
        let mixed = Tensor::cat(&mixed, 1)?;
        let out = op!(O_PROJ, [o = &self.o, mixed = &mixed]; o.forward(mixed))?;
        if let Some(statistics) = statistics {
            statistics.projection(names::O_PROJ, &out)?;
            statistics.activations(&out)?;
        }
        Ok(out)
    }

    /// Divides `(1, heads, positions, head_dim)` into sequences and rotates them.
    fn rotated(&self, q: &Tensor, k: &Tensor, v: &Tensor, pass: &Pass) -> Result<Vec<QkvRow>> {
        let masks = &pass.mask(self.mask)?.rows;
        let (mut rows, mut first) = (Vec::with_capacity(masks.len()), 0);
        for (row, mask) in pass.rows.iter().zip(masks) {
            let own = |x: &Tensor| x.narrow(2, first, row.count);
            let (q, k) = rotate(&own(q)?, &own(k)?, mask, pass.deep)?;
            rows.push(QkvRow {
                row: row.row,
                q: heated(q, mask, pass.deep)?,
                k,
                v: own(v)?,
            });
            first += row.count;
        }
        Ok(rows)
    }

    /// Mixes the visible positions of one sequence: `(1, heads, new, head_dim)`. In a batch, `row` is
    /// its index.
    fn attend(
        &self,
        q: &Tensor,
        stored: &CachedPositions,
        mask: &RowMask,
        (pass, row): (&Pass, Option<usize>),
    ) -> Result<Tensor> {
        let (keys, values) = match stored.is_converted() {
            true => op!(KV_CACHE_READ, [stored]; stored.read())?,
            false => stored.read()?,
        };
        let mask = mask.mask.as_ref();
        let (mixed, weights) = match pass.deep {
            true => self.decomposed(q, &keys, &values, mask)?,
            false => self.fused(q, &keys, &values, mask)?,
        };
        if let Some(statistics) = pass.statistics {
            statistics.heads(&weights, self.shape.heads, mask, row)?;
        }
        Ok(mixed)
    }

    /// Returns the weighted values and the attention weights. Scales the queries instead
    /// of the scores, because they are fewer numbers.
    fn fused(
        &self,
        q: &Tensor,
        keys: &Tensor,
        values: &Tensor,
        mask: Option<&Tensor>,
    ) -> Result<(Tensor, Tensor)> {
        let is_one = q.dim(2)? == 1;
        let q = self.shape.stack(&(q * self.shape.scale)?)?;
        let scores = capped(&q.matmul(&keys.t()?)?, self.shape.cap)?;
        let scores = self.shape.masked(&scores, mask)?;
        let weights = softmax::softmax(&scores, is_one)?;
        let mixed = self.shape.unstack(&weights.matmul(values)?)?;
        Ok((mixed, weights))
    }

    fn decomposed(
        &self,
        q: &Tensor,
        keys: &Tensor,
        values: &Tensor,
        mask: Option<&Tensor>,
    ) -> Result<(Tensor, Tensor)> {
        let (shape, is_one) = (self.shape, q.dim(2)? == 1);
        let q = shape.stack(q)?;
        let scores = op!(QK_MATMUL, [q = &q, keys]; q.matmul(&keys.t()?))?;
        let scores = op!(SCALE, [scores = &scores]; scores * shape.scale)?;
        let scores = match shape.cap {
            Some(_) => op!(SOFT_CAP, [scores = &scores]; capped(scores, shape.cap))?,
            None => scores,
        };
        let scores = match mask {
            Some(mask) => op!(MASK, [scores = &scores, mask];
                shape.masked(scores, Some(mask)))?,
            None => scores,
        };
        let weights = op!(SOFTMAX, [scores = &scores];
            softmax::decomposed(scores, is_one))?;
        let mixed = op!(VALUE_MATMUL, [weights = &weights, values];
            weights.matmul(values))?;
        Ok((shape.unstack(&mixed)?, weights))
    }
}

/// Emits the statistics of a projection if they are enabled.
fn projected(statistics: Option<Statistics>, name: &'static str, x: &Tensor) -> Result<()> {
    statistics.map_or(Ok(()), |statistics| statistics.projection(name, x))
}

/// Applies the rotary embedding of the layer, if it has one; the results are contiguous.
fn rotate(q: &Tensor, k: &Tensor, mask: &RowMask, deep: bool) -> Result<(Tensor, Tensor)> {
    match &mask.rotary {
        None => Ok((q.contiguous()?, k.contiguous()?)),
        Some(rotary) if deep => op!(ROPE, [rotary, q, k]; rotary.apply_both(q, k)),
        Some(rotary) => rotary.apply_both(q, k),
    }
}

/// Multiplies queries by the factor of their position.
fn heated(q: Tensor, mask: &RowMask, deep: bool) -> Result<Tensor> {
    match &mask.temperature {
        None => Ok(q),
        Some(factors) if deep => Ok(op!(TEMPERATURE, [q = &q, factors]; q.broadcast_mul(factors))?),
        Some(factors) => Ok(q.broadcast_mul(factors)?),
    }
}

/// Bounds numbers softly; logits and scores use it.
pub(crate) fn capped(x: &Tensor, cap: Option<f64>) -> Result<Tensor> {
    match cap {
        Some(cap) => Ok(((x / cap)?.tanh()? * cap)?),
        None => Ok(x.clone()),
    }
}

/// Queries, keys and values of the new positions of one sequence.
#[derive(Debug)]
struct QkvRow {
    row: usize,
    q: Tensor,
    k: Tensor,
    v: Tensor,
}

/// Appends keys and values to the caches of their sequences and returns the visible ones.
fn stored(
    caches: &mut [KvCache],
    rows: &[QkvRow],
    masks: &[RowMask],
    pass: &Pass,
) -> Result<Vec<CachedPositions>> {
    let no_cache = || candle_core::Error::Msg("no cache for this sequence".into());
    let mut append = || {
        let append = |(row, mask): (&QkvRow, &RowMask)| {
            let cache = caches.get_mut(row.row).ok_or_else(no_cache)?;
            cache.append(&row.k, &row.v, mask.visible)
        };
        rows.iter().zip(masks).map(append).collect()
    };
    match pass.prefill {
        true => section!(KV_CACHE_STORE; append()),
        false => section!(KV_CACHE_APPEND; append()),
    }
}
