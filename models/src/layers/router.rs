//! The router of a mixture of experts.

use candle_core::{D, Device, Tensor};

use crate::error::{Error, Result};
use crate::instrument::macros::op;
use crate::layers::linear::Linear;
use crate::layers::pass::Pass;
use crate::statistics::experts;

/// Chooses experts by the softmax of one row for each.
#[derive(Debug, Clone)]
pub(crate) struct Router {
    /// `(experts, width)`.
    pub weight: Linear,
    /// Experts that each position uses.
    pub active: usize,
    /// Whether the weights of the chosen experts are divided by their sum.
    pub is_normalized: bool,
    /// The layer, for messages.
    pub layer: usize,
}

/// The positions that chose each expert, with the weights of its output.
#[derive(Debug, Clone)]
pub(crate) struct Choices {
    of_expert: Vec<Vec<(u32, f32)>>,
}

impl Choices {
    /// Returns the positions that chose an expert, in order.
    pub(crate) fn of(&self, expert: usize) -> &[(u32, f32)] {
        self.of_expert.get(expert).map_or(&[], Vec::as_slice)
    }

    /// Returns positions, shape `(n)`, and weights, shape `(n, 1)`.
    pub(crate) fn tensors(chosen: &[(u32, f32)], device: &Device) -> Result<(Tensor, Tensor)> {
        let (at, weights): (Vec<u32>, Vec<f32>) = chosen.iter().copied().unzip();
        let count = at.len();
        let at = Tensor::from_vec(at, count, device)?;
        Ok((at, Tensor::from_vec(weights, (count, 1), device)?))
    }

    /// Largest load of an expert over the mean of all: 1 is even.
    fn imbalance(&self) -> f64 {
        let loads = || self.of_expert.iter().map(Vec::len);
        let mean = loads().sum::<usize>() as f64 / self.of_expert.len() as f64;
        loads().max().unwrap_or(0) as f64 / mean
    }
}

impl Router {
    /// Chooses the experts of each position of `(1, positions, width)`.
    ///
    /// # Errors
    /// [`Error::Router`] for weights that are not finite.
    pub(crate) fn choose(&self, x: &Tensor, pass: &Pass) -> Result<Choices> {
        let shares = match pass.deep {
            true => {
                let logits = op!(ROUTER_PROJ, [router = &self.weight, x]; router.forward(x))?;
                op!(SOFTMAX, [logits = &logits];
                    candle_nn::ops::softmax(logits, D::Minus1))?
            }
            false => candle_nn::ops::softmax_last_dim(&self.weight.forward(x)?)?,
        };
        let choices = match pass.deep {
            true => op!(TOP_K; self.top(&shares)),
            false => self.top(&shares),
        }?;
        if pass.statistics.is_some() {
            self.emit(&choices);
        }
        Ok(choices)
    }

    /// Keeps the largest shares of each position; of equal ones those of the first experts.
    fn top(&self, shares: &Tensor) -> Result<Choices> {
        let shares = shares.squeeze(0)?.to_vec2::<f32>()?;
        let experts = shares.first().map_or(0, Vec::len);
        let mut of_expert = vec![Vec::new(); experts];
        for (position, row) in (0_u32..).zip(&shares) {
            if row.iter().any(|share| !share.is_finite()) {
                return Err(Error::Router { layer: self.layer });
            }
            let mut order: Vec<usize> = (0..row.len()).collect();
            order.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
            order.truncate(self.active);
            let sum: f32 = order.iter().map(|expert| row[*expert]).sum();
            let divisor = if self.is_normalized { sum } else { 1.0 };
            for expert in order {
                of_expert[expert].push((position, row[expert] / divisor));
            }
        }
        Ok(Choices { of_expert })
    }

    /// Emits the number of positions of each expert, and how uneven they are.
    fn emit(&self, choices: &Choices) {
        for (expert, chosen) in choices.of_expert.iter().enumerate() {
            let tokens = chosen.len();
            if tokens == 0 {
                continue;
            }
            let weight: f64 = chosen.iter().map(|(_, weight)| f64::from(*weight)).sum();
            experts::expert(expert, tokens as f64, weight / tokens as f64);
        }
        experts::load_imbalance(choices.imbalance());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::quantized::{GgmlDType, QMatMul, QTensor};

    fn router(is_normalized: bool) -> Router {
        let weight = Tensor::zeros((3, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
        let weight = QTensor::quantize(&weight, GgmlDType::F32).unwrap();
        Router {
            weight: Linear {
                weight: QMatMul::from_qtensor(weight).unwrap(),
                bias: None,
                dense: None,
            },
            active: 2,
            is_normalized,
            layer: 7,
        }
    }

    fn shares(rows: [[f32; 3]; 2]) -> Tensor {
        Tensor::new(&rows, &Device::Cpu)
            .unwrap()
            .unsqueeze(0)
            .unwrap()
    }

    #[test]
    fn each_position_uses_the_experts_with_the_largest_shares() {
        let shares = shares([[0.5, 0.2, 0.3], [0.25, 0.25, 0.5]]);
        let choices = router(false).top(&shares).unwrap();
        assert_eq!(choices.of(0), [(0, 0.5), (1, 0.25)]);
        assert_eq!(choices.of(1), []);
        assert_eq!(choices.of(2), [(0, 0.3), (1, 0.5)]);
        let choices = router(true).top(&shares).unwrap();
        assert_eq!(choices.of(0)[0].1, 0.5 / 0.8);
        assert_eq!(choices.imbalance(), 1.5);
    }

    #[test]
    fn a_share_that_is_no_number_is_an_error() {
        let error = router(false)
            .top(&shares([[f32::NAN, 0.2, 0.3]; 2]))
            .unwrap_err();
        assert!(matches!(error, Error::Router { layer: 7 }), "{error}");
    }
}
