//! Which activations are told.

use super::{Activation, Cost, Visit};
use crate::error::Result;

/// Decides who is told.
pub(super) trait Choose {
    fn is_told(&self, seq: u64) -> bool;
}

pub(super) struct All;

impl Choose for All {
    fn is_told(&self, _: u64) -> bool {
        true
    }
}

/// Activations with at least so much energy, or of which it is not known: one bit each.
pub(super) struct Kept {
    least_j: f64,
    bits: Vec<u64>,
}

impl Kept {
    pub(super) fn new(least_j: f64) -> Self {
        Self {
            least_j,
            bits: Vec::new(),
        }
    }
}

impl Visit for Kept {
    fn exit(&mut self, activation: &Activation, cost: &Cost) -> Result<()> {
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

impl Choose for Kept {
    fn is_told(&self, seq: u64) -> bool {
        let word = usize::try_from(seq / 64).unwrap_or(usize::MAX);
        self.bits
            .get(word)
            .is_some_and(|bits| bits >> (seq % 64) & 1 == 1)
    }
}
