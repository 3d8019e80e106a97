//! Reads recordings into a tree of frames. Reads only `nodes` and `node_energy`, which do not
//! grow with the number of spans.

use std::collections::HashMap;

use energy_data::{BasisSet, Provenance};

use super::options::{Collapse, Divisor, GraphOptions, IdleEnergy, Measure};
use super::tree::FrameTree;
use crate::error::Result;
use crate::format::label;
use crate::format::percent;
use crate::query::{
    self, Node, NodeLedger, Recording, Run, RunSelection, Tokens, is_reported, ledger, run_coverage,
};

/// Describes the runs whose mean is one side.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SideSummary {
    /// Name of the run, or of the group of runs.
    pub(super) name: String,
    /// `measured`, `modelled, not measured`, ...
    pub(super) provenance: String,
    /// Attribution methods, joined by `+`.
    pub(super) basis: Option<BasisSet>,
    /// Whether idle power was subtracted in all runs.
    pub(super) has_idle: bool,
    /// Whether any energy has an interval.
    pub(super) has_intervals: bool,
}

/// Adds the mean of `runs` to one side of a tree.
pub(super) fn add_side(
    tree: &mut FrameTree,
    side: usize,
    recording: &Recording,
    selection: &RunSelection,
    options: &GraphOptions,
    per: Divisor,
) -> Result<SideSummary> {
    let runs = &selection.runs;
    let mut summary = SideSummary {
        name: name(selection),
        provenance: provenance(recording, runs)?,
        basis: None,
        has_idle: true,
        has_intervals: false,
    };
    for run in runs {
        let ledger = ledger(recording, run, options.rail.as_deref())?;
        if ledger.nodes.is_empty() {
            return Err(run.without_spans());
        }
        let ledger = ledger.within(options.phase.as_deref())?;
        let share = 1.0 / (divisor(recording, run, per)? * runs.len() as f64);
        add_nodes(tree, side, &ledger, options, share);
        summary.basis = BasisSet::union(summary.basis.into_iter().chain(ledger.basis()));
        summary.has_idle &= ledger.has_idle;
        summary.has_intervals |= ledger.has_intervals();
    }
    Ok(summary)
}

/// Adds a share of each node to the frame of its stack.
fn add_nodes(
    tree: &mut FrameTree,
    side: usize,
    ledger: &NodeLedger,
    options: &GraphOptions,
    share: f64,
) {
    let mut places: HashMap<i64, usize> = HashMap::with_capacity(ledger.nodes.len());
    for node in &ledger.nodes {
        // Parents come first; in a damaged file a node without a parent is a root.
        let parent = node.parent.and_then(|id| places.get(&id)).copied();
        let place = tree.child(parent, shown(node, &options.collapse));
        places.insert(node.id, place);
        let amount = amount(node, options);
        if amount.is_finite() {
            tree.add(place, side, amount * share);
        }
    }
}

/// Returns the self amount of a node, in joules or seconds.
fn amount(node: &Node, options: &GraphOptions) -> f64 {
    match (options.measure, options.idle) {
        (Measure::Time, _) => node.self_ns as f64 / 1e9,
        (Measure::Energy, IdleEnergy::Exclude) => node.self_j,
        (Measure::Energy, IdleEnergy::Include) => node.energy_j(),
    }
}

fn shown(node: &Node, collapse: &[Collapse]) -> String {
    let is_collapsed = |one: &Collapse| node.role.as_deref() == Some(one.role());
    match &node.name {
        Some(name) if collapse.iter().any(is_collapsed) => label::clean(name),
        _ => label::clean(&node.label),
    }
}

/// Returns the number by which the amounts of a run are divided.
fn divisor(recording: &Recording, run: &Run, per: Divisor) -> Result<f64> {
    let tokens = Tokens::of(run);
    let count = match per {
        Divisor::Run => Some(1),
        Divisor::Token => tokens.all(),
        Divisor::InputToken => tokens.prefilled(),
        Divisor::OutputToken => tokens.decoded(&query::phases(recording, run)?),
    };
    match count {
        Some(count) if count > 0 => Ok(count as f64),
        _ => Err(run.missing(
            "its number of tokens is unknown or zero",
            "draw it with --per run",
        )),
    }
}

/// Returns the run's name and id, or the selection's name for several runs.
fn name(selection: &RunSelection) -> String {
    let [run] = selection.runs.as_slice() else {
        let name = label::text(&selection.name, 28);
        return format!("{name} ({} runs)", selection.runs.len());
    };
    let id = run.short_id();
    match &run.row.metadata.name {
        Some(name) => format!("{} ({id})", label::text(name, 28)),
        None => label::text(id, 28),
    }
}

fn provenance(recording: &Recording, runs: &[Run]) -> Result<String> {
    let mut known: Vec<&str> = Vec::new();
    let mut least: Option<f64> = None;
    for run in runs {
        let coverage = run_coverage(recording, run)?;
        least = [least, coverage].into_iter().flatten().reduce(f64::min);
        let caveat = run.caveat().unwrap_or("measured");
        if !known.contains(&caveat) {
            known.push(caveat);
        }
    }
    let mut text = known.join("; ");
    if is_reported(least) {
        text += &format!(", samples cover {}", percent(least));
    }
    Ok(text)
}

/// Fails if measured and modelled energies are mixed.
pub(super) fn check_provenance(runs: &[&Run]) -> Result<()> {
    let modelled = |run: &Run| {
        run.provenance
            .is_some_and(|sources| sources.contains(Provenance::Modelled))
    };
    let Some((first, others)) = runs.split_first() else {
        return Ok(());
    };
    match others.iter().find(|run| modelled(run) != modelled(first)) {
        None => Ok(()),
        Some(other) => {
            let (one, two) = match modelled(first) {
                true => ("modelled", "measured"),
                false => ("measured", "modelled"),
            };
            let missing = format!("its power is {one}, that of run {} {two}", other.short_id());
            let next = "measured and modelled energies are not comparable: draw each run \
                        separately, or use --by time";
            Err(first.missing(&missing, next))
        }
    }
}
