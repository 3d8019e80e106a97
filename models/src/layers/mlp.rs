//! The gated feed-forward part of a block.

use candle_core::Tensor;

use crate::architecture::Activation;
use crate::error::Result;
use crate::instrument::macros::op;
use crate::layers::linear::Linear;
use crate::layers::pass::Pass;

/// `down(activation(gate(x)) * up(x))`.
#[derive(Debug, Clone)]
pub(crate) struct Mlp {
    /// `(hidden, width)`.
    pub gate: Linear,
    /// `(hidden, width)`.
    pub up: Linear,
    /// `(width, hidden)`.
    pub down: Linear,
    /// Non-linearity between gate and product.
    pub activation: Activation,
}

impl Mlp {
    /// `(1, positions, width)` to the same shape.
    pub(crate) fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let gate = op!(GATE_PROJ, [gate = &self.gate, x]; gate.forward(x))?;
        let up = op!(UP_PROJ, [up = &self.up, x]; up.forward(x))?;
        let activation = self.activation;
        let active = match pass.deep {
            true => op!(ACTIVATION, [gate = &gate]; activate(activation, gate))?,
            false => activate(activation, &gate)?,
        };
        let mixed = match pass.deep {
            true => op!(GATE_UP_MULT, [active = &active, up = &up]; active * up)?,
            false => (&active * up)?,
        };
        let out = op!(DOWN_PROJ, [down = &self.down, x = &mixed]; down.forward(x))?;
        if let Some(statistics) = pass.statistics {
            statistics.kills(&active)?;
            statistics.activations(&out)?;
        }
        Ok(out)
    }
}

fn activate(activation: Activation, gate: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Silu => Ok(gate.silu()?),
        Activation::GeluTanh => Ok(gate.gelu()?),
    }
}
