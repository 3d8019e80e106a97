//! Pareto front of throughput and energy.
//!
//! ```text
//! energy
//!   |  x     c     x   c is dominated: d is as fast and needs less
//!   |       d   b      a, d, b are on the front: none is faster and needs less
//!   |  a
//!   +-------------- throughput
//! ```
//!
//! Points are geometric means of runs. The front of noisy means is itself uncertain: a point is on
//! it surely if it is in at least 95 % of the resamples, and not if it is in at most 5 %.

use serde::Serialize;

use crate::not_estimable::NotEstimable;
use crate::resampling::{PairedMeans, RunPair};

/// Share of resamples from which on a membership is certain.
const CERTAIN: f64 = 0.95;

/// Throughput and energy of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SpeedEnergy {
    /// Throughput in any unit; more is better.
    pub speed: f64,
    /// Energy in any unit; less is better.
    pub energy: f64,
}

impl SpeedEnergy {
    /// Returns whether this point is at least as fast with at most the same energy, and better in
    /// one of both.
    pub fn dominates(&self, other: &Self) -> bool {
        self.speed >= other.speed && self.energy <= other.energy && self != other
    }
}

/// Membership of a configuration in the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FrontMembership {
    /// In at least 95 % of the resamples.
    Surely,
    /// Neither of both, or unknown because there are too few repeats.
    Possibly,
    /// In at most 5 % of the resamples.
    Dominated,
}

/// A configuration and its place relative to the front.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FrontierPoint {
    /// Geometric means of its runs.
    pub mean: SpeedEnergy,
    /// Whether the means are on the front.
    pub is_on_front: bool,
    /// Share of resamples in which it is on the front; `None` if too few runs were repeated to
    /// know the noise.
    pub share: Option<f64>,
    /// Its membership.
    pub membership: FrontMembership,
}

/// Returns whether each point is on the front: no other point dominates it. A point that is not a
/// number is not on the front and dominates nothing.
pub fn pareto_front(points: &[SpeedEnergy]) -> Vec<bool> {
    let is_number = |at: &usize| !points[*at].speed.is_nan() && !points[*at].energy.is_nan();
    let mut fastest_first: Vec<usize> = (0..points.len()).filter(is_number).collect();
    fastest_first.sort_by(|a, b| {
        let (a, b) = (&points[*a], &points[*b]);
        b.speed
            .total_cmp(&a.speed)
            .then(a.energy.total_cmp(&b.energy))
    });
    let mut is_on = vec![false; points.len()];
    // The least energy of faster points.
    let mut least = f64::INFINITY;
    for as_fast in fastest_first.chunk_by(|a, b| points[*a].speed == points[*b].speed) {
        let best = points[as_fast[0]].energy;
        for at in as_fast {
            is_on[*at] = points[*at].energy == best && (best < least || least.is_infinite());
        }
        least = least.min(best);
    }
    is_on
}

/// Finds the front of configurations. Each has the pairs (throughput, energy) of its runs.
///
/// # Errors
///
/// No configuration, one without a run, or a value that is not positive.
pub fn frontier(configurations: &[Vec<RunPair>]) -> Result<Vec<FrontierPoint>, NotEstimable> {
    NotEstimable::at_least(1, configurations.len(), "configurations")?;
    let paired = PairedMeans::of(configurations)?;
    let on_front = pareto_front(&points(&paired.means));
    let shares = paired.resamples().map(|resamples| {
        let mut counts = vec![0_usize; paired.means.len()];
        for means in &resamples {
            for (count, is_on) in counts.iter_mut().zip(pareto_front(&points(means))) {
                *count += usize::from(is_on);
            }
        }
        let share = |count: usize| count as f64 / resamples.len() as f64;
        counts.into_iter().map(share).collect::<Vec<_>>()
    });
    let point = |(at, mean): (usize, SpeedEnergy)| {
        let share = shares.as_ref().map(|shares| shares[at]);
        FrontierPoint {
            mean,
            is_on_front: on_front[at],
            share,
            membership: match share {
                Some(share) if share >= CERTAIN => FrontMembership::Surely,
                Some(share) if share <= 1.0 - CERTAIN => FrontMembership::Dominated,
                _ => FrontMembership::Possibly,
            },
        }
    };
    let means = points(&paired.means);
    Ok(means.into_iter().enumerate().map(point).collect())
}

fn points(means: &[[f64; 2]]) -> Vec<SpeedEnergy> {
    let point = |mean: &[f64; 2]| SpeedEnergy {
        speed: mean[0].exp(),
        energy: mean[1].exp(),
    };
    means.iter().map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```text
    /// J/token
    ///  4 |        c     a: slow and efficient, b: fast and inefficient: both on the front
    ///  3 |          b   c: as fast as d, with more energy
    ///  2 |        d
    ///  1 | a
    ///    +------------ tokens/s
    /// ```
    #[test]
    fn dominated_sides_are_not_on_the_front() {
        let front = |points: &[(f64, f64)]| {
            let point = |(speed, energy): &(f64, f64)| SpeedEnergy {
                speed: *speed,
                energy: *energy,
            };
            pareto_front(&points.iter().map(point).collect::<Vec<_>>())
        };
        let points = [(1.0, 1.0), (9.0, 3.0), (7.0, 4.0), (7.0, 2.0)];
        assert_eq!(front(&points), [true, true, false, true]);
        assert_eq!(front(&[(1.0, 1.0), (1.0, 1.0)]), [true, true]);
        assert_eq!(front(&[(f64::NAN, 1.0), (1.0, 2.0)]), [false, true]);
    }
}
