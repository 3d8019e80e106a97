//! A mixture of experts: a router chooses a few of many MLPs for each position.

use candle_core::Tensor;

use crate::error::{Error, Result};
use crate::instrument::macros::{around, op};
use crate::layers::linear::Linear;
use crate::layers::mlp::Mlp;
use crate::layers::pass::Pass;
use crate::layers::router::{Choices, Router};

/// Router and experts of one layer.
#[derive(Debug, Clone)]
pub(crate) struct Experts {
    /// Chooses the experts.
    pub router: Router,
    /// All experts.
    pub experts: Vec<Mlp>,
    /// The expert that all positions use.
    pub shared: Option<SharedExpert>,
}

/// An expert that all positions use.
#[derive(Debug, Clone)]
pub(crate) struct SharedExpert {
    /// The expert itself.
    pub mlp: Mlp,
    /// One row; the sigmoid of its product is the factor of the expert's output.
    pub gate: Linear,
}

impl Experts {
    /// `(1, positions, width)` to the same shape. Each expert receives only the positions
    /// that chose it.
    pub(crate) fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let choices = op!(ROUTER; self.router.choose(x, pass))?;
        let rows = x.squeeze(0)?;
        let (mut outputs, mut all) = (Vec::new(), Vec::new());
        for (index, expert) in self.experts.iter().enumerate() {
            let chosen = choices.of(index);
            if chosen.is_empty() {
                continue;
            }
            let tokens = chosen.len();
            outputs.push(
                around!(trace_span, EXPERT, None, expert = index, tokens = tokens;
                run(expert, &rows, chosen, pass))?,
            );
            all.extend_from_slice(chosen);
        }
        let outputs = Tensor::cat(&outputs, 0)?;
        let (at, weights) = Choices::tensors(&all, rows.device())?;
        let sum = match pass.deep {
            true => op!(COMBINE, [rows = &rows, outputs = &outputs, at = &at, weights = &weights];
                combine(rows, outputs, at, weights)),
            false => combine(&rows, &outputs, &at, &weights),
        };
        let mut out = sum?.unsqueeze(0)?;
        if let Some(shared) = &self.shared {
            out = (out + op!(SHARED_EXPERT; shared.forward(x, pass))?)?;
        }
        if let Some(statistics) = pass.statistics {
            statistics.activations(&out)?;
        }
        Ok(out)
    }
}

/// Runs an expert for the rows that chose it.
fn run(expert: &Mlp, rows: &Tensor, chosen: &[(u32, f32)], pass: &Pass) -> Result<Tensor> {
    let (at, _) = Choices::tensors(chosen, rows.device())?;
    let own = match pass.deep {
        true => op!(GATHER, [rows, at = &at]; rows.index_select(at, 0))?,
        false => rows.index_select(&at, 0)?,
    };
    // Statistics of an MLP are those of all positions, which an expert does not see.
    let out = expert.forward(&own.unsqueeze(0)?, pass.deep, None)?;
    Ok(out.squeeze(0)?)
}

/// Sums the weighted outputs of all experts, each at its row.
fn combine(rows: &Tensor, outputs: &Tensor, at: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let weighted = outputs.broadcast_mul(weights)?;
    Ok(rows.zeros_like()?.index_add(at, &weighted, 0)?)
}

impl SharedExpert {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let out = self.mlp.forward(x, pass.deep, None)?;
        let gated = |gate: &Linear, x: &Tensor, out: &Tensor| {
            let gate = candle_nn::ops::sigmoid(&gate.forward(x)?)?;
            Ok::<_, Error>(out.broadcast_mul(&gate)?)
        };
        match pass.deep {
            true => op!(SHARED_GATE, [gate = &self.gate, x, out = &out]; gated(gate, x, out)),
            false => gated(&self.gate, x, &out),
        }
    }
}
