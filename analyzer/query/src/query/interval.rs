//! Confidence intervals of energies.
//!
//! Intervals contain the true value in 90 % of cases. An attribution has them for kinds on
//! one rail, for groups of kinds, and for nodes, which inherit that of their kind.
//! They cannot be added: kinds of a rail are estimated jointly, so their errors are
//! correlated. A sum over several kinds (an inclusive energy, a layer, a component, a
//! name) therefore has no interval. Rails are estimated independently, so their spreads
//! add in squares.

use energy_data::interval_energy::{IntervalEnergy, RailInterval};

/// Distances of an interval's ends from its energy, in joules.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    /// Distance to the lower end.
    pub below_j: Option<f64>,
    /// Distance to the upper end.
    pub above_j: Option<f64>,
}

impl Spread {
    /// Returns the spread of the interval from `lo_j` to `hi_j` around `energy_j`.
    pub fn of(energy_j: f64, lo_j: Option<f64>, hi_j: Option<f64>) -> Self {
        Self {
            below_j: lo_j.map(|lo| energy_j - lo),
            above_j: hi_j.map(|hi| hi - energy_j),
        }
    }

    /// Returns the interval around `energy_j`.
    pub fn around(&self, energy_j: f64) -> (Option<f64>, Option<f64>) {
        (
            self.below_j.map(|below| energy_j - below),
            self.above_j.map(|above| energy_j + above),
        )
    }

    /// Returns the spread multiplied by `factor`.
    pub fn scaled(&self, factor: f64) -> Self {
        Self {
            below_j: self.below_j.map(|below| below * factor),
            above_j: self.above_j.map(|above| above * factor),
        }
    }
}

/// Returns the spread of a sum over rails, given energy and spread on each. It is unknown
/// if that of a rail with energy is.
pub(super) fn over_rails(rails: &[(f64, Spread)]) -> Spread {
    let sum = |of: fn(&Spread) -> Option<f64>| {
        let mut squares = None;
        for (energy_j, spread) in rails {
            match of(spread) {
                Some(end) => *squares.get_or_insert(0.0) += end * end,
                None if *energy_j == 0.0 => {}
                None => return None,
            }
        }
        squares.map(f64::sqrt)
    };
    Spread {
        below_j: sum(|spread| spread.below_j),
        above_j: sum(|spread| spread.above_j),
    }
}

/// Sums the energy of one span over rails, given its time and the ends of its energy's interval on
/// each rail. The ends of the sum are unknown if its energy is.
pub fn span_energy_over_rails(
    rails: &[(RailInterval, Option<f64>, Option<f64>)],
) -> IntervalEnergy {
    let intervals: Vec<RailInterval> = rails.iter().map(|(interval, ..)| *interval).collect();
    let sum = IntervalEnergy::over_rails(&intervals);
    let spread = |(interval, lo_j, hi_j): &(RailInterval, _, _)| {
        let extrapolated_j = interval.extrapolated_j.unwrap_or(0.0);
        let joules = interval.measured_j.unwrap_or(0.0) + extrapolated_j;
        (joules, Spread::of(joules, *lo_j, *hi_j))
    };
    let spreads: Vec<(f64, Spread)> = rails.iter().map(spread).collect();
    let ends = sum
        .energy_j
        .map(|joules| over_rails(&spreads).around(joules));
    let (lo_j, hi_j) = ends.unwrap_or_default();
    IntervalEnergy { lo_j, hi_j, ..sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_of_rails_add_in_squares_or_are_unknown() {
        let rail = |energy: f64, half: f64| {
            let spread = Spread::of(energy, Some(energy - half), Some(energy + half));
            (energy, spread)
        };
        let sum = over_rails(&[rail(8.0, 3.0), rail(2.0, 4.0)]);
        assert_eq!(sum.around(10.0), (Some(5.0), Some(15.0)));
        let unknown = Spread::default();
        assert_eq!(over_rails(&[rail(8.0, 3.0), (1.0, unknown)]), unknown);
        let without = over_rails(&[rail(8.0, 3.0), (0.0, unknown)]);
        assert_eq!(without, rail(8.0, 3.0).1);
        assert_eq!(over_rails(&[]), unknown);
    }
}
