//! Compares kinds of spans of several sides.
//!
//! Kinds that the attribution of any compared run cannot distinguish are merged in all runs: a
//! difference between merged kinds may be an artifact of the attribution.
//!
//! ```text
//! run 1  [a b] c d      run 2  a [b c] d      compared:  [a b c] d
//! ```

use std::collections::HashMap;

use serde::Serialize;

use super::RunEnergies;
use super::parts::{ComparedPart, EnergyByRun, MIN_SHARE, by_run, compare_parts, shares};
use super::renamed::renamed;
use super::sides::label;
use crate::query::Share;
use energy_statistics::compare::ComparisonOptions;

/// Kinds of all sides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ComparedKinds {
    /// Kinds with at least 1 % of the energy of a side, highest energy of base first.
    pub kinds: Vec<ComparedKind>,
    /// Comparison of each kind that base and another side have.
    pub parts: Vec<ComparedPart>,
    /// Kinds that only base or only the other side has.
    pub one_sided: Vec<OneSidedKind>,
    /// Number of kinds below 1 % on every side.
    pub small: usize,
    /// Their share of the energy, on the side where it is largest.
    pub small_share: f64,
    /// Why kinds are not compared at all.
    pub left_out: Option<String>,
}

/// A kind, or several that cannot be distinguished, on all sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedKind {
    /// Its name; names of a group are joined by `+`.
    pub kind: String,
    /// The kinds it consists of.
    pub kinds: Vec<String>,
    /// Its values on each side, base first.
    pub sides: Vec<KindOnSide>,
}

/// A kind on one side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindOnSide {
    /// Label of the side.
    pub side: &'static str,
    /// Active self energy, mean of the runs; `None` if no run has it.
    pub energy_j: Option<f64>,
    /// Its share of the energy of all kinds.
    pub energy_share: Option<f64>,
    /// Its share of the self time of all kinds.
    pub time_share: Option<f64>,
    /// Its rank by energy, from 1.
    pub energy_rank: Option<usize>,
    /// Its rank by time, from 1.
    pub time_rank: Option<usize>,
    /// Half the width of the attribution's 90 % interval relative to its energy, in the run
    /// where that is largest. Repeats do not reduce this error: it is the same in all runs of
    /// one configuration.
    pub attribution_error: Option<f64>,
}

/// A kind that exists on only one of base and another side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OneSidedKind {
    /// Its name.
    pub kind: String,
    /// Label of the side that is compared with base.
    pub side: &'static str,
    /// Whether it was added or removed relative to base.
    pub change: KindChange,
    /// Its energy on the side that has it.
    pub energy_j: f64,
    /// Its share of the energy there.
    pub energy_share: f64,
    /// A kind of the opposite side at the same place with a similar share, which may be its
    /// other name.
    pub renamed: Option<String>,
}

/// Change of a kind that exists on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KindChange {
    /// Base lacks it.
    Added,
    /// The other side lacks it.
    Removed,
}

impl KindChange {
    /// Returns it as one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

impl ComparedKinds {
    pub(super) fn not_compared(why: String) -> Self {
        Self {
            left_out: Some(why),
            ..Self::default()
        }
    }

    pub(super) fn compare(figures: &[Vec<RunEnergies>], options: &ComparisonOptions) -> Self {
        let sets = sets(figures.iter().flatten().flat_map(|run| &run.kinds));
        let at_of = places_of(&sets);
        let in_sets = by_run(figures, |run| run.in_sets(&at_of, sets.len()));
        let energies = sums(&sets, &in_sets, |share| share.energy_j);
        let times = sums(&sets, &in_sets, |share| share.self_ns as f64);
        let sides = figures.len();
        let places = [
            SetRanks::new(&energies, sides),
            SetRanks::new(&times, sides),
        ];
        let by_energy = &places[0].shares;
        let is_large = |at: usize| by_energy.iter().any(|side| side[at] >= MIN_SHARE);
        let has = |at: usize, side: usize| energies[at].energies[side].iter().any(Option::is_some);
        let small = |side: &Vec<f64>| -> f64 {
            let shares = side.iter().enumerate().filter(|(at, _)| !is_large(*at));
            shares.map(|(_, share)| share).sum()
        };
        let mut order: Vec<usize> = (0..sets.len()).filter(|at| is_large(*at)).collect();
        order.sort_by(|a, b| by_energy[0][*b].total_cmp(&by_energy[0][*a]));
        let kind = |at: &usize| ComparedKind {
            kind: energies[*at].name.clone(),
            kinds: sets[*at].clone(),
            sides: (0..sides)
                .map(|side| KindOnSide {
                    attribution_error: attribution_error(&in_sets[side], *at),
                    ..on_side(side, *at, &energies[*at], has(*at, side).then_some(&places))
                })
                .collect(),
        };
        let parts: Vec<EnergyByRun> = order.iter().map(|at| energies[*at].clone()).collect();
        Self {
            parts: compare_parts(&parts, figures, options, |part, side| {
                has(order[part], 0) && has(order[part], side)
            }),
            kinds: order.iter().map(kind).collect(),
            one_sided: one_sided(&order, &energies, by_energy, has),
            small: sets.len() - order.len(),
            small_share: by_energy.iter().map(small).fold(0.0, f64::max),
            left_out: None,
        }
    }
}

/// Returns the energy of each set of kinds in each run.
pub(super) fn energies(figures: &[Vec<RunEnergies>]) -> Vec<EnergyByRun> {
    let sets = sets(figures.iter().flatten().flat_map(|run| &run.kinds));
    let at_of = places_of(&sets);
    let in_sets = by_run(figures, |run| run.in_sets(&at_of, sets.len()));
    sums(&sets, &in_sets, |share| share.energy_j)
}

/// Returns the index of each kind's set.
fn places_of(sets: &[Vec<String>]) -> HashMap<&str, usize> {
    let each = sets.iter().enumerate();
    each.flat_map(|(at, set)| set.iter().map(move |kind| (kind.as_str(), at)))
        .collect()
}

impl RunEnergies {
    /// Returns its shares by set of kinds.
    fn in_sets(&self, at_of: &HashMap<&str, usize>, sets: usize) -> Vec<Vec<&Share>> {
        let mut by_set = vec![Vec::new(); sets];
        for share in &self.kinds {
            if let Some(at) = share
                .kinds
                .first()
                .and_then(|kind| at_of.get(kind.as_str()))
            {
                by_set[*at].push(share);
            }
        }
        by_set
    }
}

/// Returns sets of kinds that some run cannot distinguish, in the order of their first
/// occurrence.
fn sets<'s>(shares: impl Iterator<Item = &'s Share>) -> Vec<Vec<String>> {
    let mut sets: Vec<Vec<String>> = Vec::new();
    let mut at_of: HashMap<String, usize> = HashMap::new();
    for share in shares {
        let mut known: Vec<usize> = share
            .kinds
            .iter()
            .filter_map(|kind| at_of.get(kind))
            .copied()
            .collect();
        known.sort_unstable();
        known.dedup();
        let into = known.first().copied().unwrap_or(sets.len());
        if into == sets.len() {
            sets.push(Vec::new());
        }
        for from in known.into_iter().skip(1) {
            let moved = std::mem::take(&mut sets[from]);
            at_of.extend(moved.iter().map(|kind| (kind.clone(), into)));
            sets[into].extend(moved);
        }
        for kind in &share.kinds {
            if at_of.insert(kind.clone(), into).is_none() {
                sets[into].push(kind.clone());
            }
        }
    }
    sets.retain(|set| !set.is_empty());
    sets
}

/// Shares by side, run and set.
type SharesBySet<'f> = [Vec<Vec<Vec<&'f Share>>>];

/// Sums a quantity of each set in each run.
fn sums(
    sets: &[Vec<String>],
    in_sets: &SharesBySet<'_>,
    of: fn(&Share) -> f64,
) -> Vec<EnergyByRun> {
    let sum = |shares: &Vec<&Share>| {
        let known = !shares.is_empty();
        known.then(|| shares.iter().map(|share| of(share)).sum())
    };
    let sets = sets.iter().enumerate();
    sets.map(|(at, set)| EnergyByRun {
        name: set.join("+"),
        energies: in_sets
            .iter()
            .map(|side| side.iter().map(|run| sum(&run[at])).collect())
            .collect(),
    })
    .collect()
}

/// Returns the largest relative error of the attribution, of runs in which the set is one
/// share; sums of several shares have no interval.
fn attribution_error(runs: &[Vec<Vec<&Share>>], at: usize) -> Option<f64> {
    let error = |run: &Vec<Vec<&Share>>| {
        let [share] = run[at].as_slice() else {
            return None;
        };
        let half = (share.hi_j? - share.lo_j?) / 2.0;
        (share.energy_j > 0.0).then(|| half / share.energy_j)
    };
    runs.iter().filter_map(error).reduce(f64::max)
}

/// Share and rank of each set on each side.
struct SetRanks {
    shares: Vec<Vec<f64>>,
    ranks: Vec<Vec<usize>>,
}

impl SetRanks {
    fn new(parts: &[EnergyByRun], sides: usize) -> Self {
        let shares = shares(parts, sides);
        let ranks = shares.iter().map(|side| ranks(side)).collect();
        Self { shares, ranks }
    }
}

/// Returns ranks by size, from 1.
fn ranks(shares: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]));
    let mut ranks = vec![0; shares.len()];
    for (rank, at) in order.into_iter().enumerate() {
        ranks[at] = rank + 1;
    }
    ranks
}

/// Returns a kind's values on a side; without `places` the side lacks the kind.
fn on_side(
    side: usize,
    at: usize,
    part: &EnergyByRun,
    places: Option<&[SetRanks; 2]>,
) -> KindOnSide {
    let share = |which: usize| Some(places?[which].shares[side][at]);
    let rank = |which: usize| Some(places?[which].ranks[side][at]);
    KindOnSide {
        side: label(side),
        energy_j: places.map(|_| part.mean(side)),
        energy_share: share(0),
        time_share: share(1),
        energy_rank: rank(0),
        time_rank: rank(1),
        attribution_error: None,
    }
}

/// Returns the kinds that exist on one side, with their possible other name.
fn one_sided(
    order: &[usize],
    energies: &[EnergyByRun],
    by_energy: &[Vec<f64>],
    has: impl Fn(usize, usize) -> bool,
) -> Vec<OneSidedKind> {
    let mut found = Vec::new();
    for side in 1..by_energy.len() {
        let lone = |here: usize, there: usize| -> Vec<(&str, f64)> {
            let lacks = order
                .iter()
                .filter(|at| has(**at, here) && !has(**at, there));
            lacks
                .map(|at| (energies[*at].name.as_str(), by_energy[here][*at]))
                .collect()
        };
        let (removed, added) = (lone(0, side), lone(side, 0));
        let names = renamed(&removed, &added);
        let mut push = |change, of: &[(&str, f64)], here: usize| {
            for (kind, energy_share) in of {
                let other = names.iter().find_map(|(old, new)| match change {
                    KindChange::Removed => (old == kind).then_some(*new),
                    KindChange::Added => (new == kind).then_some(*old),
                });
                let at = order.iter().find(|at| energies[**at].name == *kind);
                found.push(OneSidedKind {
                    kind: (*kind).to_owned(),
                    side: label(side),
                    change,
                    energy_j: at.map_or(0.0, |at| energies[*at].mean(here)),
                    energy_share: *energy_share,
                    renamed: other.map(str::to_owned),
                });
            }
        };
        push(KindChange::Removed, &removed, 0);
        push(KindChange::Added, &added, side);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(kinds: &[&str]) -> Share {
        Share {
            name: kinds.join("+"),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            energy_j: 1.0,
            lo_j: None,
            hi_j: None,
            extrapolated_j: 0.0,
            self_ns: 1,
            covered_ns: 10,
            basis: None,
        }
    }

    #[test]
    fn groups_of_one_run_are_merged_in_all() {
        let shares = [
            share(&["a", "b"]),
            share(&["c"]),
            share(&["d"]),
            share(&["a"]),
            share(&["b", "c"]),
            share(&["e"]),
        ];
        assert_eq!(
            sets(shares.iter()),
            [vec!["a", "b", "c"], vec!["d"], vec!["e"]]
        );
    }

    #[test]
    fn ranks_start_with_the_largest() {
        assert_eq!(ranks(&[0.2, 0.5, 0.3]), [3, 1, 2]);
    }
}
