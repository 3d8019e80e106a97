//! Chart: what each phase cost, the interval reading.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::name::name;
use crate::query::{BETWEEN, Ledger, Phase, PhaseSpan, sum_known};

/// Phases that have bars of their own.
const MOST: usize = 60;

/// One phase, all its activations together, or the time between phases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct PhaseBar {
    /// Its name.
    pub(super) phase: String,
    /// All that the root rails measured in its time.
    pub(super) energy_j: Option<f64>,
    /// Lower end of the 90 % interval; none where it ran several times without gaps.
    pub(super) lo_j: Option<f64>,
    /// Upper end.
    pub(super) hi_j: Option<f64>,
    /// Share of its time that samples cover.
    pub(super) coverage: Option<f64>,
    /// Idle part.
    pub(super) idle_j: Option<f64>,
    /// The rest of it.
    pub(super) active_j: Option<f64>,
    /// Its time.
    pub(super) duration_ns: Option<i64>,
    /// Energy over time.
    pub(super) avg_w: Option<f64>,
    /// Highest mean power of a sample in its time, of any root rail.
    pub(super) peak_w: Option<f64>,
    /// Its part of all phases.
    pub(super) share: Option<f64>,
    /// How its energy was found.
    pub(super) basis: Option<String>,
}

/// Bars of phases. `whole` says that `spans` are all there are.
pub(super) fn phase_bars(
    phases: &[Phase],
    ledger: &Ledger,
    spans: &[PhaseSpan],
    whole: bool,
) -> Vec<PhaseBar> {
    // Nothing for phases that ran several times.
    let mut by_name: HashMap<&str, Option<&PhaseSpan>> = HashMap::new();
    for span in spans.iter().filter(|_| whole) {
        if let Some(node) = ledger.node(span.node) {
            let known = by_name.entry(node.label.as_str());
            known.and_modify(|one| *one = None).or_insert(Some(span));
        }
    }
    let only = |phase: &Phase| by_name.get(phase.phase.as_str()).copied().flatten();
    // Of its gaps, or of the windows across the ends of its only span.
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
        basis: only(phase).and_then(|span| span.basis.as_deref().map(name)),
    };
    fold(phases.iter().map(bar).collect())
}

/// Takes those with the least energy together where there are too many. The time between
/// phases stays the last.
fn fold(mut bars: Vec<PhaseBar>) -> Vec<PhaseBar> {
    if bars.len() <= MOST {
        return bars;
    }
    let between = bars.pop_if(|bar| bar.phase == BETWEEN);
    let energy = |at: &usize| bars[*at].energy_j.unwrap_or(f64::NEG_INFINITY);
    let mut order: Vec<usize> = (0..bars.len()).collect();
    order.sort_by(|a, b| energy(b).total_cmp(&energy(a)));
    let kept: HashSet<usize> = order.into_iter().take(MOST).collect();
    let (kept, few): (Vec<_>, Vec<_>) = bars
        .into_iter()
        .enumerate()
        .partition(|(at, _)| kept.contains(at));
    let few: Vec<PhaseBar> = few.into_iter().map(|(_, bar)| bar).collect();
    let kept = kept.into_iter().map(|(_, bar)| bar);
    kept.chain([together(&few)]).chain(between).collect()
}

/// The sum of phases, which has no interval.
fn together(few: &[PhaseBar]) -> PhaseBar {
    let all = |of: fn(&PhaseBar) -> Option<f64>| sum_known(few.iter().map(of));
    let times: Option<Vec<i64>> = few.iter().map(|bar| bar.duration_ns).collect();
    let duration_ns = times.map(|times| times.iter().sum::<i64>());
    let energy_j = all(|bar| bar.energy_j);
    let seconds = duration_ns.filter(|ns| *ns > 0);
    PhaseBar {
        phase: format!("({} others)", few.len()),
        energy_j,
        lo_j: None,
        hi_j: None,
        coverage: None,
        idle_j: all(|bar| bar.idle_j),
        active_j: all(|bar| bar.active_j),
        duration_ns,
        avg_w: energy_j.zip(seconds).map(|(j, ns)| j * 1e9 / ns as f64),
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
            ..together(&[])
        }
    }

    #[test]
    fn many_phases_are_few_bars_with_the_same_sum() {
        let energy = |at: i32| Some(f64::from((at * 37) % 101));
        let mut bars: Vec<PhaseBar> = (0..200)
            .map(|at| bar(format!("p{at}"), energy(at)))
            .collect();
        bars.push(bar(BETWEEN.to_owned(), Some(0.5)));
        let sum = |bars: &[PhaseBar]| bars.iter().filter_map(|bar| bar.energy_j).sum::<f64>();
        let before = sum(&bars);
        let folded = fold(bars.clone());
        assert_eq!(folded.len(), MOST + 2);
        assert!((sum(&folded) - before).abs() < 1e-9);
        assert_eq!(folded[MOST].phase, "(140 others)");
        assert_eq!(folded[MOST].duration_ns, Some(1400));
        assert_eq!(folded[MOST + 1].phase, BETWEEN);
        bars[1].energy_j = None;
        assert_eq!(
            fold(bars)[MOST].energy_j,
            None,
            "unknown in part is unknown"
        );
    }
}
