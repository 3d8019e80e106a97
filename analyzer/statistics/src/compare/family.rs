//! Multiple comparisons: nodes of the same runs.
//!
//! Of many equal nodes, one in twenty would seem to differ. Benjamini and Hochberg (1995) bound
//! the share of false positives among the nodes that are judged different: of `m` sorted p, the
//! first `R` are selected, where `R` is the last rank with `p <= R * q / m`. Intervals of the
//! level `1 - R * q / m` then miss the true value for at most the share `q` of the selected
//! nodes (Benjamini and Yekutieli 2005), and exactly the selected ones exclude a ratio of one.
//! Nodes share their runs and tend to be positively correlated, for which the bound holds
//! (Benjamini and Yekutieli 2001).

use super::comparison::Comparison;
use super::contrast::{Contrast, contrast};
use super::sample::{ComparisonOptions, RunSample};

/// A node, kind, or group of kinds: its value in each run of two sides.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
    /// Runs of base.
    pub base: Vec<RunSample>,
    /// Runs of the other side.
    pub other: Vec<RunSample>,
}

/// Compares all items, in order; bounds the rate of false discoveries over all of them, and
/// adjusts p accordingly.
pub fn nodes(items: &[Item], options: &ComparisonOptions) -> Vec<Comparison> {
    let contrasts: Vec<Option<Contrast>> = items
        .iter()
        .map(|item| contrast(&item.base, &item.other, options))
        .collect();
    let p: Vec<Option<f64>> = contrasts.iter().map(|one| one.as_ref()?.p()).collect();
    let adjusted = adjust(&p);
    let selected = |p: &&Option<f64>| p.is_some_and(|p| p <= options.alpha());
    let (tested, selected) = (
        p.iter().flatten().count(),
        adjusted.iter().filter(selected).count(),
    );
    let alpha = options.alpha() * selected.max(1) as f64 / tested.max(1) as f64;
    let compared = items.iter().zip(contrasts).zip(adjusted);
    compared
        .map(|((item, contrast), p)| {
            let sides = [item.base.as_slice(), item.other.as_slice()];
            Comparison::from_contrast(sides, contrast, alpha, p, options)
        })
        .collect()
}

/// Returns p adjusted by Benjamini and Hochberg: the smallest rate of false discoveries at
/// which a test is selected.
fn adjust(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> = p
        .iter()
        .enumerate()
        .filter_map(|(at, p)| Some((at, (*p)?)))
        .collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut adjusted = vec![None; p.len()];
    let mut smallest = 1.0_f64;
    for (rank, (at, p)) in order.iter().enumerate().rev() {
        smallest = smallest.min(p * order.len() as f64 / (rank + 1) as f64);
        adjusted[*at] = Some(smallest);
    }
    adjusted
}
