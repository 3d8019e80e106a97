//! From recordings to a tree of frames. Only `nodes` and `node_energy` are read, which
//! do not grow with the number of spans.

use std::collections::HashMap;

use super::label;
use super::options::{Collapse, Idle, Measure, Per, What};
use super::tree::Tree;
use crate::error::Result;
use crate::format::percent;
use crate::query::{
    self, Ledger, Node, Recording, Run, Selection, Tokens, is_reported, join_bases, ledger,
    run_coverage,
};

/// What is said of the runs whose mean is on one side.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    /// The run, or the group of runs.
    pub(super) name: String,
    /// `measured`, `modelled, not measured`, ...
    pub(super) provenance: String,
    /// Methods of attribution with `+` between them.
    pub(super) basis: Option<String>,
    /// Whether idle power was taken off in all runs.
    pub(super) has_idle: bool,
    /// Whether any figure has an interval.
    pub(super) has_intervals: bool,
}

/// Adds the mean of `runs` to one side of a tree.
pub(super) fn gather(
    tree: &mut Tree,
    side: usize,
    recording: &Recording,
    selection: &Selection,
    what: &What,
    per: Per,
) -> Result<Facts> {
    let runs = &selection.runs;
    let mut facts = Facts {
        name: name(selection),
        provenance: provenance(recording, runs)?,
        basis: None,
        has_idle: true,
        has_intervals: false,
    };
    for run in runs {
        let ledger = ledger(recording, run, what.rail.as_deref())?;
        let ledger = ledger.within(what.phase.as_deref())?;
        let share = 1.0 / (divisor(recording, run, per)? * runs.len() as f64);
        grow(tree, side, &ledger, what, share);
        let bases = [facts.basis.take(), ledger.basis()];
        facts.basis = join_bases(bases.iter().flatten().map(String::as_str));
        facts.has_idle &= ledger.has_idle;
        facts.has_intervals |= ledger.has_intervals();
    }
    Ok(facts)
}

/// Adds a share of each node to the frame of its stack.
fn grow(tree: &mut Tree, side: usize, ledger: &Ledger, what: &What, share: f64) {
    let mut places: HashMap<i64, usize> = HashMap::with_capacity(ledger.nodes.len());
    for node in &ledger.nodes {
        // Parents come first; in a damaged file a node without one is a root.
        let parent = node.parent.and_then(|id| places.get(&id)).copied();
        let place = tree.child(parent, shown(node, &what.collapse));
        places.insert(node.id, place);
        let amount = amount(node, what);
        if amount.is_finite() {
            tree.add(place, side, amount * share);
        }
    }
}

/// What a node has by itself, in joules or seconds.
fn amount(node: &Node, what: &What) -> f64 {
    match (what.measure, what.idle) {
        (Measure::Time, _) => node.self_ns as f64 / 1e9,
        (Measure::Energy, Idle::Exclude) => node.self_j,
        (Measure::Energy, Idle::Include) => node.energy_j(),
    }
}

fn shown(node: &Node, collapse: &[Collapse]) -> String {
    let is_collapsed = |one: &Collapse| node.role.as_deref() == Some(one.role());
    match &node.name {
        Some(name) if collapse.iter().any(is_collapsed) => label::clean(name),
        _ => label::clean(&node.label),
    }
}

/// What the amounts of a run are divided by.
fn divisor(recording: &Recording, run: &Run, per: Per) -> Result<f64> {
    let tokens = Tokens::of(run);
    let count = match per {
        Per::Run => Some(1),
        Per::Token => tokens.all(),
        Per::InputToken => tokens.input,
        Per::OutputToken => tokens.decoded(&query::phases(recording, run)?),
    };
    match count {
        Some(count) if count > 0 => Ok(count as f64),
        _ => Err(run.missing(
            "the number of its tokens is not known, or zero",
            "draw it with --per run",
        )),
    }
}

/// The run's name and id, or what selected several.
fn name(selection: &Selection) -> String {
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

/// Refuses to take measured and modelled energies together.
pub(super) fn same_provenance(runs: &[&Run]) -> Result<()> {
    let modelled = |run: &Run| {
        run.provenance
            .as_ref()
            .is_some_and(|p| p.contains("modelled"))
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
            let next =
                "such energies do not compare: draw each run by itself, or compare --by time";
            Err(first.missing(&missing, next))
        }
    }
}
