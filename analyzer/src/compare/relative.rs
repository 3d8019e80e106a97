//! Kinds of spans against the rest of their own run.
//!
//! A machine that is warmer, or a sensor that reads high, moves all kinds of a run
//! alike. What a kind costs over what all others cost in the same run does not move,
//! and shows a change of that kind alone far more clearly:
//!
//! ```text
//! run      a     b     c      a / (b + c)
//! 1       1.0   2.0   2.0     0.250
//! 2       1.1   2.2   2.2     0.250         all 10 % higher
//! 3       1.2   2.0   2.0     0.300         a does 20 % more
//! ```
//!
//! It says nothing of a change that all kinds share, and where others became cheaper a
//! kind seems dearer: it is to be believed only if the kind's own energy rose, too.

use super::Compared;
use super::kinds::energies;
use super::parts::{InRuns, LEAST_SHARE, Part, compare_parts, shares};
use super::stats::Options;

/// A kind of spans: its own energy, and against the rest of its run.
#[derive(Debug, Clone, PartialEq)]
pub struct Relative {
    /// Its energy on both sides, without a term for sessions.
    pub own: Part,
    /// Against all other kinds of the same run.
    pub to_rest: Part,
}

impl Compared {
    /// Kinds of at least 1 % of the energy of a side that both sides have, each against
    /// the rest of its run. `session_sd` is how much sessions differ in that, which is
    /// less than in energies.
    pub fn relative(&self, session_sd: f64) -> Vec<Relative> {
        if self.kinds.left_out.is_some() {
            return Vec::new();
        }
        let kinds = energies(&self.figures);
        let shares = shares(&kinds, self.figures.len());
        let is_large = |at: usize| shares.iter().any(|side| side[at] >= LEAST_SHARE);
        let large: Vec<InRuns> = (0..kinds.len())
            .filter(|at| is_large(*at))
            .map(|at| kinds[at].clone())
            .collect();
        let totals = totals(&kinds);
        let over_rest: Vec<InRuns> = large.iter().map(|kind| over_rest(kind, &totals)).collect();
        let on_both = |part: usize, side: usize| {
            let has = |side: usize| large[part].energies[side].iter().all(Option::is_some);
            has(0) && has(side)
        };
        let compare = |parts: &[InRuns], session_sd: f64| {
            let options = Options {
                session_sd,
                ..self.options.stats
            };
            compare_parts(parts, &self.figures, &options, on_both)
        };
        let at_of = |label: &str| self.sides.iter().position(|side| side.label == label);
        let judge = |parts| self.coverages.judge_parts(parts, at_of);
        let own = judge(compare(&large, 0.0));
        let to_rest = judge(compare(&over_rest, session_sd));
        let both = own.into_iter().zip(to_rest);
        both.map(|(own, to_rest)| Relative { own, to_rest })
            .collect()
    }
}

/// Energy of all kinds of each run.
fn totals(kinds: &[InRuns]) -> Vec<Vec<f64>> {
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

fn over_rest(kind: &InRuns, totals: &[Vec<f64>]) -> InRuns {
    let of_run = |(energy, total): (&Option<f64>, &f64)| {
        let (energy, rest) = ((*energy)?, total - (*energy)?);
        (rest > 0.0).then(|| energy / rest)
    };
    let of_side = |(runs, totals): (&Vec<Option<f64>>, &Vec<f64>)| {
        runs.iter().zip(totals).map(of_run).collect()
    };
    InRuns {
        name: kind.name.clone(),
        energies: kind.energies.iter().zip(totals).map(of_side).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, runs: &[f64]) -> InRuns {
        let energies = vec![runs.iter().map(|joules| Some(*joules)).collect()];
        InRuns {
            name: name.into(),
            energies,
        }
    }

    #[test]
    fn what_moves_all_kinds_alike_cancels() {
        let kinds = [kind("a", &[1.0, 1.1, 1.2]), kind("b", &[4.0, 4.4, 4.0])];
        let totals = totals(&kinds);
        let a = over_rest(&kinds[0], &totals).energies.remove(0);
        let a: Vec<f64> = a.into_iter().flatten().collect();
        assert!((a[0] - 0.25).abs() < 1e-12 && (a[1] - 0.25).abs() < 1e-12);
        assert!((a[2] - 0.3).abs() < 1e-12);
        let alone = over_rest(&kinds[0], &[vec![1.0, 1.1, 1.2]]);
        assert_eq!(alone.energies[0], [None; 3], "no rest, no ratio");
    }
}
