//! What did each kind of work cost? Active self energy, by kind, name or path.
//!
//! An attribution that estimates kinds says so itself, with intervals and groups;
//! of any other one, and on rails without an estimate, the nodes of a kind are added up.

use std::collections::BTreeMap;

use serde::Serialize;
use tracing_energy::rows::{Basis, KindEnergyRow, KindGroupRow};

use super::combine::combine;
use super::ledger::{ledger, ledger_of, rails};
use super::{Ledger, Node, Recording, Run, Spread, join_bases};
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
    /// The kinds it is made of; empty where no kinds are added up.
    pub kinds: Vec<String>,
    /// Active self energy in the sampled part of its time.
    pub energy_j: f64,
    /// Lower end of its 90 % interval; none where it is a sum over several kinds or
    /// nodes that are no group.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Estimated for its time without samples; no part of `energy_j`.
    pub extrapolated_j: f64,
    /// Self time, all threads added.
    pub self_ns: i64,
    /// The part of it that samples cover; all where that is not known.
    pub covered_ns: i64,
    /// How it was found, with `+` where parts differ; none where it holds nothing.
    pub basis: Option<String>,
}

impl Share {
    /// Mean power over all of its self time, what is extrapolated included.
    pub fn avg_w(&self) -> Option<f64> {
        let energy_j = self.energy_j + self.extrapolated_j;
        (self.self_ns > 0).then(|| energy_j * 1e9 / self.self_ns as f64)
    }

    /// The share of all of its time: what is extrapolated is as uncertain as what was
    /// measured.
    #[must_use]
    pub fn whole(self) -> Self {
        let energy_j = self.energy_j + self.extrapolated_j;
        let scale = match self.energy_j > 0.0 {
            true => energy_j / self.energy_j,
            false => 1.0,
        };
        let spread = Spread::of(self.energy_j, self.lo_j, self.hi_j).scaled(scale);
        let (lo_j, hi_j) = spread.around(energy_j);
        Self {
            energy_j,
            lo_j,
            hi_j,
            ..self
        }
    }
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
            estimated if estimated.is_empty() => {
                added(recording, run, &ledger(recording, run, rail)?, by)?
            }
            estimated => estimated,
        },
        By::Name | By::Path => added(recording, run, &ledger(recording, run, rail)?, by)?,
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
    together(recording, run, rails, kinds, &known)
}

/// Estimated kinds, with those of `rails` that have no estimate by their nodes.
pub(super) fn together(
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

/// The kinds of a rail that has no estimate, from its nodes.
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
        let basis = node.basis.as_deref().and_then(Basis::from_name);
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

/// Sums of nodes.
pub(super) fn added(
    recording: &Recording,
    run: &Run,
    ledger: &Ledger,
    by: By,
) -> Result<Vec<Share>> {
    let kinds = match by {
        By::Kind => Some(recording.store().kinds(run.no, |_| 0)?),
        _ => None,
    };
    let kind = |node: &Node| {
        let kinds = kinds.as_ref()?;
        let id = kinds.kind_of(u32::try_from(node.id).ok()?)?;
        Some(kinds.get(id)?.name.clone())
    };
    let name = |node: &Node| match (by, kind(node)) {
        (By::Kind, Some(kind)) => kind,
        (By::Path, _) => path(ledger, node),
        _ => node.name.clone().unwrap_or_else(|| node.label.clone()),
    };
    // Nodes that work elsewhere have nothing on these rails: a kernel on a GPU has
    // none of the processor's energy.
    let mut sums: BTreeMap<String, Vec<&Node>> = BTreeMap::new();
    for node in ledger.nodes.iter().filter(|node| node.self_j != 0.0) {
        sums.entry(name(node)).or_default().push(node);
    }
    let sums = sums.into_iter();
    Ok(sums.map(|(name, nodes)| sum(name, &nodes, by)).collect())
}

fn sum(name: String, nodes: &[&Node], by: By) -> Share {
    let energy_j = nodes.iter().map(|node| node.self_j).sum();
    let (lo_j, hi_j) = match nodes {
        [one] => one.spread.around(energy_j),
        _ => (None, None),
    };
    Share {
        kinds: match by {
            By::Kind => vec![name.clone()],
            By::Name | By::Path => Vec::new(),
        },
        name,
        energy_j,
        lo_j,
        hi_j,
        extrapolated_j: nodes.iter().map(|node| node.extrapolated_j).sum::<f64>() + 0.0,
        covered_ns: nodes.iter().map(|node| node.covered_ns).sum(),
        self_ns: nodes.iter().map(|node| node.self_ns).sum(),
        basis: join_bases(nodes.iter().filter_map(|node| node.basis.as_deref())),
    }
}

fn path(ledger: &Ledger, node: &Node) -> String {
    ledger.path(node).join(" > ")
}
