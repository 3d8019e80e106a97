//! Pareto front of speed and energy.

use super::RunEnergies;
use energy_query::stats::geometric_mean;

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
        Some((speed(side)?, geometric_mean(&energies)?))
    };
    let points = sides.iter().map(point).collect::<Option<Vec<_>>>()?;
    Some(front(&points))
}

fn front(points: &[(f64, f64)]) -> Vec<bool> {
    let dominates = |a: &(f64, f64), b: &(f64, f64)| a.0 >= b.0 && a.1 <= b.1 && a != b;
    let is_on = |one: &(f64, f64)| !points.iter().any(|other| dominates(other, one));
    points.iter().map(is_on).collect()
}

#[cfg(test)]
mod tests {
    use super::front;

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
        let points = [(1.0, 1.0), (9.0, 3.0), (7.0, 4.0), (7.0, 2.0)];
        assert_eq!(front(&points), [true, true, false, true]);
        assert_eq!(front(&[(1.0, 1.0), (1.0, 1.0)]), [true, true]);
    }
}
