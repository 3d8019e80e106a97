//! The feed-forward part of a block or of an expert.

use candle_core::Tensor;

use crate::architecture::Activation;
use crate::error::Result;
use crate::instrument::macros::op;
use crate::instrument::names;
use crate::layers::linear::Linear;
use crate::statistics::Statistics;

/// `down(activation(gate(x)) * up(x))`, or `down(activation(up(x)))` without a gate.
#[derive(Debug, Clone)]
pub(crate) struct Mlp {
    /// `(hidden, width)`.
    pub gate: Option<Linear>,
    /// `(hidden, width)`.
    pub up: Linear,
    /// `(width, hidden)`.
    pub down: Linear,
    /// Non-linearity.
    pub activation: Activation,
}

impl Mlp {
    /// `(1, positions, width)` to the same shape; `deep` runs the decomposed kernels.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        deep: bool,
        statistics: Option<Statistics>,
    ) -> Result<Tensor> {
        let mixed = match &self.gate {
            Some(gate) => self.gated(gate, x, deep, statistics)?,
            None => {
                let up = op!(UP_PROJ, [up = &self.up, x]; up.forward(x))?;
                let active = self.activate(&up, deep)?;
                if let Some(statistics) = statistics {
                    statistics.projection(names::UP_PROJ, &up)?;
                    statistics.activation_function(&up, &active)?;
                }
                active
            }
        };
        let out = op!(DOWN_PROJ, [down = &self.down, x = &mixed]; down.forward(x))?;
        if let Some(statistics) = statistics {
            statistics.projection(names::DOWN_PROJ, &out)?;
            statistics.activations(&out)?;
        }
        Ok(out)
    }

    /// Returns the product of the activations and the other half.
    fn gated(
        &self,
        gate: &Linear,
        x: &Tensor,
        deep: bool,
        statistics: Option<Statistics>,
    ) -> Result<Tensor> {
        let gate = op!(GATE_PROJ, [gate, x]; gate.forward(x))?;
        let up = op!(UP_PROJ, [up = &self.up, x]; up.forward(x))?;
        let active = self.activate(&gate, deep)?;
        if let Some(statistics) = statistics {
            statistics.projection(names::GATE_PROJ, &gate)?;
            statistics.projection(names::UP_PROJ, &up)?;
            statistics.activation_function(&gate, &active)?;
        }
        match deep {
            true => Ok(op!(GATE_UP_MULT, [active = &active, up = &up]; active * up)?),
            false => Ok((active * up)?),
        }
    }

    fn activate(&self, x: &Tensor, deep: bool) -> Result<Tensor> {
        let activation = self.activation;
        match deep {
            true => op!(ACTIVATION, [x]; activate(activation, x)),
            false => activate(activation, x),
        }
    }
}

fn activate(activation: Activation, x: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Silu => Ok(x.silu()?),
        Activation::GeluTanh => Ok(x.gelu()?),
        Activation::Gelu => Ok(x.gelu_erf()?),
        Activation::ReluSquared => Ok(x.relu()?.sqr()?),
    }
}
