//! Softmax over the last dimension.

use candle_core::cpu::kernels::VecOps as _;
use candle_core::{CpuStorage, CustomOp1, D, Layout, Shape, Tensor};

use crate::error::Result;

/// Softmax of attention's scores, `(1, kv_heads, rows, visible)`, of one new position or of
/// several.
///
/// Candle's fused kernel wakes a pool of threads, which takes longer than the few rows of
/// one position; it is for several.
pub(crate) fn softmax(scores: &Tensor, is_one: bool) -> Result<Tensor> {
    match is_one && scores.device().is_cpu() {
        true => Ok(scores.contiguous()?.apply_op1_no_bwd(&Rows)?),
        false => Ok(candle_nn::ops::softmax_last_dim(scores)?),
    }
}

/// Computes the softmax operation by operation for several positions.
pub(crate) fn decomposed(scores: &Tensor, is_one: bool) -> Result<Tensor> {
    match is_one {
        true => softmax(scores, is_one),
        false => Ok(candle_nn::ops::softmax(scores, D::Minus1)?),
    }
}

/// Computes row after row on the calling thread.
struct Rows;

impl CustomOp1 for Rows {
    fn name(&self) -> &'static str {
        "softmax-rows"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (Some((start, end)), CpuStorage::F32(numbers)) = (layout.contiguous_offsets(), storage)
        else {
            candle_core::bail!("softmax of rows takes contiguous f32 numbers");
        };
        let mut numbers = numbers.get(start..end).unwrap_or_default().to_vec();
        let width = layout.shape().dims().last().copied().unwrap_or(1);
        numbers.chunks_mut(width.max(1)).for_each(row);
        Ok((CpuStorage::F32(numbers), layout.shape().clone()))
    }
}

/// Rounds as Candle's kernel does: quantised activations amplify small differences, so
/// logits would otherwise differ between runs.
fn row(row: &mut [f32]) {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for number in row.iter_mut() {
        *number = (*number - most).exp();
    }
    let mut sum = 0.0;
    // SAFETY: reads as many numbers as the slice has.
    unsafe { f32::vec_reduce_sum(row.as_ptr(), &mut sum, row.len()) };
    for number in row.iter_mut() {
        *number /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn one_position_equals_several_positions() {
        let numbers: Vec<f32> = (0..240).map(|i| ((i * 37) % 101) as f32 / 7.0).collect();
        let scores = Tensor::from_vec(numbers, (1, 3, 4, 20), &Device::Cpu).unwrap();
        // Also for a tensor that is not contiguous.
        for scores in [scores.clone(), scores.transpose(1, 2).unwrap()] {
            let one = softmax(&scores, true).unwrap();
            let several = softmax(&scores.contiguous().unwrap(), false).unwrap();
            let difference = (one - several).unwrap().abs().unwrap();
            let largest: f32 = difference
                .flatten_all()
                .unwrap()
                .max(0)
                .unwrap()
                .to_scalar()
                .unwrap();
            assert_eq!(largest, 0.0);
        }
    }
}
