//! Compares a method's energies of kinds with the truth.

use std::collections::HashMap;

use energy_analyzer::query::Share;

/// Kinds with a smaller share of the true energy are ignored.
const SMALLEST_SHARE: f64 = 0.01;

/// One kind.
#[derive(Debug, Clone, PartialEq)]
pub struct KindScore {
    /// Its name.
    pub kind: String,
    /// True energy, J.
    pub true_j: f64,
    /// Energy by the method, J; 0 if it does not have the kind.
    pub energy_j: f64,
    /// The method's interval.
    pub interval_j: Option<(f64, f64)>,
}

/// All kinds with a hundredth of the energy or more.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Score {
    /// Highest true energy first.
    pub kinds: Vec<KindScore>,
}

impl Score {
    /// Compares shares with true energies by name.
    pub(super) fn new(truth: &HashMap<String, f64>, shares: &[Share]) -> Self {
        let all: f64 = truth.values().sum();
        let large = truth.iter().filter(|(_, j)| **j >= SMALLEST_SHARE * all);
        let mut kinds: Vec<KindScore> = large
            .map(|(kind, &true_j)| {
                let share = shares.iter().find(|share| share.name == *kind);
                KindScore {
                    kind: kind.clone(),
                    true_j,
                    energy_j: share.map_or(0.0, |share| share.energy_j),
                    interval_j: share.and_then(|share| share.lo_j.zip(share.hi_j)),
                }
            })
            .collect();
        kinds.sort_by(|a, b| b.true_j.total_cmp(&a.true_j));
        Self { kinds }
    }

    /// Scores of several runs as one.
    pub fn together<'s>(scores: impl IntoIterator<Item = &'s Self>) -> Self {
        let kinds = scores.into_iter().flat_map(|score| score.kinds.clone());
        Self {
            kinds: kinds.collect(),
        }
    }

    /// Sum of absolute errors relative to the true energy.
    pub fn error(&self) -> f64 {
        let off: f64 = self
            .kinds
            .iter()
            .map(|k| (k.energy_j - k.true_j).abs())
            .sum();
        off / self.kinds.iter().map(|kind| kind.true_j).sum::<f64>()
    }

    /// Part of the intervals that hold the truth; none without intervals.
    pub fn coverage(&self) -> Option<f64> {
        let known = self.kinds.iter().filter_map(|kind| {
            let (lo, hi) = kind.interval_j?;
            Some((lo..=hi).contains(&kind.true_j))
        });
        let known: Vec<bool> = known.collect();
        let inside = known.iter().filter(|inside| **inside).count();
        (!known.is_empty()).then(|| inside as f64 / known.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(true_j: f64, energy_j: f64, half_j: f64) -> KindScore {
        KindScore {
            kind: String::new(),
            true_j,
            energy_j,
            interval_j: Some((energy_j - half_j, energy_j + half_j)),
        }
    }

    #[test]
    fn errors_weigh_by_energy_and_intervals_count() {
        let score = Score {
            kinds: vec![kind(8.0, 7.0, 2.0), kind(2.0, 3.0, 0.5)],
        };
        assert!((score.error() - 0.2).abs() < 1e-12);
        assert_eq!(score.coverage(), Some(0.5));
        assert_eq!(Score::default().coverage(), None);
    }
}
