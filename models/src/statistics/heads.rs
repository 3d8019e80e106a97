//! Statistics of attention's weights.

use candle_core::{D, Tensor};

use super::event::metrics;
use super::numbers::{self, Mean};
use super::options::Statistics;
use crate::error::Result;
use crate::instrument::macros::op;

/// Statistics of one attention head. Numbers are `None` if nothing defines them.
#[derive(Debug)]
struct HeadStatistics {
    entropy: Option<f64>,
    /// `None` if no position attends to another one.
    evenness: Option<f64>,
    max_weight: f64,
    weight_sparsity: Option<f64>,
    query_max_weight: Option<f64>,
    masked_weight_sparsity: Option<f64>,
}

impl Statistics {
    /// Emits the statistics of attention's weights, `(.., positions, visible)` for each of
    /// `heads`, of the sequence `row` of a batch.
    pub(crate) fn heads(
        self,
        weights: &Tensor,
        heads: usize,
        mask: Option<&Tensor>,
        row: Option<usize>,
    ) -> Result<()> {
        if !self.sets.default && !self.sets.alternative {
            return Ok(());
        }
        let all = op!(STATISTICS; self.of_heads(weights, heads, mask))?;
        if self.sets.default {
            emit_default(&all, row);
        }
        if self.sets.alternative {
            emit_alternative(&all, row);
        }
        Ok(())
    }

    fn of_heads(
        self,
        weights: &Tensor,
        heads: usize,
        mask: Option<&Tensor>,
    ) -> Result<Vec<HeadStatistics>> {
        let columns = weights.dim(D::Minus1)?;
        let weights = numbers::numbers(weights)?;
        let mask = mask.map(numbers::numbers).transpose()?;
        let of_head = weights.len() / heads;
        let is_visible = |at: &usize| mask.as_ref().is_none_or(|mask| mask[*at] == 0.0);
        let visible: Vec<usize> = (0..of_head)
            .step_by(columns)
            .map(|row| (row..row + columns).filter(is_visible).count())
            .collect();
        let statistics =
            |rows: &[f32]| self.of_head(rows.chunks(columns).zip(visible.iter().copied()));
        Ok(weights.chunks(of_head).map(statistics).collect())
    }

    /// Computes the statistics of one head from rows of weights, each with its number of
    /// unmasked positions. Masked weights are 0.
    fn of_head<'r>(self, rows: impl Iterator<Item = (&'r [f32], usize)>) -> HeadStatistics {
        let (mut entropies, mut evenness) = (Mean::default(), Mean::default());
        let (mut largest, mut query_largest) = (0.0_f32, Mean::default());
        let (mut sparsity, mut masked_sparsity) = (Mean::default(), Mean::default());
        for (row, visible) in rows {
            let used = row.iter().filter(|weight| **weight > 0.0);
            let term = |weight: &f32| -f64::from(*weight) * f64::from(*weight).ln();
            let entropy: f64 = used.map(term).sum();
            entropies.add(entropy);
            if visible > 1 {
                evenness.add(entropy / (visible as f64).ln());
            }
            let most = numbers::largest(row.iter().copied());
            largest = numbers::largest([largest, most]);
            query_largest.add(f64::from(most));
            let large = row
                .iter()
                .filter(|weight| **weight >= self.weight_threshold);
            let large = match most.is_nan() {
                true => f64::NAN,
                false => large.count() as f64,
            };
            if visible > 0 {
                sparsity.add(1.0 - large / visible as f64);
            }
            masked_sparsity.add(1.0 - large / row.len() as f64);
        }
        HeadStatistics {
            entropy: entropies.get(),
            evenness: evenness.get(),
            max_weight: f64::from(largest),
            weight_sparsity: sparsity.get(),
            query_max_weight: query_largest.get(),
            masked_weight_sparsity: masked_sparsity.get(),
        }
    }
}

fn emit_default(heads: &[HeadStatistics], row: Option<usize>) {
    for (head, of) in heads.iter().enumerate() {
        metrics!(
            head,
            row,
            entropy = of.entropy,
            evenness = of.evenness,
            max_weight = of.max_weight,
            weight_sparsity = of.weight_sparsity,
        );
    }
}

fn emit_alternative(heads: &[HeadStatistics], row: Option<usize>) {
    for (head, of) in heads.iter().enumerate() {
        metrics!(
            head,
            row,
            query_max_weight = of.query_max_weight,
            masked_weight_sparsity = of.masked_weight_sparsity,
        );
    }
    let mean = |of: fn(&HeadStatistics) -> Option<f64>| -> Option<f64> {
        heads.iter().filter_map(of).collect::<Mean>().get()
    };
    metrics!(
        row,
        mean_entropy = mean(|of| of.entropy),
        mean_max_weight = mean(|of| Some(of.max_weight)),
        mean_query_max_weight = mean(|of| of.query_max_weight),
        mean_weight_sparsity = mean(|of| of.weight_sparsity),
        mean_masked_weight_sparsity = mean(|of| of.masked_weight_sparsity),
    );
}
