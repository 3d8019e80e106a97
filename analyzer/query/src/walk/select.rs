//! Selection of the activations to emit.

use super::activation::{ActivationVisitor, EntryCost, PricedActivation};
use crate::error::Result;

/// Decides which activations are emitted.
pub(super) trait SelectActivations {
    fn is_emitted(&self, seq: u64) -> bool;
}

pub(super) struct SelectAll;

impl SelectActivations for SelectAll {
    fn is_emitted(&self, _: u64) -> bool {
        true
    }
}

/// Selects activations with at least `least_j` of energy or of unknown energy: one bit each.
pub(super) struct SelectByEnergy {
    least_j: f64,
    bits: Vec<u64>,
}

impl SelectByEnergy {
    pub(super) fn new(least_j: f64) -> Self {
        Self {
            least_j,
            bits: Vec::new(),
        }
    }
}

impl ActivationVisitor for SelectByEnergy {
    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        if cost.inclusive_j.is_some_and(|j| j < self.least_j) {
            return Ok(());
        }
        let (word, bit) = (activation.row.seq / 64, activation.row.seq % 64);
        let word = usize::try_from(word).unwrap_or(usize::MAX);
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << bit;
        Ok(())
    }
}

impl SelectActivations for SelectByEnergy {
    fn is_emitted(&self, seq: u64) -> bool {
        let word = usize::try_from(seq / 64).unwrap_or(usize::MAX);
        self.bits
            .get(word)
            .is_some_and(|bits| bits >> (seq % 64) & 1 == 1)
    }
}
