//! What did each kind of work cost? Active self energy, by kind, name or path.
//!
//! An attribution that estimates kinds says so itself, with intervals and groups;
//! of any other one the nodes of a kind are added up.

use std::collections::BTreeMap;

use serde::Serialize;
use tracing_energy::rows::{KindEnergyRow, KindGroupRow};

use super::ledger::{ledger, rails};
use super::{Ledger, Node, Recording, Run};
use crate::error::Result;

/// What is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum By {
    /// Nodes that differ in values of key fields only: all layers together
    #[default]
    Kind,
    /// Spans of one name, wherever they ran
    Name,
    /// Nothing: each node of the calling-context tree by itself
    Path,
}

impl By {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Name => "name",
            Self::Path => "path",
        }
    }
}

/// The active self energy of one kind, name, path or group of kinds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    /// The kind; those of a group with `+` between them.
    pub name: String,
    /// Active self energy, what was extrapolated included.
    pub energy_j: f64,
    /// Lower end of its 90 % interval.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Supposed for its time outside of samples.
    pub extrapolated_j: f64,
    /// Self time, all threads added.
    pub self_ns: i64,
    /// How it was found, where the attribution says so.
    pub basis: Option<String>,
}

/// Shares of root rails, or of the rail of that name, highest energy first. With
/// `groups`, kinds that cannot be told apart on one of the rails are one share.
///
/// # Errors
/// When the file cannot be read, or the run has no rail of that name.
pub fn shares(
    recording: &Recording,
    run: &Run,
    rail: Option<&str>,
    by: By,
    groups: bool,
) -> Result<Vec<Share>> {
    let mut shares = match by {
        By::Kind => match estimated(recording, run, rail, groups)? {
            estimated if estimated.is_empty() => added(recording, run, rail, by)?,
            estimated => estimated,
        },
        By::Name | By::Path => added(recording, run, rail, by)?,
    };
    shares.sort_by(|a, b| b.energy_j.total_cmp(&a.energy_j));
    Ok(shares)
}

/// What the attribution itself says of kinds; nothing where it does not.
fn estimated(
    recording: &Recording,
    run: &Run,
    rail: Option<&str>,
    groups: bool,
) -> Result<Vec<Share>> {
    let (store, rails) = (recording.store(), rails(recording, run, rail)?);
    let Some(id) = store.shown_attribution(run.no)? else {
        return Ok(Vec::new());
    };
    let mut kinds = store.kind_energy(run.no, id)?.all()?;
    kinds.retain(|row| rails.contains(&i64::from(row.rail)));
    if !groups {
        kinds.iter_mut().for_each(|row| row.grouping = None);
    }
    let known = store.kind_groups(run.no, id)?.all()?;
    Ok(combine(&kinds, &known))
}

/// Sums of nodes.
fn added(recording: &Recording, run: &Run, rail: Option<&str>, by: By) -> Result<Vec<Share>> {
    let ledger = ledger(recording, run, rail)?;
    let kinds = match by {
        By::Kind => Some(recording.store().kinds(run.no, |_| 0)?),
        _ => None,
    };
    let name = |node: &Node| {
        let kind = kinds.as_ref().and_then(|kinds| {
            let id = kinds.kind_of(u32::try_from(node.id).ok()?)?;
            kinds.get(id)
        });
        match (by, kind) {
            (By::Kind, Some(kind)) => kind.name.clone(),
            (By::Path, _) => path(&ledger, node),
            _ => node.name.clone().unwrap_or_else(|| node.label.clone()),
        }
    };
    let mut sums: BTreeMap<String, Share> = BTreeMap::new();
    // A node without self time on these rails has no row there.
    for node in ledger.nodes.iter().filter(|node| node.self_ns > 0) {
        let name = name(node);
        let sum = sums.entry(name.clone()).or_insert_with(|| Share {
            name,
            energy_j: 0.0,
            lo_j: None,
            hi_j: None,
            extrapolated_j: 0.0,
            self_ns: 0,
            basis: None,
        });
        sum.energy_j += node.self_j;
        sum.self_ns += node.self_ns;
    }
    Ok(sums.into_values().collect())
}

fn path(ledger: &Ledger, node: &Node) -> String {
    ledger.path(node).join(" > ")
}

/// Kinds, those of one `grouping` on any rail together.
///
/// ```text
/// rail 1   [a b] c        groups are of a rail: a, b and c are one share,
/// rail 2   a [b c]        made of four parts with an interval each
/// ```
fn combine(kinds: &[KindEnergyRow], groups: &[KindGroupRow]) -> Vec<Share> {
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

/// A part of a share that has an interval of its own.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    energy_j: f64,
    /// How far the ends of its interval are from its energy.
    below_j: Option<f64>,
    above_j: Option<f64>,
}

impl Part {
    /// What was extrapolated is as uncertain as what was measured.
    fn new(self_j: f64, lo_j: Option<f64>, hi_j: Option<f64>, extrapolated_j: f64) -> Self {
        let energy_j = self_j + extrapolated_j;
        let scale = if self_j > 0.0 { energy_j / self_j } else { 1.0 };
        Self {
            energy_j,
            below_j: lo_j.map(|lo| (self_j - lo) * scale),
            above_j: hi_j.map(|hi| (hi - self_j) * scale),
        }
    }
}

fn share(set: &[&KindEnergyRow], groups: &[KindGroupRow]) -> Share {
    let parts = parts(set, groups);
    let energy_j: f64 = parts.iter().map(|part| part.energy_j).sum();
    let below_j = spread(&parts, |part| part.below_j);
    let above_j = spread(&parts, |part| part.above_j);
    let mut names: Vec<(u32, &str)> = set
        .iter()
        .map(|row| (row.kind, row.name.as_str()))
        .collect();
    names.sort_unstable();
    names.dedup();
    let names: Vec<&str> = names.into_iter().map(|(_, name)| name).collect();
    let mut bases: Vec<&str> = set.iter().map(|row| row.basis.name()).collect();
    bases.sort_unstable();
    bases.dedup();
    Share {
        name: names.join("+"),
        energy_j,
        lo_j: below_j.map(|below| energy_j - below),
        hi_j: above_j.map(|above| energy_j + above),
        extrapolated_j: set.iter().map(|row| row.extrapolated_j).sum(),
        self_ns: self_ns(set),
        basis: Some(bases.join("+")),
    }
}

/// The self time of its kinds does not depend on the rail.
fn self_ns(set: &[&KindEnergyRow]) -> i64 {
    let mut times: BTreeMap<u32, i64> = BTreeMap::new();
    for row in set {
        let time = times.entry(row.kind).or_default();
        *time = row.self_ns.max(*time);
    }
    times.into_values().sum()
}

/// Groups as a whole, kinds outside of groups one by one.
fn parts(set: &[&KindEnergyRow], groups: &[KindGroupRow]) -> Vec<Part> {
    let mut extrapolated: BTreeMap<(u32, u32), (f64, f64)> = BTreeMap::new();
    let mut parts = Vec::new();
    for row in set {
        let Some(grouping) = row.grouping else {
            parts.push(Part::new(
                row.self_j,
                row.lo_j,
                row.hi_j,
                row.extrapolated_j,
            ));
            continue;
        };
        let sums = extrapolated.entry((row.rail, grouping)).or_default();
        sums.0 += row.self_j;
        sums.1 += row.extrapolated_j;
    }
    for (key, (self_j, extrapolated_j)) in extrapolated {
        let known = groups
            .iter()
            .find(|group| (group.rail, group.grouping) == key);
        parts.push(match known {
            Some(group) => Part::new(group.self_j, group.lo_j, group.hi_j, extrapolated_j),
            None => Part::new(self_j, None, None, extrapolated_j),
        });
    }
    parts
}

/// Parts are estimated apart from each other: their spreads add as squares. Not
/// known unless it is known of all parts that hold something.
fn spread(parts: &[Part], of: impl Fn(&Part) -> Option<f64>) -> Option<f64> {
    let mut squares = None;
    for part in parts {
        match of(part) {
            Some(spread) => *squares.get_or_insert(0.0) += spread * spread,
            None if part.energy_j == 0.0 => {}
            None => return None,
        }
    }
    squares.map(f64::sqrt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_energy::rows::Basis;

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
            power_w: None,
            basis: Basis::Fitted,
            grouping: (grouping > 0).then_some(grouping),
        }
    }

    #[test]
    fn rails_add_and_their_spreads_add_as_squares() {
        let mut rows = [kind(1, 1, 8.0, 3.0, 0), kind(2, 1, 2.0, 4.0, 0)];
        let shares = combine(&rows, &[]);
        assert_eq!(shares.len(), 1);
        assert_eq!((shares[0].energy_j, shares[0].self_ns), (10.0, 10));
        assert_eq!((shares[0].lo_j, shares[0].hi_j), (Some(5.0), Some(15.0)));
        rows[0].extrapolated_j = 8.0;
        let wider = &combine(&rows[..1], &[])[0];
        assert_eq!((wider.energy_j, wider.hi_j), (16.0, Some(22.0)));
        rows[1].hi_j = None;
        assert_eq!(combine(&rows, &[])[0].hi_j, None);
    }

    /// ```text
    /// rail 1   [a b] c d
    /// rail 2   a [b c] d
    /// ```
    #[test]
    fn groups_of_rails_that_share_a_kind_are_one() {
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
        assert_eq!(shares[1].lo_j, Some(10.0 - 5.0));
        assert_eq!((shares[1].hi_j, shares[1].self_ns), (None, 30));
    }
}
