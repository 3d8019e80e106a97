//! Active self energy by kind, name or path.
//!
//! An attribution that estimates kinds stores them with intervals and groups. For other
//! attributions and on rails without an estimate, the nodes of a kind are summed.

use std::collections::BTreeMap;

use energy_data::BasisSet;
use energy_data::rows::{Basis, KindEnergyRow, KindGroupRow};

use super::combine::combine;
use super::ledger::{ledger, ledger_of, rails};
use super::share::Share;
use super::{Node, NodeLedger, Recording, Run};
use crate::error::Result;

/// Level at which energies are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum GroupBy {
    /// Operation: call paths that only differ in values of key fields, such as layers
    #[default]
    Kind,
    /// Span name, on all call paths
    Name,
    /// Call path
    Path,
}

impl GroupBy {
    /// Returns the heading of the column in tables.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Kind => "operation",
            Self::Name => "name",
            Self::Path => "call path",
        }
    }

    /// Returns the name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Name => "name",
            Self::Path => "path",
        }
    }
}

/// Returns the shares on root rails or on the named rail, highest energy first. With
/// `groups`, kinds that cannot be distinguished on one of the rails are one share.
///
/// # Errors
/// If the file cannot be read, or the run has no rail of that name.
pub fn shares(
    recording: &Recording,
    run: &Run,
    rail: Option<&str>,
    by: GroupBy,
    groups: bool,
) -> Result<Vec<Share>> {
    let mut shares = match by {
        GroupBy::Kind => match estimated(recording, run, rail, groups)? {
            estimated if estimated.is_empty() => {
                node_sums(recording, run, &ledger(recording, run, rail)?, by)?
            }
            estimated => estimated,
        },
        GroupBy::Name | GroupBy::Path => {
            node_sums(recording, run, &ledger(recording, run, rail)?, by)?
        }
    };
    shares.sort_by(|a, b| b.energy_j.total_cmp(&a.energy_j));
    Ok(shares)
}

/// Returns the kinds that the attribution estimates; empty if it estimates none.
fn estimated(
    recording: &Recording,
    run: &Run,
    rail: Option<&str>,
    groups: bool,
) -> Result<Vec<Share>> {
    let (store, rails) = (recording.store(), rails(recording, run, rail)?);
    let Some(id) = run.attribution.and_then(|id| u32::try_from(id).ok()) else {
        return Ok(Vec::new());
    };
    let mut kinds = store.kind_energy(run.no, id)?.all()?;
    kinds.retain(|row| rails.contains(&i64::from(row.rail)));
    if kinds.is_empty() {
        return Ok(Vec::new());
    }
    if !groups {
        kinds.iter_mut().for_each(|row| row.grouping = None);
    }
    let known = store.kind_groups(run.no, id)?.all()?;
    with_unestimated_rails(recording, run, rails, kinds, &known)
}

/// Combines estimated kinds with sums over nodes on `rails` that have no estimate.
pub(super) fn with_unestimated_rails(
    recording: &Recording,
    run: &Run,
    rails: Vec<i64>,
    mut kinds: Vec<KindEnergyRow>,
    groups: &[KindGroupRow],
) -> Result<Vec<Share>> {
    let has_rows = |rail: &i64| kinds.iter().any(|row| i64::from(row.rail) == *rail);
    let others: Vec<i64> = rails.into_iter().filter(|rail| !has_rows(rail)).collect();
    for rail in others {
        kinds.extend(of_nodes(recording, run, rail)?);
    }
    Ok(combine(&kinds, groups))
}

/// Sums the nodes of each kind on a rail without an estimate.
fn of_nodes(recording: &Recording, run: &Run, rail: i64) -> Result<Vec<KindEnergyRow>> {
    let (ledger, kinds) = (
        ledger_of(recording, run, &[rail])?,
        recording.store().kinds(run.no, |_| 0)?,
    );
    let mut rows: BTreeMap<u32, KindEnergyRow> = BTreeMap::new();
    for node in ledger.nodes.iter().filter(|node| node.self_j != 0.0) {
        let (Ok(rail), Ok(id)) = (u32::try_from(rail), u32::try_from(node.id)) else {
            continue;
        };
        let Some((kind, known)) = kinds.kind_of(id).and_then(|k| Some((k, kinds.get(k)?))) else {
            continue;
        };
        let basis = node.basis.and_then(only);
        let row = rows.entry(kind).or_insert_with(|| KindEnergyRow {
            rail,
            kind,
            name: known.name.clone(),
            self_j: 0.0,
            lo_j: None,
            hi_j: None,
            extrapolated_j: 0.0,
            self_ns: 0,
            covered_ns: Some(0),
            power_w: None,
            basis: basis.unwrap_or(Basis::Proportional),
            grouping: None,
        });
        row.self_j += node.self_j;
        row.extrapolated_j += node.extrapolated_j;
        row.self_ns += node.self_ns;
        row.covered_ns = row.covered_ns.map(|ns| ns + node.covered_ns);
    }
    Ok(rows.into_values().collect())
}

/// Sums nodes by kind, name or path.
pub(super) fn node_sums(
    recording: &Recording,
    run: &Run,
    ledger: &NodeLedger,
    by: GroupBy,
) -> Result<Vec<Share>> {
    let kinds = match by {
        GroupBy::Kind => Some(recording.store().kinds(run.no, |_| 0)?),
        _ => None,
    };
    let kind = |node: &Node| {
        let kinds = kinds.as_ref()?;
        let id = kinds.kind_of(u32::try_from(node.id).ok()?)?;
        Some(kinds.get(id)?.name.clone())
    };
    let name = |node: &Node| match (by, kind(node)) {
        (GroupBy::Kind, Some(kind)) => kind,
        (GroupBy::Path, _) => path(ledger, node),
        _ => node.name.clone().unwrap_or_else(|| node.label.clone()),
    };
    // Nodes may have no energy on these rails: a GPU kernel has none of the CPU's energy.
    let mut sums: BTreeMap<String, Vec<&Node>> = BTreeMap::new();
    for node in ledger.nodes.iter().filter(|node| node.self_j != 0.0) {
        sums.entry(name(node)).or_default().push(node);
    }
    let sums = sums.into_iter();
    Ok(sums.map(|(name, nodes)| sum(name, &nodes, by)).collect())
}

fn sum(name: String, nodes: &[&Node], by: GroupBy) -> Share {
    let energy_j = nodes.iter().map(|node| node.self_j).sum();
    let (lo_j, hi_j) = match nodes {
        [one] => one.spread.around(energy_j),
        _ => (None, None),
    };
    Share {
        kinds: match by {
            GroupBy::Kind => vec![name.clone()],
            GroupBy::Name | GroupBy::Path => Vec::new(),
        },
        name,
        energy_j,
        lo_j,
        hi_j,
        extrapolated_j: nodes.iter().map(|node| node.extrapolated_j).sum::<f64>() + 0.0,
        covered_ns: nodes.iter().map(|node| node.covered_ns).sum(),
        self_ns: nodes.iter().map(|node| node.self_ns).sum(),
        basis: BasisSet::union(nodes.iter().filter_map(|node| node.basis)),
    }
}

/// Returns the only member, if there is only one.
fn only(set: BasisSet) -> Option<Basis> {
    let mut members = set.iter();
    members.next().filter(|_| members.next().is_none())
}

fn path(ledger: &NodeLedger, node: &Node) -> String {
    ledger.path(node).join(" > ")
}
