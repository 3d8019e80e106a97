//! Combines the kinds of several rails into one list. The rails of a kind are summed, and
//! kinds that cannot be distinguished on some rail are merged.

use std::collections::{BTreeMap, BTreeSet};

use energy_data::BasisSet;
use energy_data::rows::{KindEnergyRow, KindGroupRow};

use super::interval::{Spread, over_rails};
use super::share::Share;

/// Returns the shares of kinds. Kinds with the same `grouping` on some rail become one.
///
/// ```text
/// rail 1   [a b] c        groups differ by rail: a, b and c are one share
/// rail 2   a [b c]        of four parts, each with its own interval
/// ```
pub(super) fn combine(kinds: &[KindEnergyRow], groups: &[KindGroupRow]) -> Vec<Share> {
    let mut sets: Vec<Vec<&KindEnergyRow>> = Vec::new();
    for row in kinds {
        let joined = |other: &KindEnergyRow| {
            let together = other.grouping.is_some() && other.grouping == row.grouping;
            other.kind == row.kind || other.rail == row.rail && together
        };
        let (with, without): (Vec<_>, Vec<_>) = std::mem::take(&mut sets)
            .into_iter()
            .partition(|set| set.iter().any(|other| joined(other)));
        sets = without;
        sets.push(with.into_iter().flatten().chain([row]).collect());
    }
    sets.iter().map(|set| share(set, groups)).collect()
}

fn share(set: &[&KindEnergyRow], groups: &[KindGroupRow]) -> Share {
    let parts = parts(set, groups);
    let energy_j: f64 = parts.iter().map(|part| part.energy_j).sum();
    let (lo_j, hi_j) = spread(&parts).around(energy_j);
    let mut kinds: Vec<(u32, &str)> = set
        .iter()
        .map(|row| (row.kind, row.name.as_str()))
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let kinds: Vec<String> = kinds.into_iter().map(|(_, name)| name.to_owned()).collect();
    let holding = set
        .iter()
        .filter(|row| energy_j == 0.0 || row.self_j != 0.0);
    Share {
        name: kinds.join("+"),
        kinds,
        energy_j,
        lo_j,
        hi_j,
        extrapolated_j: set.iter().map(|row| row.extrapolated_j).sum(),
        self_ns: longest(set, |row| row.self_ns, i64::max),
        covered_ns: longest(set, |row| row.covered_ns.unwrap_or(row.self_ns), i64::min),
        basis: BasisSet::union(holding.map(|row| row.basis)),
    }
}

/// Sums a time over kinds. Self time does not depend on the rail; covered time is the
/// minimum over rails.
fn longest(
    set: &[&KindEnergyRow],
    time: fn(&KindEnergyRow) -> i64,
    of_rails: fn(i64, i64) -> i64,
) -> i64 {
    let mut times: BTreeMap<u32, i64> = BTreeMap::new();
    for row in set {
        let ns = time(row);
        let known = times.entry(row.kind).or_insert(ns);
        *known = of_rails(*known, ns);
    }
    times.into_values().sum()
}

/// A part of a share with its own interval.
#[derive(Debug, Clone, Copy)]
struct SharePart {
    rail: u32,
    energy_j: f64,
    spread: Spread,
}

impl SharePart {
    fn new(rail: u32, energy_j: f64, spread: Spread) -> Self {
        Self {
            rail,
            energy_j,
            spread,
        }
    }
}

/// Returns groups as a whole and kinds outside of groups individually.
fn parts(set: &[&KindEnergyRow], groups: &[KindGroupRow]) -> Vec<SharePart> {
    let mut grouped: BTreeMap<(u32, u32), f64> = BTreeMap::new();
    let mut parts = Vec::new();
    for row in set {
        let Some(grouping) = row.grouping else {
            let spread = Spread::of(row.self_j, row.lo_j, row.hi_j);
            parts.push(SharePart::new(row.rail, row.self_j, spread));
            continue;
        };
        *grouped.entry((row.rail, grouping)).or_default() += row.self_j;
    }
    for (key, self_j) in grouped {
        let known = groups
            .iter()
            .find(|group| (group.rail, group.grouping) == key);
        let spread = known.map_or(Spread::default(), |group| {
            Spread::of(group.self_j, group.lo_j, group.hi_j)
        });
        parts.push(SharePart::new(key.0, self_j, spread));
    }
    parts
}

/// Returns the spread of the sum, unknown if two parts of one rail have energy: kinds of a
/// rail are estimated jointly, so their errors are correlated.
fn spread(parts: &[SharePart]) -> Spread {
    let holding: Vec<&SharePart> = parts.iter().filter(|part| part.energy_j != 0.0).collect();
    let rails: BTreeSet<u32> = holding.iter().map(|part| part.rail).collect();
    if rails.len() < holding.len() {
        return Spread::default();
    }
    let rails: Vec<_> = parts
        .iter()
        .map(|part| (part.energy_j, part.spread))
        .collect();
    over_rails(&rails)
}

#[cfg(test)]
mod tests {
    use energy_data::rows::Basis;

    use super::*;

    fn kind(rail: u32, kind: u32, self_j: f64, half_j: f64, grouping: u32) -> KindEnergyRow {
        KindEnergyRow {
            rail,
            kind,
            name: ["", "a", "b", "c", "d"][kind as usize].into(),
            self_j,
            lo_j: Some(self_j - half_j),
            hi_j: Some(self_j + half_j),
            extrapolated_j: 0.0,
            self_ns: 10,
            covered_ns: Some(10),
            power_w: None,
            basis: Basis::Fitted,
            grouping: (grouping > 0).then_some(grouping),
        }
    }

    #[test]
    fn energies_of_rails_add_and_their_spreads_add_in_squares() {
        let mut rows = [kind(1, 1, 8.0, 3.0, 0), kind(2, 1, 2.0, 4.0, 0)];
        let shares = combine(&rows, &[]);
        assert_eq!(shares.len(), 1);
        assert_eq!((shares[0].energy_j, shares[0].self_ns), (10.0, 10));
        assert_eq!((shares[0].lo_j, shares[0].hi_j), (Some(5.0), Some(15.0)));
        rows[0].extrapolated_j = 8.0;
        let part = &combine(&rows[..1], &[])[0];
        assert_eq!((part.energy_j, part.hi_j), (8.0, Some(11.0)));
        assert_eq!(part.extrapolated_j, 8.0);
        let whole = part.clone().whole();
        assert_eq!((whole.energy_j, whole.hi_j), (16.0, Some(22.0)));
        rows[1].hi_j = None;
        assert_eq!(combine(&rows, &[])[0].hi_j, None);
    }

    /// ```text
    /// rail 1   [a b] c d
    /// rail 2   a [b c] d
    /// ```
    #[test]
    fn groups_that_share_a_kind_across_rails_are_merged() {
        let rows = [
            kind(1, 1, 1.0, 9.0, 1),
            kind(1, 2, 2.0, 9.0, 1),
            kind(1, 3, 4.0, 2.0, 0),
            kind(1, 4, 8.0, 1.0, 0),
            kind(2, 1, 1.0, 1.0, 0),
            kind(2, 2, 1.0, 9.0, 1),
            kind(2, 3, 1.0, 9.0, 1),
        ];
        let group = |rail, self_j, half_j| KindGroupRow {
            rail,
            grouping: 1,
            self_j,
            lo_j: Some(self_j - half_j),
            hi_j: None,
        };
        let shares = combine(&rows, &[group(1, 3.0, 2.0), group(2, 2.0, 4.0)]);
        let names: Vec<&str> = shares.iter().map(|share| share.name.as_str()).collect();
        assert_eq!(names, ["d", "a+b+c"]);
        assert_eq!(shares[1].energy_j, 10.0);
        assert_eq!(shares[1].self_ns, 30);
        // Each rail has a group and a kind, whose sum has no interval.
        assert_eq!((shares[1].lo_j, shares[1].hi_j), (None, None));
        let one_group = &combine(&rows[..2], &[group(1, 3.0, 2.0)])[0];
        assert_eq!((one_group.lo_j, one_group.hi_j), (Some(1.0), None));
        assert_eq!(one_group.kinds, ["a", "b"]);
    }
}
