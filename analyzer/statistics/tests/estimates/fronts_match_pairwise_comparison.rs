//! The Pareto front equals that of comparing all pairs.

use energy_statistics::RunPair;
use energy_statistics::frontier::{FrontMembership, SpeedEnergy, frontier, pareto_front};
use proptest::prelude::*;

/// Few values, so that equal speeds, energies and points occur.
fn points() -> impl Strategy<Value = Vec<SpeedEnergy>> {
    let point = (0..6_i32, 0..6_i32).prop_map(|(speed, energy)| SpeedEnergy {
        speed: f64::from(speed),
        energy: f64::from(energy),
    });
    prop::collection::vec(point, 0..12)
}

proptest! {
    #[test]
    fn a_point_is_on_the_front_if_no_other_dominates_it(points in points()) {
        let is_on = |one: &SpeedEnergy| !points.iter().any(|other| other.dominates(one));
        let expected: Vec<bool> = points.iter().map(is_on).collect();
        prop_assert_eq!(pareto_front(&points), expected);
    }
}

#[test]
fn infinite_energies_are_dominated_by_finite_ones_only() {
    let point = |speed, energy| SpeedEnergy { speed, energy };
    let points = [
        point(2.0, f64::INFINITY),
        point(1.0, f64::INFINITY),
        point(1.0, 5.0),
    ];
    assert_eq!(pareto_front(&points), [true, false, true]);
}

/// ```text
/// energy          a and b differ by far more than the noise
///  4 |       c    c is slower than b with more energy
///  2 |          b d is as good as b but for 0.1 %
///  1 | a        d
/// ```
#[test]
fn near_points_are_possibly_on_the_front() {
    let runs = |speed: f64, energy: f64| {
        let noise = [0.99, 1.0, 1.01];
        let run = |noise: f64| RunPair {
            x: speed / noise,
            y: energy * noise,
        };
        noise.map(run).to_vec()
    };
    let found = frontier(&[
        runs(1.0, 1.0),
        runs(9.0, 2.0),
        runs(7.0, 4.0),
        runs(9.001, 2.002),
    ]);
    let found = found.unwrap();
    let memberships: Vec<FrontMembership> = found.iter().map(|point| point.membership).collect();
    use FrontMembership::{Dominated, Possibly, Surely};
    assert_eq!(memberships, [Surely, Possibly, Dominated, Possibly]);
    let once = [runs(1.0, 1.0)[..1].to_vec(), runs(9.0, 0.5)[..1].to_vec()];
    let found = frontier(&once).unwrap();
    assert_eq!(found[0].share, None);
    assert_eq!(found[0].membership, Possibly);
    assert!(!found[0].is_on_front && found[1].is_on_front);
}
