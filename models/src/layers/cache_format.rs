//! Number formats of stored keys and values.

use candle_core::{D, DType, Device, Tensor};

use crate::error::Result;

/// Number format of the key-value cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CacheFormat {
    /// 4 bytes per number, exact.
    #[default]
    F32,
    /// 2 bytes per number.
    F16,
    /// 1 byte per number and a factor in f16 for each block of up to 32 channels.
    Q8_0,
}

/// Most channels that share a factor.
const BLOCK: usize = 32;
/// Largest step of a block; bytes are stored as `number / factor + STEPS + 1`.
const STEPS: f64 = 127.0;
/// Divisor of blocks with the factor 0; all of their numbers are 0 or nearly so.
const LEAST: f64 = 1e-30;

impl CacheFormat {
    /// Returns the bytes of one head's keys or values of a position.
    pub(crate) fn head_bytes(self, head_dim: usize) -> usize {
        match self {
            Self::F32 => 4 * head_dim,
            Self::F16 => 2 * head_dim,
            Self::Q8_0 => head_dim + 2 * head_dim / block(head_dim),
        }
    }

    /// Allocates room for positions: tensors of the shape `(1, heads, positions, ..)`.
    pub(crate) fn zeros(
        self,
        (heads, positions, head_dim): (usize, usize, usize),
        device: &Device,
    ) -> Result<Vec<Tensor>> {
        let tensor = |last, dtype| Tensor::zeros((1, heads, positions, last), dtype, device);
        Ok(match self {
            Self::F32 => vec![tensor(head_dim, DType::F32)?],
            Self::F16 => vec![tensor(head_dim, DType::F16)?],
            Self::Q8_0 => {
                let blocks = head_dim / block(head_dim);
                vec![tensor(head_dim, DType::U8)?, tensor(blocks, DType::F16)?]
            }
        })
    }

    /// Converts f32 numbers, `(1, heads, positions, head_dim)`; the results are contiguous.
    pub(crate) fn encode(self, x: &Tensor) -> Result<Vec<Tensor>> {
        Ok(match self {
            Self::F32 => vec![x.contiguous()?],
            Self::F16 => vec![x.to_dtype(DType::F16)?.contiguous()?],
            Self::Q8_0 => quantised(&x.contiguous()?)?,
        })
    }

    /// Undoes [`Self::encode`], of any part of the positions. F32 is not copied.
    pub(crate) fn decode(self, stored: &[Tensor]) -> Result<Tensor> {
        match (self, stored) {
            (Self::F32, [numbers]) => Ok(numbers.clone()),
            (Self::F16, [numbers]) => Ok(numbers.to_dtype(DType::F32)?.contiguous()?),
            (Self::Q8_0, [steps, factors]) => numbers(steps, factors),
            _ => Err(candle_core::Error::Msg("not of this cache's format".into()).into()),
        }
    }
}

/// Returns the channels that share a factor: as many as divide the head, at most 32.
fn block(head_dim: usize) -> usize {
    let most = BLOCK.min(head_dim.max(1));
    let divides = |block: &usize| head_dim.is_multiple_of(*block);
    (1..=most).rev().find(divides).unwrap_or(1)
}

/// `(.., head_dim)` to `(.., blocks, channels of a block)`.
fn in_blocks(x: &Tensor) -> Result<Tensor> {
    let (batch, heads, positions, head_dim) = x.dims4()?;
    let block = block(head_dim);
    Ok(x.reshape((batch, heads, positions, head_dim / block, block))?)
}

fn quantised(x: &Tensor) -> Result<Vec<Tensor>> {
    let blocks = in_blocks(x)?;
    let factors = (blocks.abs()?.max_keepdim(D::Minus1)? / STEPS)?.to_dtype(DType::F16)?;
    let divisors = factors.to_dtype(DType::F32)?.maximum(LEAST)?;
    // A factor that was rounded down must not leave the range.
    let steps = blocks.broadcast_div(&divisors)?.clamp(-STEPS, STEPS)?;
    let steps = (steps.round()? + (STEPS + 1.0))?.to_dtype(DType::U8)?;
    let factors = factors.squeeze(D::Minus1)?.contiguous()?;
    Ok(vec![steps.reshape(x.shape())?, factors])
}

fn numbers(steps: &Tensor, factors: &Tensor) -> Result<Tensor> {
    let steps = (steps.to_dtype(DType::F32)? - (STEPS + 1.0))?;
    let factors = factors.to_dtype(DType::F32)?.unsqueeze(D::Minus1)?;
    let numbers = in_blocks(&steps)?.broadcast_mul(&factors)?;
    Ok(numbers.reshape(steps.shape())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [CacheFormat; 3] = [CacheFormat::F32, CacheFormat::F16, CacheFormat::Q8_0];

    fn waves(head_dim: usize) -> Tensor {
        let count = 2 * 5 * head_dim;
        let wave = |i: usize| (i as f32 * 0.7).sin() * (1 + i / head_dim) as f32;
        let numbers: Vec<f32> = (0..count).map(wave).collect();
        Tensor::from_vec(numbers, (1, 2, 5, head_dim), &Device::Cpu).unwrap()
    }

    fn largest(x: &Tensor) -> f32 {
        let all = x.abs().unwrap().flatten_all().unwrap();
        all.max(0).unwrap().to_scalar().unwrap()
    }

    /// Half a step of the largest number: 2^-11 at most for f16, 1/254 for q8_0 (and its factor's
    /// rounding).
    #[test]
    fn errors_are_those_of_the_format() {
        for head_dim in [64, 80, 24, 7] {
            let x = waves(head_dim);
            for (format, most) in FORMATS.into_iter().zip([0.0, 1.0 / 2048.0, 1.0 / 230.0]) {
                let stored = format.encode(&x).unwrap();
                let back = format.decode(&stored).unwrap();
                let error = largest(&(&back - &x).unwrap()) / largest(&x);
                assert!(error <= most, "{format:?} {head_dim}: {error}");
                assert!(format == CacheFormat::F32 || error > 0.0);
            }
        }
    }

    #[test]
    fn bytes_are_those_of_the_tensors() {
        for head_dim in [64, 80, 24, 7] {
            for format in FORMATS {
                let room = format.zeros((2, 5, head_dim), &Device::Cpu).unwrap();
                let bytes = |tensor: &Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
                let all: usize = room.iter().map(bytes).sum();
                assert_eq!(all, 2 * 5 * format.head_bytes(head_dim));
                for (room, stored) in room.iter().zip(format.encode(&waves(head_dim)).unwrap()) {
                    assert_eq!((room.dims(), room.dtype()), (stored.dims(), stored.dtype()));
                }
            }
        }
    }

    #[test]
    fn zeros_stay_zeros() {
        let zeros = Tensor::zeros((1, 1, 3, 32), DType::F32, &Device::Cpu).unwrap();
        for format in FORMATS {
            let back = format.decode(&format.encode(&zeros).unwrap()).unwrap();
            assert_eq!(largest(&back), 0.0);
        }
    }
}
