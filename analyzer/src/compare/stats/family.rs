//! Many comparisons at once: nodes of the same runs.
//!
//! Of many nodes one in twenty would seem to differ where none does. Benjamini and
//! Hochberg (1995) bound the part of false ones among those that are said to differ:
//! of `m` sorted p, the first `R` are taken where `R` is the last rank with
//! `p <= R * q / m`. Intervals of the level `1 - R * q / m` then miss the truth for at
//! most the part `q` of those taken (Benjamini and Yekutieli 2005), and exactly those
//! exclude a ratio of one. The nodes share their runs and tend to go up and down
//! together, for which the bound holds (Benjamini and Yekutieli 2001).

use super::comparison::Comparison;
use super::contrast::{Contrast, contrast};
use super::sample::{Options, Sample};

/// One node, or kind, or group of kinds: its figure in each run of two sides.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
    /// Runs of base.
    pub base: Vec<Sample>,
    /// Runs of the other side.
    pub other: Vec<Sample>,
}

/// Compares all items; the rate of false discoveries is bounded over all of them, and
/// p is adjusted for it. In the order of `items`.
pub fn nodes(items: &[Item], options: &Options) -> Vec<Comparison> {
    let contrasts: Vec<Option<Contrast>> = items
        .iter()
        .map(|item| contrast(&item.base, &item.other, options))
        .collect();
    let p: Vec<Option<f64>> = contrasts.iter().map(|one| one.as_ref()?.p()).collect();
    let adjusted = adjust(&p);
    let taken = |p: &&Option<f64>| p.is_some_and(|p| p <= options.alpha());
    let (tested, taken) = (
        p.iter().flatten().count(),
        adjusted.iter().filter(taken).count(),
    );
    let alpha = options.alpha() * taken.max(1) as f64 / tested.max(1) as f64;
    let compared = items.iter().zip(contrasts).zip(adjusted);
    compared
        .map(|((item, contrast), p)| {
            let sides = [item.base.as_slice(), item.other.as_slice()];
            Comparison::of(sides, contrast, alpha, p, options)
        })
        .collect()
}

/// Benjamini and Hochberg's adjusted p: the least rate of false discoveries at which a
/// test is among those taken.
fn adjust(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> = p
        .iter()
        .enumerate()
        .filter_map(|(at, p)| Some((at, (*p)?)))
        .collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut adjusted = vec![None; p.len()];
    let mut least = 1.0_f64;
    for (rank, (at, p)) in order.iter().enumerate().rev() {
        least = least.min(p * order.len() as f64 / (rank + 1) as f64);
        adjusted[*at] = Some(least);
    }
    adjusted
}
