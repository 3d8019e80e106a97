//! Pareto front of speed and energy.

use energy_statistics::compare::geometric_mean;
use energy_statistics::frontier::{SpeedEnergy, pareto_front};

use super::RunEnergies;

/// Returns the mean speed of a side in tokens/s.
pub(super) fn speed(side: &[RunEnergies]) -> Option<f64> {
    let speeds: Vec<_> = side
        .iter()
        .map(|run| run.sample(run.tokens_per_s))
        .collect();
    geometric_mean(&speeds)
}

/// Returns whether each side is on the front: no other side is at least as fast with at most
/// the same energy, and better in one of both.
pub(super) fn on_front(sides: &[Vec<RunEnergies>]) -> Option<Vec<bool>> {
    let point = |side: &Vec<RunEnergies>| {
        let energies: Vec<_> = side.iter().map(|run| run.sample(run.energy_j)).collect();
        Some(SpeedEnergy {
            speed: speed(side)?,
            energy: geometric_mean(&energies)?,
        })
    };
    let points = sides.iter().map(point).collect::<Option<Vec<_>>>()?;
    Some(pareto_front(&points))
}
