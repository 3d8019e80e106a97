//! Estimates do not depend on units or on the order of their samples, and rise where they must.

use energy_statistics::best::{FactorLevel, best_level};
use energy_statistics::compare::{ComparisonOptions, RunSample};
use energy_statistics::hinge::hinge_test;
use energy_statistics::knee::knee;
use energy_statistics::prediction::{EnergyPredictor, MeasuredWorkload, Workload};
use energy_statistics::rank::rank_correlation;
use energy_statistics::{Configuration, RunPair, TrendPoint, power_law, trend};
use proptest::prelude::*;

/// Returns whether two numbers are equal but for rounding.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * (a.abs() + b.abs()) + 1e-9
}

fn values(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.5..2.0_f64, count)
}

fn configurations(values: &[f64], unit: f64) -> Vec<Configuration> {
    let grown = values.iter().enumerate();
    grown
        .map(|(at, value)| Configuration::single((at + 1) as f64, unit * value * (at + 1) as f64))
        .collect()
}

fn workloads() -> impl Strategy<Value = Vec<MeasuredWorkload>> {
    let one = (1..2000_u32, 1..200_u32, 1..5_u32, 0.9..1.1_f64);
    let measured = one.prop_map(|(input, output, batch, noise)| {
        let (input_tokens, output_tokens, batch) =
            (f64::from(input), f64::from(output), f64::from(batch));
        let energy = 10.0 + 0.05 * batch * input_tokens + (0.3 + 0.1 * batch) * output_tokens;
        MeasuredWorkload {
            workload: Workload {
                input_tokens,
                output_tokens,
                batch,
            },
            energies_j: vec![energy * noise],
        }
    });
    prop::collection::vec(measured, 12..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_exponent_does_not_depend_on_units_or_order(values in values(4..12), unit in 1e-6..1e6_f64) {
        let one = power_law(&configurations(&values, 1.0), 0.9).unwrap();
        let mut other = configurations(&values, unit);
        other.reverse();
        other.iter_mut().for_each(|one| one.x *= 1e9);
        let other = power_law(&other, 0.9).unwrap();
        prop_assert!(near(one.exponent.value, other.exponent.value));
        prop_assert!(near(one.exponent.width().unwrap(), other.exponent.width().unwrap()));
        let wider = power_law(&configurations(&values, 1.0), 0.95).unwrap();
        prop_assert!(wider.exponent.width() >= one.exponent.width());
    }

    #[test]
    fn an_exact_law_is_found(exponent in -3.0..3.0_f64, coefficient in 1e-9..1e3_f64) {
        let x = [1e6_f64, 3e6, 1e7, 5e7, 2e8];
        let exact = x.map(|x| Configuration::single(x, coefficient * x.powf(exponent)));
        let law = power_law(&exact, 0.95).unwrap();
        prop_assert!(near(law.exponent.value, exponent));
        prop_assert!(near(law.coefficient.unwrap(), coefficient));
        prop_assert!(law.exponent.width().unwrap() < 1e-6);
    }

    #[test]
    fn the_hinge_does_not_depend_on_units_or_order(values in values(6..14), unit in 1e-3..1e3_f64) {
        let one = hinge_test(&configurations(&values, 1.0), 0.9).unwrap();
        let mut other = configurations(&values, unit);
        other.reverse();
        let other = hinge_test(&other, 0.9).unwrap();
        prop_assert!(near(one.p, other.p));
        prop_assert!(near(one.line_slope * unit, other.line_slope));
    }

    #[test]
    fn predictions_scale_with_energy_and_ignore_order(measured in workloads(), unit in 1e-3..1e3_f64) {
        let mut other = measured.clone();
        other.reverse();
        other.iter_mut().for_each(|one| one.energies_j[0] *= unit);
        let new = Workload { input_tokens: 700.0, output_tokens: 90.0, batch: 2.0 };
        let predict = |measured: &[MeasuredWorkload]| {
            EnergyPredictor::fit(measured, 0.8).and_then(|one| one.predict(&new))
        };
        match (predict(&measured), predict(&other)) {
            (Ok(one), Ok(other)) => {
                prop_assert!(near(one.energy_j.value * unit, other.energy_j.value));
                prop_assert!(near(one.energy_j.width().unwrap() * unit, other.energy_j.width().unwrap()));
                prop_assert!(one.energy_j.contains(one.energy_j.value));
            }
            (one, other) => prop_assert_eq!(one.is_err(), other.is_err()),
        }
    }

    /// Coefficients are not negative, so more tokens never cost less.
    #[test]
    fn predictions_rise_with_each_input(measured in workloads()) {
        let predictor = EnergyPredictor::fit(&measured, 0.8).unwrap();
        prop_assert!(predictor.terms().iter().all(|term| term.joules >= 0.0));
        let mut last = [0.0; 3];
        for step in 1..6 {
            let step = f64::from(step);
            let at = [
                Workload { input_tokens: 200.0 * step, output_tokens: 50.0, batch: 2.0 },
                Workload { input_tokens: 300.0, output_tokens: 20.0 * step, batch: 2.0 },
                Workload { input_tokens: 300.0, output_tokens: 50.0, batch: step },
            ];
            for (last, workload) in last.iter_mut().zip(at) {
                if let Ok(found) = predictor.predict(&workload) {
                    prop_assert!(found.energy_j.value >= *last * (1.0 - 1e-9));
                    *last = found.energy_j.value;
                }
            }
        }
    }

    #[test]
    fn ranks_ignore_monotonic_changes_and_order(values in values(5..12)) {
        let pairs: Vec<(f64, f64)> =
            values.iter().enumerate().map(|(at, value)| (at as f64, *value)).collect();
        let mut changed: Vec<(f64, f64)> = pairs.iter().map(|(x, y)| (x.exp(), y.powi(3))).collect();
        changed.reverse();
        prop_assert_eq!(rank_correlation(&pairs), rank_correlation(&changed));
    }

    #[test]
    fn the_knee_does_not_depend_on_units(values in values(5..9), unit in 1e-3..1e3_f64) {
        let curve = |unit: f64| {
            let point = |(at, value): (usize, &f64)| {
                let run = |noise: f64| RunPair { x: unit * (at + 1) as f64, y: value / unit * noise };
                [0.99, 1.0, 1.01].map(run).to_vec()
            };
            values.iter().enumerate().map(point).collect::<Vec<_>>()
        };
        let (one, other) = (knee(&curve(1.0)).unwrap(), knee(&curve(unit)).unwrap());
        prop_assert_eq!(one.is_some(), other.is_some());
        if let (Some(one), Some(other)) = (one, other) {
            prop_assert_eq!(one.at, other.at);
            prop_assert!(near(one.below_chord, other.below_chord));
        }
    }

    /// Perpendicular distances on logarithmic axes, by the cross product with the chord.
    #[test]
    fn the_knee_is_farthest_below_the_chord(values in values(5..9)) {
        let points: Vec<[f64; 2]> =
            values.iter().enumerate().map(|(at, y)| [((at + 1) as f64).ln(), y.ln()]).collect();
        let (first, last) = (points[0], points[points.len() - 1]);
        let chord = [last[0] - first[0], last[1] - first[1]];
        let length = chord[0].hypot(chord[1]);
        let below = |point: &[f64; 2]| {
            (chord[1] * (point[0] - first[0]) - chord[0] * (point[1] - first[1])) / length
        };
        let distances: Vec<f64> = points.iter().map(below).collect();
        let farthest = (0..points.len()).max_by(|a, b| distances[*a].total_cmp(&distances[*b])).unwrap();
        let once = |(at, y): (usize, &f64)| vec![RunPair { x: (at + 1) as f64, y: *y }];
        let curve: Vec<_> = values.iter().enumerate().map(once).collect();
        let found = knee(&curve).unwrap().map(|knee| knee.at);
        prop_assert_eq!(found, (distances[farthest] > 1e-12).then_some(farthest));
    }

    #[test]
    fn the_trend_turns_with_time(values in values(5..30)) {
        let points = |sign: i64| -> Vec<TrendPoint> {
            let point = |(at, value): (usize, &f64)| TrendPoint {
                unix_ns: sign * at as i64 * 3_600_000_000_000,
                value: *value,
            };
            values.iter().enumerate().map(point).collect()
        };
        let (one, other) = (trend(&points(1), 0.95).unwrap(), trend(&points(-1), 0.95).unwrap());
        let (one, other) = (one.ln_slope_per_day, other.ln_slope_per_day);
        prop_assert!(near(one.value, -other.value));
        prop_assert_eq!(one.lo.is_some(), other.hi.is_some());
        prop_assert!(one.lo.is_none_or(|lo| near(lo, -other.hi.unwrap())));
    }

    /// The set of levels contains the best one, and does not depend on units or order.
    #[test]
    fn the_best_level_does_not_depend_on_units_or_order(values in values(2..6), unit in 1e-3..1e3_f64) {
        let level = |(at, value): (usize, &f64), unit: f64| FactorLevel {
            name: at.to_string(),
            number: Some(at as f64),
            samples: [0.99, 1.0, 1.02].iter().enumerate().map(|(round, noise)| {
                let start_unix_ns = (round * 100 + at) as i64;
                RunSample { value: unit * value * noise, start_unix_ns, end_unix_ns: start_unix_ns + 1 }
            }).collect(),
        };
        let levels = |unit: f64| values.iter().enumerate().map(|one| level(one, unit)).collect::<Vec<_>>();
        let one = best_level(&levels(1.0), &ComparisonOptions::default()).unwrap();
        let mut other = levels(unit);
        other.reverse();
        let other = best_level(&other, &ComparisonOptions::default()).unwrap();
        prop_assert!(one.levels[one.best].is_in_set);
        prop_assert_eq!(one.interval, other.interval);
        prop_assert_eq!(&one.levels[one.best].name, &other.levels[other.best].name);
    }
}
