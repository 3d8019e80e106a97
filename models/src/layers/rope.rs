//! Rotary position embedding, with tables that grow with the sequence.

use candle_core::{D, Device, Tensor};

use crate::architecture::RopeStyle;
use crate::config::rope::RopeConfig;
use crate::config::rope_scaling::Factors;
use crate::error::Result;

/// Positions in the first table; it doubles from there.
const FIRST_TABLE: usize = 512;

/// Rotary embedding with cosines and sines for the positions reached so far.
///
/// A table for a context of 131,072 positions takes 64 MiB per 128 channels,
/// of which a short run needs a hundredth, so it is built on demand.
#[derive(Debug, Clone)]
pub(crate) struct Rope {
    style: RopeStyle,
    frequencies: Vec<f32>,
    /// Frequencies of sequences longer than the original context.
    long: Option<LongRope>,
    /// Factor of cosines and sines.
    magnitude: f32,
    context: usize,
    device: Device,
    table: Option<RotaryTable>,
}

/// Other frequencies for long sequences (LongRoPE, Ding et al. 2024).
#[derive(Debug, Clone)]
struct LongRope {
    frequencies: Vec<f32>,
    /// Original context; longer sequences use these frequencies.
    original: usize,
    table: Option<RotaryTable>,
}

/// Cosines and sines, each of shape `(positions, rope_dim / 2)`.
#[derive(Debug, Clone)]
pub(crate) struct RotaryTable {
    style: RopeStyle,
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    /// Creates the embedding with the configuration's frequencies divided by `factors`, for
    /// at most `context` positions.
    pub(crate) fn new(
        config: &RopeConfig,
        factors: Factors,
        context: usize,
        device: &Device,
    ) -> Self {
        let divided = |factors| frequencies(config.dim, config.base, config.scale, factors);
        let long = factors.long.map(|factors| LongRope {
            frequencies: divided(Some(factors)),
            original: config.original_context,
            table: None,
        });
        Self {
            magnitude: config.magnitude,
            long,
            ..Self::of(config, divided(factors.usual), context, device)
        }
    }

    /// Creates the unscaled embedding of windowed layers.
    pub(crate) fn of_window(
        config: &RopeConfig,
        base: f32,
        context: usize,
        device: &Device,
    ) -> Self {
        Self::of(
            config,
            frequencies(config.dim, base, 1.0, None),
            context,
            device,
        )
    }

    fn of(config: &RopeConfig, frequencies: Vec<f32>, context: usize, device: &Device) -> Self {
        Self {
            style: config.style,
            frequencies,
            long: None,
            magnitude: 1.0,
            context,
            device: device.clone(),
            table: None,
        }
    }

    /// Computes the table for `positions` in total, unless it is long enough already.
    ///
    /// LongRoPE chooses the frequencies by `reach`, the length that the whole sequence may
    /// reach.
    pub(crate) fn reserve(&mut self, positions: usize, reach: usize) -> Result<()> {
        let table = self.table_of(reach).as_ref();
        let computed = table.map_or(0, RotaryTable::positions);
        if computed < positions {
            let table = Some(self.compute(self.capacity(positions), reach)?);
            match self.long.as_mut().filter(|long| reach > long.original) {
                Some(long) => long.table = table,
                None => self.table = table,
            }
        }
        Ok(())
    }

    /// Returns the cosines and sines of `count` positions from `start` on, of a sequence that
    /// may reach a length of `reach`.
    ///
    /// # Errors
    /// If these positions were not reserved.
    pub(crate) fn rows(&self, start: usize, count: usize, reach: usize) -> Result<RotaryTable> {
        let unready = || candle_core::Error::Msg("the rotary table is not computed".into());
        let table = self.table_of(reach).as_ref().ok_or_else(unready)?;
        table.slice(start, count)
    }

    /// The long frequencies, if a sequence of this length uses them.
    fn long_of(&self, reach: usize) -> Option<&LongRope> {
        self.long.as_ref().filter(|long| reach > long.original)
    }

    fn table_of(&self, reach: usize) -> &Option<RotaryTable> {
        self.long_of(reach).map_or(&self.table, |long| &long.table)
    }

    fn capacity(&self, positions: usize) -> usize {
        let rounded = positions.next_power_of_two().max(FIRST_TABLE);
        rounded.min(self.context).max(positions)
    }

    fn compute(&self, positions: usize, reach: usize) -> Result<RotaryTable> {
        let long = self.long_of(reach);
        let frequencies = long.map_or(&self.frequencies, |long| &long.frequencies);
        let (shape, magnitude) = ((positions, frequencies.len()), self.magnitude);
        let angles = || {
            let row = |position| frequencies.iter().map(move |f| position as f32 * f);
            (0..positions).flat_map(row)
        };
        let cos: Vec<f32> = angles().map(|angle| angle.cos() * magnitude).collect();
        let sin: Vec<f32> = angles().map(|angle| angle.sin() * magnitude).collect();
        Ok(RotaryTable {
            style: self.style,
            cos: Tensor::from_vec(cos, shape, &self.device)?,
            sin: Tensor::from_vec(sin, shape, &self.device)?,
        })
    }
}

/// Returns `base^(-2i / rope_dim)` divided by the scale and by the factor of channel pair `i`.
fn frequencies(dim: usize, base: f32, scale: f32, factors: Option<Vec<f32>>) -> Vec<f32> {
    let factors = factors.unwrap_or_else(|| vec![1.0; dim / 2]);
    let frequency = |(i, factor): (usize, f32)| {
        let exponent = (2 * i) as f32 / dim as f32;
        1.0 / base.powf(exponent) / scale / factor
    };
    factors.into_iter().enumerate().map(frequency).collect()
}

impl RotaryTable {
    fn positions(&self) -> usize {
        self.cos.dims()[0]
    }

    /// Returns cosines and sines.
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

    /// Applies [`Self::apply`] to queries and keys.
    pub(crate) fn apply_both(&self, q: &Tensor, k: &Tensor) -> Result<(Tensor, Tensor)> {
        Ok((self.apply(q)?, self.apply(k)?))
    }

    /// Rotates the leading channels of `(1, heads, positions, head_dim)`; the result is
    /// contiguous.
    fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let rotated = 2 * self.cos.dim(D::Minus1)?;
        let head_dim = x.dim(D::Minus1)?;
        if rotated == head_dim {
            return self.rotate(&x.contiguous()?);
        }
        let front = self.rotate(&x.narrow(D::Minus1, 0, rotated)?.contiguous()?)?;
        let back = x.narrow(D::Minus1, rotated, head_dim - rotated)?;
        Ok(Tensor::cat(&[&front, &back], D::Minus1)?.contiguous()?)
    }

    fn rotate(&self, x: &Tensor) -> Result<Tensor> {
        match self.style {
            RopeStyle::Interleaved => Ok(candle_nn::rotary_emb::rope_i(x, &self.cos, &self.sin)?),
            RopeStyle::Halves => Ok(candle_nn::rotary_emb::rope(x, &self.cos, &self.sin)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> RopeConfig {
        RopeConfig {
            dim: 4,
            style: RopeStyle::Halves,
            base: 100.0,
            of_window: None,
            factors: Factors::default(),
            scale: 1.0,
            magnitude: 1.5,
            original_context: 8,
            temperature: None,
        }
    }

    fn cosines(rope: &mut Rope, positions: usize, reach: usize, at: usize) -> Vec<f32> {
        rope.reserve(positions, reach).unwrap();
        let [cos, _] = rope.rows(at, 1, reach).unwrap().tables();
        cos.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn assert_near(found: &[f32], angles: [f32; 2]) {
        let expected = angles.map(|angle| 1.5 * angle.cos());
        let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
        assert!(
            found.iter().zip(&expected).all(near),
            "{found:?}, not {expected:?}"
        );
    }

    /// Frequencies are 1 and 1/10 here.
    #[test]
    fn a_long_sequence_uses_long_factors_from_its_start() {
        let factors = Factors {
            usual: Some(vec![1.0, 2.0]),
            long: Some(vec![4.0, 8.0]),
        };
        let mut rope = Rope::new(&config(), factors, 64, &Device::Cpu);
        assert_near(&cosines(&mut rope, 8, 8, 3), [3.0, 0.15]);
        assert_near(&cosines(&mut rope, 9, 9, 3), [0.75, 0.0375]);
        // A part of a sequence that will be long.
        assert_near(&cosines(&mut rope, 5, 9, 3), [0.75, 0.0375]);
        // A short sequence next to it.
        assert_near(&cosines(&mut rope, 8, 8, 3), [3.0, 0.15]);
    }
}
