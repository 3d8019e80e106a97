//! Metrics of routers.

use super::event::metrics;

/// Emits how many positions chose an expert, and the mean factor of its output.
pub(crate) fn expert(expert: usize, expert_tokens: f64, expert_weight: f64) {
    metrics!(expert, expert_tokens, expert_weight);
}

/// Emits the largest load of an expert over the mean load.
pub(crate) fn load_imbalance(load_imbalance: f64) {
    metrics!(load_imbalance);
}
