//! Compares kinds of spans relative to the other kinds of their own run.
//!
//! A warmer machine, or a sensor that reads high, shifts all kinds of a run by the same factor.
//! The ratio of a kind's energy to that of all other kinds of the run does not change, and
//! shows a change of that kind alone much more clearly:
//!
//! ```text
//! run      a     b     c      a / (b + c)
//! 1       1.0   2.0   2.0     0.250
//! 2       1.1   2.2   2.2     0.250         all 10 % higher
//! 3       1.2   2.0   2.0     0.300         a needs 20 % more
//! ```
//!
//! It cannot show a change shared by all kinds, and if other kinds need less, a kind seems to
//! need more: a result is credible only if the kind's own energy rose, too.

use super::ComparedSides;
use super::kinds::energies;
use super::parts::{ComparedPart, EnergyByRun, MIN_SHARE, compare_parts, shares};
use super::stats::ComparisonOptions;

/// A kind of spans: its own energy, and relative to the others of its run.
#[derive(Debug, Clone, PartialEq)]
pub struct Relative {
    /// Comparison of its energy, without a term for sessions.
    pub own: ComparedPart,
    /// Comparison of its ratio to all other kinds of the same run.
    pub to_others: ComparedPart,
}

impl ComparedSides {
    /// Returns kinds with at least 1 % of the energy of a side that both sides have, each
    /// compared relative to the others of its run. `session_sd` is the standard deviation of
    /// that ratio between sessions, which is less than that of energies.
    pub fn relative(&self, session_sd: f64) -> Vec<Relative> {
        if self.kinds.left_out.is_some() {
            return Vec::new();
        }
        let kinds = energies(&self.figures);
        let shares = shares(&kinds, self.figures.len());
        let is_large = |at: usize| shares.iter().any(|side| side[at] >= MIN_SHARE);
        let large: Vec<EnergyByRun> = (0..kinds.len())
            .filter(|at| is_large(*at))
            .map(|at| kinds[at].clone())
            .collect();
        let totals = totals(&kinds);
        let ratios_to_others: Vec<EnergyByRun> = large
            .iter()
            .map(|kind| ratios_to_others(kind, &totals))
            .collect();
        let on_both = |part: usize, side: usize| {
            let has = |side: usize| large[part].energies[side].iter().all(Option::is_some);
            has(0) && has(side)
        };
        let compare = |parts: &[EnergyByRun], session_sd: f64| {
            let options = ComparisonOptions {
                session_sd,
                ..self.options.stats()
            };
            compare_parts(parts, &self.figures, &options, on_both)
        };
        let at_of = |label: &str| self.sides.iter().position(|side| side.label == label);
        let judge = |parts| self.coverages.judge_parts(parts, at_of);
        let own = judge(compare(&large, 0.0));
        let to_others = judge(compare(&ratios_to_others, session_sd));
        let both = own.into_iter().zip(to_others);
        both.map(|(own, to_others)| Relative { own, to_others })
            .collect()
    }
}

/// Returns the energy of all kinds of each run.
fn totals(kinds: &[EnergyByRun]) -> Vec<Vec<f64>> {
    let Some(first) = kinds.first() else {
        return Vec::new();
    };
    let run = |side: usize, run: usize| {
        let energies = kinds.iter().filter_map(|kind| kind.energies[side][run]);
        energies.sum()
    };
    let sides = first.energies.iter().enumerate();
    sides
        .map(|(side, runs)| (0..runs.len()).map(|at| run(side, at)).collect())
        .collect()
}

fn ratios_to_others(kind: &EnergyByRun, totals: &[Vec<f64>]) -> EnergyByRun {
    let of_run = |(energy, total): (&Option<f64>, &f64)| {
        let (energy, others) = ((*energy)?, total - (*energy)?);
        (others > 0.0).then(|| energy / others)
    };
    let of_side = |(runs, totals): (&Vec<Option<f64>>, &Vec<f64>)| {
        runs.iter().zip(totals).map(of_run).collect()
    };
    EnergyByRun {
        name: kind.name.clone(),
        energies: kind.energies.iter().zip(totals).map(of_side).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, runs: &[f64]) -> EnergyByRun {
        let energies = vec![runs.iter().map(|joules| Some(*joules)).collect()];
        EnergyByRun {
            name: name.into(),
            energies,
        }
    }

    #[test]
    fn factors_common_to_all_kinds_cancel() {
        let kinds = [kind("a", &[1.0, 1.1, 1.2]), kind("b", &[4.0, 4.4, 4.0])];
        let totals = totals(&kinds);
        let a = ratios_to_others(&kinds[0], &totals).energies.remove(0);
        let a: Vec<f64> = a.into_iter().flatten().collect();
        assert!((a[0] - 0.25).abs() < 1e-12 && (a[1] - 0.25).abs() < 1e-12);
        assert!((a[2] - 0.3).abs() < 1e-12);
        let alone = ratios_to_others(&kinds[0], &[vec![1.0, 1.1, 1.2]]);
        assert_eq!(alone.energies[0], [None; 3], "no other kind, no ratio");
    }
}
