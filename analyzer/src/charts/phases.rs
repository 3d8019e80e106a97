//! Chart: energy of each phase (interval energies).

use std::collections::{HashMap, HashSet};

use energy_data::BasisSet;
use serde::Serialize;

use super::name::name;
use crate::query::{BETWEEN, NodeLedger, Phase, PhaseSpan, average_w, sum_known};

/// Maximum number of phases with separate bars.
const MAX_BARS: usize = 60;

/// One phase with all its activations, or the time between phases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseBar {
    /// Its name.
    pub phase: String,
    /// Energy of the root rails during its time.
    pub energy_j: Option<f64>,
    /// Lower end of the 90 % interval; `None` if it ran several times without gaps.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Share of its time covered by samples.
    pub coverage: Option<f64>,
    /// Idle energy.
    pub idle_j: Option<f64>,
    /// Active energy.
    pub active_j: Option<f64>,
    /// Its time.
    pub duration_ns: Option<i64>,
    /// Energy over time.
    pub avg_w: Option<f64>,
    /// Highest mean power of a sample in its time, of any root rail.
    pub peak_w: Option<f64>,
    /// Its share of all phases.
    pub share: Option<f64>,
    /// How its energy was determined.
    pub basis: Option<BasisSet>,
}

/// Returns the bars of phases. `is_complete` states that `spans` is complete.
pub fn phase_bars(
    phases: &[Phase],
    ledger: &NodeLedger,
    spans: &[PhaseSpan],
    is_complete: bool,
) -> Vec<PhaseBar> {
    // `None` for phases that ran several times.
    let mut by_name: HashMap<&str, Option<&PhaseSpan>> = HashMap::new();
    for span in spans.iter().filter(|_| is_complete) {
        if let Some(node) = ledger.node(span.node) {
            let known = by_name.entry(node.label.as_str());
            known.and_modify(|one| *one = None).or_insert(Some(span));
        }
    }
    let only = |phase: &Phase| by_name.get(phase.phase.as_str()).copied().flatten();
    // The interval of the phase's gaps, or that of the windows at the ends of its only span.
    let ends = |phase: &Phase| match phase.lo_j {
        Some(_) => (phase.lo_j, phase.hi_j),
        None => only(phase)
            .filter(|_| phase.energy_j.is_some())
            .map_or((None, None), |span| (span.lo_j, span.hi_j)),
    };
    let bar = |phase: &Phase| PhaseBar {
        phase: name(&phase.phase),
        energy_j: phase.energy_j,
        lo_j: ends(phase).0,
        hi_j: ends(phase).1,
        coverage: phase.coverage,
        idle_j: phase.idle_j,
        active_j: phase.active_j,
        duration_ns: phase.duration_ns,
        avg_w: phase.avg_w,
        peak_w: phase.peak_w,
        share: phase.share,
        basis: only(phase).and_then(|span| span.basis),
    };
    fold(phases.iter().map(bar).collect())
}

/// Merges the phases with the least energy if there are too many. The time between phases stays
/// last.
fn fold(mut bars: Vec<PhaseBar>) -> Vec<PhaseBar> {
    if bars.len() <= MAX_BARS {
        return bars;
    }
    let between = bars.pop_if(|bar| bar.phase == BETWEEN);
    let energy = |at: &usize| bars[*at].energy_j.unwrap_or(f64::NEG_INFINITY);
    let mut order: Vec<usize> = (0..bars.len()).collect();
    order.sort_by(|a, b| energy(b).total_cmp(&energy(a)));
    let kept: HashSet<usize> = order.into_iter().take(MAX_BARS).collect();
    let (kept, few): (Vec<_>, Vec<_>) = bars
        .into_iter()
        .enumerate()
        .partition(|(at, _)| kept.contains(at));
    let few: Vec<PhaseBar> = few.into_iter().map(|(_, bar)| bar).collect();
    let kept = kept.into_iter().map(|(_, bar)| bar);
    kept.chain([merged(&few)]).chain(between).collect()
}

/// Returns the sum of phases, without an interval.
fn merged(few: &[PhaseBar]) -> PhaseBar {
    let all = |of: fn(&PhaseBar) -> Option<f64>| sum_known(few.iter().map(of));
    let times: Option<Vec<i64>> = few.iter().map(|bar| bar.duration_ns).collect();
    let duration_ns = times.map(|times| times.iter().sum::<i64>());
    let energy_j = all(|bar| bar.energy_j);
    PhaseBar {
        phase: format!("({} others)", few.len()),
        energy_j,
        lo_j: None,
        hi_j: None,
        coverage: None,
        idle_j: all(|bar| bar.idle_j),
        active_j: all(|bar| bar.active_j),
        duration_ns,
        avg_w: average_w(energy_j, duration_ns),
        peak_w: few.iter().filter_map(|bar| bar.peak_w).reduce(f64::max),
        share: all(|bar| bar.share),
        basis: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(phase: String, energy_j: Option<f64>) -> PhaseBar {
        PhaseBar {
            phase,
            energy_j,
            duration_ns: Some(10),
            ..merged(&[])
        }
    }

    #[test]
    fn merged_phases_keep_the_sum() {
        let energy = |at: i32| Some(f64::from((at * 37) % 101));
        let mut bars: Vec<PhaseBar> = (0..200)
            .map(|at| bar(format!("p{at}"), energy(at)))
            .collect();
        bars.push(bar(BETWEEN.to_owned(), Some(0.5)));
        let sum = |bars: &[PhaseBar]| bars.iter().filter_map(|bar| bar.energy_j).sum::<f64>();
        let before = sum(&bars);
        let merged = fold(bars.clone());
        assert_eq!(merged.len(), MAX_BARS + 2);
        assert!((sum(&merged) - before).abs() < 1e-9);
        assert_eq!(merged[MAX_BARS].phase, "(140 others)");
        assert_eq!(merged[MAX_BARS].duration_ns, Some(1400));
        assert_eq!(merged[MAX_BARS + 1].phase, BETWEEN);
        bars[1].energy_j = None;
        assert_eq!(
            fold(bars)[MAX_BARS].energy_j,
            None,
            "a sum with an unknown energy is unknown"
        );
    }
}
