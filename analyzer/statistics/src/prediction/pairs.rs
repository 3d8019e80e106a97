//! The term of pairs of prompt tokens: the energy of attention in prefill, which grows with the square of
//! the prompt.
//!
//! Few sweeps can separate it from the linear term, and a term that is not needed widens intervals. It
//! is used if prompts have at least four lengths that span a factor of four, its coefficient is
//! positive, and configurations that are left out are predicted better by a fifth.

use super::fit::{FittedModel, fit};
use super::jackknife::Jackknife;
use super::workload::MeanEnergy;

/// Fewest lengths of prompts: three determine a curve, and the fourth checks it.
const MIN_LENGTHS: usize = 4;
/// Least ratio of the longest to the shortest prompt.
const MIN_SPAN: f64 = 4.0;
/// Largest error of left-out configurations with the term, over that without it.
const MAX_ERROR_RATIO: f64 = 0.8;

/// Returns the model with the term and its left-out fits; `None` if the configurations do not support
/// it. `error` is the mean error of left-out configurations without the term.
pub(super) fn with_pairs(energies: &[MeanEnergy], error: f64) -> Option<(FittedModel, Jackknife)> {
    let mut lengths: Vec<f64> = energies
        .iter()
        .map(|one| one.workload.input_tokens)
        .filter(|length| *length > 0.0)
        .collect();
    lengths.sort_by(f64::total_cmp);
    lengths.dedup();
    let span = lengths.last()? / lengths.first()?;
    if lengths.len() < MIN_LENGTHS || span < MIN_SPAN {
        return None;
    }
    let model = fit(energies, true).ok()?;
    // One more configuration than coefficients would leave nothing to compare.
    let is_positive = model
        .coefficients
        .as_slice()
        .last()
        .is_some_and(|pairs| *pairs > 0.0);
    if !is_positive || energies.len() < model.row_space().rank() + 2 {
        return None;
    }
    let jackknife = Jackknife::of(&model, energies);
    let with_term = jackknife.mean_error();
    let is_better = with_term.is_finite() && with_term <= MAX_ERROR_RATIO * error;
    is_better.then_some((model, jackknife))
}
