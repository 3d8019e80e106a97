//! Rotary position embedding, with tables that grow with the sequence.

use candle_core::{D, Device, Tensor};

use crate::architecture::RopeStyle;
use crate::config::Config;
use crate::error::Result;

/// Positions in the first table; it doubles from there.
const FIRST_TABLE: usize = 512;

/// Cosines and sines for the positions seen so far.
///
/// A table for a context of 131,072 positions takes 64 MiB per 128 channels,
/// of which a short run needs a hundredth, so it is built on demand.
#[derive(Debug, Clone)]
pub(crate) struct Rope {
    style: RopeStyle,
    frequencies: Vec<f32>,
    context: usize,
    device: Device,
    table: Option<Turns>,
}

/// Cosines and sines, each of shape `(positions, rope_dim / 2)`.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    style: RopeStyle,
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    /// Frequencies from the configuration; `factors` of length `rope_dim / 2`
    /// (the tensor `rope_freqs.weight` of Llama 3) divide them.
    pub(crate) fn new(config: &Config, factors: Option<Vec<f32>>, device: &Device) -> Self {
        let half = config.rope_dim / 2;
        let factors = factors.unwrap_or_else(|| vec![1.0; half]);
        let frequency = |(i, factor): (usize, f32)| {
            let exponent = (2 * i) as f32 / config.rope_dim as f32;
            1.0 / config.rope_base.powf(exponent) / config.rope_scale / factor
        };
        let frequencies = factors.into_iter().enumerate().map(frequency).collect();
        let (style, context) = (config.family.rope, config.context_length);
        Self {
            style,
            frequencies,
            context,
            device: device.clone(),
            table: None,
        }
    }

    /// Computes the turns of `positions` in all, if these were not reached
    /// before.
    pub(crate) fn reserve(&mut self, positions: usize) -> Result<()> {
        let computed = self.table.as_ref().map_or(0, Turns::positions);
        if computed < positions {
            self.table = Some(self.compute(self.capacity(positions))?);
        }
        Ok(())
    }

    /// Turns of `count` positions from `start` on.
    ///
    /// # Errors
    /// If these positions were not reserved.
    pub(crate) fn turns(&self, start: usize, count: usize) -> Result<Turns> {
        let unready = || candle_core::Error::Msg("no turns are computed".into());
        let table = self.table.as_ref().ok_or_else(unready)?;
        table.slice(start, count)
    }

    fn capacity(&self, positions: usize) -> usize {
        let rounded = positions.next_power_of_two().max(FIRST_TABLE);
        rounded.min(self.context).max(positions)
    }

    fn compute(&self, positions: usize) -> Result<Turns> {
        let shape = (positions, self.frequencies.len());
        let angles = || {
            let row = |position| self.frequencies.iter().map(move |f| position as f32 * f);
            (0..positions).flat_map(row)
        };
        let cos: Vec<f32> = angles().map(f32::cos).collect();
        let sin: Vec<f32> = angles().map(f32::sin).collect();
        Ok(Turns {
            style: self.style,
            cos: Tensor::from_vec(cos, shape, &self.device)?,
            sin: Tensor::from_vec(sin, shape, &self.device)?,
        })
    }
}

impl Turns {
    fn positions(&self) -> usize {
        self.cos.dims()[0]
    }

    /// Cosines and sines.
    pub(crate) fn tables(&self) -> [Tensor; 2] {
        [self.cos.clone(), self.sin.clone()]
    }

    fn slice(&self, start: usize, count: usize) -> Result<Self> {
        let cos = self.cos.narrow(0, start, count)?;
        let sin = self.sin.narrow(0, start, count)?;
        Ok(Self {
            style: self.style,
            cos,
            sin,
        })
    }

    /// [`Self::apply`] of queries and keys.
    pub(crate) fn apply_both(&self, q: &Tensor, k: &Tensor) -> Result<(Tensor, Tensor)> {
        Ok((self.apply(q)?, self.apply(k)?))
    }

    /// Turns the leading channels of `(1, heads, positions, head_dim)`, which
    /// is contiguous afterwards.
    fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let turned = 2 * self.cos.dim(D::Minus1)?;
        let head_dim = x.dim(D::Minus1)?;
        if turned == head_dim {
            return self.turn(&x.contiguous()?);
        }
        let front = self.turn(&x.narrow(D::Minus1, 0, turned)?.contiguous()?)?;
        let back = x.narrow(D::Minus1, turned, head_dim - turned)?;
        Ok(Tensor::cat(&[&front, &back], D::Minus1)?.contiguous()?)
    }

    fn turn(&self, x: &Tensor) -> Result<Tensor> {
        match self.style {
            RopeStyle::Interleaved => Ok(candle_nn::rotary_emb::rope_i(x, &self.cos, &self.sin)?),
        }
    }
}
