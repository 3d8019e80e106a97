//! Reads mixtures of experts in every layout of their files.

use candle_core::quantized::QTensor;

use crate::architecture::Activation;
use crate::config::experts::ExpertConfig;
use crate::error::Result;
use crate::layers::experts::{Experts, SharedExpert};
use crate::layers::linear::Linear;
use crate::layers::mlp::Mlp;
use crate::layers::router::Router;
use crate::loader::tensor_reader::TensorReader;
use crate::weights::split::{blocks, split};

impl TensorReader<'_> {
    /// Reads router and experts of a layer; `prefix` begins the names of their tensors.
    pub(super) fn experts(
        &mut self,
        prefix: &str,
        layer: usize,
        config: &ExpertConfig,
        width: usize,
        activation: Activation,
    ) -> Result<Experts> {
        let router = Router {
            weight: self.linear(&format!("{prefix}_gate_inp"), config.count, width)?,
            active: config.active,
            is_normalized: config.is_normalized,
            layer,
        };
        let (count, hidden) = (config.count, config.hidden);
        let [gates, ups] = self.gates_and_ups(prefix, config, width)?;
        let downs = self.of_experts(&format!("{prefix}_down"), count, (width, hidden))?;
        let mut experts = Vec::with_capacity(gates.len());
        for ((gate, up), down) in gates.into_iter().zip(ups).zip(downs) {
            experts.push(Mlp {
                gate: Some(gate),
                up,
                down,
                activation,
            });
        }
        let shared = config.shared_hidden;
        let shared = shared.map(|hidden| self.shared(prefix, hidden, width, activation));
        Ok(Experts {
            router,
            experts,
            shared: shared.transpose()?,
        })
    }

    /// Reads the two inner matrices of each expert, which may be stored as one.
    fn gates_and_ups(
        &mut self,
        prefix: &str,
        config: &ExpertConfig,
        width: usize,
    ) -> Result<[Vec<Linear>; 2]> {
        let (count, hidden) = (config.count, config.hidden);
        let fused = format!("{prefix}_gate_up_exps");
        if !self.has(&format!("{fused}.weight")) {
            let shape = (hidden, width);
            let gates = self.of_experts(&format!("{prefix}_gate"), count, shape)?;
            return Ok([
                gates,
                self.of_experts(&format!("{prefix}_up"), count, shape)?,
            ]);
        }
        let parts = vec![(hidden, width); 2 * count];
        if let Some(all) = self.placeholders(&fused, &[count, 2 * hidden, width], &parts)? {
            let mut all = all.into_iter().map(Linear::without_bias);
            return Ok([all.by_ref().take(count).collect(), all.collect()]);
        }
        let mut both = [Vec::with_capacity(count), Vec::with_capacity(count)];
        for expert in self.stacked(&fused, count, (2 * hidden, width))? {
            let parts = split(&expert, &[hidden, hidden], self.device())?;
            for (all, part) in both.iter_mut().zip(parts) {
                all.push(self.projection(&fused, part, None)?);
            }
        }
        Ok(both)
    }

    /// Reads one matrix of each expert: stored together, or with a number in the name.
    fn of_experts(
        &mut self,
        name: &str,
        count: usize,
        (rows, width): (usize, usize),
    ) -> Result<Vec<Linear>> {
        let together = format!("{name}_exps");
        // Any of them decides, so that a missing one is named.
        let mut each = (0..count).map(|expert| format!("{name}.{expert}.weight"));
        let is_apart = each.any(|one| self.has(&one));
        if is_apart && !self.has(&format!("{together}.weight")) {
            let one = |expert| self.linear(&format!("{name}.{expert}"), rows, width);
            return (0..count).map(one).collect();
        }
        let parts = vec![(rows, width); count];
        if let Some(all) = self.placeholders(&together, &[count, rows, width], &parts)? {
            return Ok(all.into_iter().map(Linear::without_bias).collect());
        }
        let all = self.stacked(&together, count, (rows, width))?;
        let all = all.into_iter();
        all.map(|expert| self.projection(&together, expert, None))
            .collect()
    }

    /// Reads a stack of matrices.
    fn stacked(
        &mut self,
        name: &str,
        count: usize,
        (rows, width): (usize, usize),
    ) -> Result<Vec<QTensor>> {
        let tensor = self.tensor_of(name, &[count, rows, width])?;
        Ok(blocks(&tensor, (count, rows, width), self.device())?)
    }

    fn shared(
        &mut self,
        prefix: &str,
        hidden: usize,
        width: usize,
        activation: Activation,
    ) -> Result<SharedExpert> {
        let name = |part: &str| format!("{prefix}_{part}_shexp");
        Ok(SharedExpert {
            mlp: Mlp {
                gate: Some(self.linear(&name("gate"), hidden, width)?),
                up: self.linear(&name("up"), hidden, width)?,
                down: self.linear(&name("down"), width, hidden)?,
                activation,
            },
            gate: self.row(&name("gate_inp"), width)?,
        })
    }
}
