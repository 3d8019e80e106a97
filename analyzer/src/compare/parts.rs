//! Compares parts of the energy (phases and kinds of spans) of each side with base.

use serde::Serialize;

use super::RunEnergies;
use super::sides::label;
use crate::query::{named_phases, sum_known};
use energy_statistics::compare::{
    Comparison, ComparisonOptions, Item, RunSample, geometric_mean, nodes,
};

/// Parts below this share of the energy on every side are not compared: they are noise, and
/// each comparison reduces the power of all others.
pub(super) const MIN_SHARE: f64 = 0.01;

/// One part of one side, compared with base.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedPart {
    /// The phase, or the kind or group of kinds.
    pub part: String,
    /// Label of the side.
    pub side: &'static str,
    /// Its energy on base: geometric mean of the runs, or arithmetic mean if a run has none of
    /// it.
    pub base_j: Option<f64>,
    /// Its energy on the side.
    pub other_j: Option<f64>,
    /// Ratio, interval, p and verdict; p and interval are adjusted for the number of compared
    /// parts.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// A part in each run of each side.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EnergyByRun {
    pub(super) name: String,
    /// By side and run; `None` if unknown in the run.
    pub(super) energies: Vec<Vec<Option<f64>>>,
}

impl EnergyByRun {
    /// Returns the arithmetic mean over the runs of a side; unknown values count as zero.
    pub(super) fn mean(&self, side: usize) -> f64 {
        let runs = &self.energies[side];
        runs.iter().flatten().sum::<f64>() / runs.len().max(1) as f64
    }

    fn shown(&self, side: usize, samples: &[RunSample]) -> Option<f64> {
        let known = self.energies[side].iter().any(Option::is_some);
        geometric_mean(samples).or_else(|| known.then(|| self.mean(side)))
    }

    fn samples(&self, side: usize, figures: &[RunEnergies]) -> Vec<RunSample> {
        let runs = figures.iter().zip(&self.energies[side]);
        runs.map(|(run, energy)| run.sample(*energy)).collect()
    }
}

/// Compares parts of all sides with those of the first, as one family of comparisons. `wanted`
/// selects the pairs of part and side.
pub(super) fn compare_parts(
    parts: &[EnergyByRun],
    figures: &[Vec<RunEnergies>],
    options: &ComparisonOptions,
    wanted: impl Fn(usize, usize) -> bool,
) -> Vec<ComparedPart> {
    let pairs: Vec<(usize, usize)> = (0..parts.len())
        .flat_map(|part| (1..figures.len()).map(move |side| (part, side)))
        .filter(|(part, side)| wanted(*part, *side))
        .collect();
    let item = |(part, side): &(usize, usize)| Item {
        base: parts[*part].samples(0, &figures[0]),
        other: parts[*part].samples(*side, &figures[*side]),
    };
    let items: Vec<Item> = pairs.iter().map(item).collect();
    let compared = pairs.iter().zip(&items).zip(nodes(&items, options));
    let part = |(((part, side), item), comparison): ((&(usize, usize), &Item), _)| ComparedPart {
        part: parts[*part].name.clone(),
        side: label(*side),
        base_j: parts[*part].shown(0, &item.base),
        other_j: parts[*part].shown(*side, &item.other),
        comparison,
    };
    compared.map(part).collect()
}

/// Returns the names of phases in the order of the first run, followed by those of other runs;
/// empty if no run has a phase.
pub(crate) fn phase_names(figures: &[Vec<RunEnergies>]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for phase in figures.iter().flatten().flat_map(|run| &run.phases) {
        if !names.contains(&phase.phase.as_str()) {
            names.push(&phase.phase);
        }
    }
    let has_phases = |run: &RunEnergies| !named_phases(&run.phases).is_empty();
    match figures.iter().flatten().any(has_phases) {
        true => names,
        false => Vec::new(),
    }
}

/// Compares phases of all sides.
pub(super) fn phases(
    figures: &[Vec<RunEnergies>],
    options: &ComparisonOptions,
) -> Vec<ComparedPart> {
    let names = phase_names(figures);
    let parts: Vec<EnergyByRun> = names
        .into_iter()
        .map(|name| EnergyByRun {
            name: name.to_owned(),
            energies: by_run(figures, |run| {
                let named = run.phases.iter().filter(|phase| phase.phase == name);
                sum_known(named.map(|phase| phase.energy_j))
            }),
        })
        .collect();
    let shares = shares(&parts, figures.len());
    compare_parts(&parts, figures, options, |part, _| {
        shares.iter().any(|side| side[part] >= MIN_SHARE)
    })
}

/// Maps each run of each side.
pub(super) fn by_run<'f, T>(
    figures: &'f [Vec<RunEnergies>],
    of: impl Fn(&'f RunEnergies) -> T,
) -> Vec<Vec<T>> {
    let of_side = |side: &'f Vec<RunEnergies>| side.iter().map(&of).collect();
    figures.iter().map(of_side).collect()
}

/// Returns the share of each part in its side's energy, by side and part: 0 to 1. A part below
/// its idle power has share 0 and does not reduce other shares.
pub(super) fn shares(parts: &[EnergyByRun], sides: usize) -> Vec<Vec<f64>> {
    let of_side = |side: usize| {
        let positive = |part: &EnergyByRun| part.mean(side).max(0.0);
        let whole: f64 = parts.iter().map(positive).sum();
        let share = |part: &EnergyByRun| match whole > 0.0 {
            true => positive(part) / whole,
            false => 0.0,
        };
        parts.iter().map(share).collect()
    };
    (0..sides).map(of_side).collect()
}
