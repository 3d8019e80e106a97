//! The gated feed-forward part of a block.

use candle_core::quantized::QMatMul;
use candle_core::{Module, Tensor};

use crate::architecture::Activation;
use crate::error::Result;
use crate::instrument::op;

/// `down(activation(gate(x)) * up(x))`.
#[derive(Debug, Clone)]
pub(crate) struct Mlp {
    /// `(hidden, width)`.
    pub gate: QMatMul,
    /// `(hidden, width)`.
    pub up: QMatMul,
    /// `(width, hidden)`.
    pub down: QMatMul,
    /// Between gate and product.
    pub activation: Activation,
}

impl Mlp {
    /// `(1, positions, width)` to the same shape.
    pub(crate) fn forward(&self, x: &Tensor, deep: bool) -> Result<Tensor> {
        let gate = op!(GATE_PROJ; self.gate.forward(x))?;
        let up = op!(UP_PROJ; self.up.forward(x))?;
        let mixed = match deep {
            true => self.decomposed(&gate, &up)?,
            false => (self.activate(&gate)? * up)?,
        };
        Ok(op!(DOWN_PROJ; self.down.forward(&mixed))?)
    }

    fn decomposed(&self, gate: &Tensor, up: &Tensor) -> Result<Tensor> {
        let active = op!(ACTIVATION; self.activate(gate))?;
        Ok(op!(GATE_UP_MULT; active * up)?)
    }

    fn activate(&self, gate: &Tensor) -> Result<Tensor> {
        match self.activation {
            Activation::Silu => Ok(gate.silu()?),
        }
    }
}
