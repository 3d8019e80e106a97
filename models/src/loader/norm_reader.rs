//! Reads norms.

use candle_core::Tensor;

use crate::architecture::NormKind;
use crate::error::Result;
use crate::layers::norm::Norm;
use crate::loader::norm_style::NormStyle;
use crate::loader::tensor_reader::TensorReader;

impl TensorReader<'_> {
    /// Reads the norm of this name, with its bias if there is one.
    pub(super) fn norm(&mut self, name: &str, width: usize) -> Result<Norm> {
        let device = self.device();
        let weight = format!("{name}.weight");
        let numbers = self.weights.dense(&weight, &[width], device)?;
        self.count(&weight, width);
        let NormStyle { kind, eps } = self.norm;
        let bias = match kind {
            NormKind::Rms => None,
            NormKind::Layer => self.bias(name, width)?,
        };
        Ok(Norm {
            weight: numbers,
            bias,
            eps,
            kind,
        })
    }

    /// Reads the norms of all heads, stored as one tensor or with a number in each name; `None`
    /// if there are none.
    pub(super) fn norms_of_heads(
        &mut self,
        name: &str,
        heads: usize,
        head_dim: usize,
    ) -> Result<Option<Norm>> {
        let device = self.device();
        let whole = format!("{name}.weight");
        let weight = if self.has(&whole) {
            self.weights.dense(&whole, &[heads, head_dim], device)?
        } else if self.has_optional(&format!("{name}.0.weight"))? {
            let one = |head| {
                let name = format!("{name}.{head}.weight");
                self.weights.dense(&name, &[head_dim], device)
            };
            Tensor::stack(&(0..heads).map(one).collect::<Result<Vec<_>>>()?, 0)?
        } else {
            return Ok(None);
        };
        self.count(&whole, heads * head_dim);
        let NormStyle { kind, eps } = self.norm;
        Ok(Some(Norm {
            weight,
            bias: None,
            eps,
            kind,
        }))
    }
}
