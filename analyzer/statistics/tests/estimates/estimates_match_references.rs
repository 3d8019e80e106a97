//! Estimates equal those of numpy and scipy, computed by `tests/references/values.py`.

use energy_statistics::hinge::hinge_test;
use energy_statistics::prediction::{EnergyPredictor, MeasuredWorkload, Workload};
use energy_statistics::rank::rank_correlation;
use energy_statistics::regression::{Regressor, multiple_power_law};
use energy_statistics::{Configuration, IntervalEstimate, TrendPoint, power_law, trend};
use serde_json::Value;

fn reference(name: &str) -> Value {
    let text = include_str!("../references/values.json");
    let values: Value = serde_json::from_str(text).unwrap();
    values[name].clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    let all = value.as_array().unwrap().iter();
    all.map(|one| one.as_f64().unwrap()).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    let allowed = tolerance * expected.abs().max(1e-12);
    assert!(
        (found - expected).abs() <= allowed,
        "{found} is not {expected}"
    );
}

#[track_caller]
fn near_interval(found: IntervalEstimate, expected: &[f64], tolerance: f64) {
    near(found.lo.unwrap(), expected[0], tolerance);
    near(found.value, expected[1], tolerance);
    near(found.hi.unwrap(), expected[2], tolerance);
}

#[test]
fn the_exponent_and_its_intervals_match_linear_regression() {
    let expected = reference("power_law");
    let x = numbers(&expected["x"]);
    let runs = expected["runs"].as_array().unwrap();
    let configurations: Vec<Configuration> = x
        .iter()
        .zip(runs)
        .map(|(x, runs)| Configuration {
            x: *x,
            values: numbers(runs),
        })
        .collect();
    for interval in expected["intervals"].as_array().unwrap() {
        let law = power_law(&configurations, number(&interval["confidence"])).unwrap();
        let ends = [&interval["lo"], &expected["exponent"], &interval["hi"]].map(number);
        near_interval(law.exponent, &ends, 1e-9);
        near(
            law.coefficient.unwrap(),
            number(&expected["coefficient"]),
            1e-8,
        );
        near(law.r_squared.unwrap(), number(&expected["r_squared"]), 1e-9);
    }
    let law = power_law(&configurations, 0.9).unwrap();
    near_interval(law.mean_at(5e9).unwrap(), &numbers(&expected["mean"]), 1e-8);
    near_interval(
        law.new_configuration_at(5e9).unwrap(),
        &numbers(&expected["new"]),
        1e-8,
    );
}

/// The reference fits the logarithms by a general optimiser, and refits completely without each
/// configuration. The crate approximates these fits by one step.
#[test]
fn predictions_and_intervals_match_complete_refits() {
    for case in reference("prediction").as_array().unwrap() {
        let workload = |value: &Value| match numbers(value)[..] {
            [input_tokens, output_tokens, batch] => Workload {
                input_tokens,
                output_tokens,
                batch,
            },
            _ => panic!("three inputs"),
        };
        let workloads = case["workloads"].as_array().unwrap();
        let measured: Vec<MeasuredWorkload> = workloads
            .iter()
            .zip(numbers(&case["energies"]))
            .map(|(one, energy)| MeasuredWorkload {
                workload: workload(one),
                energies_j: vec![energy],
            })
            .collect();
        let predictor = EnergyPredictor::fit(&measured, 0.9).unwrap();
        for (one, fitted) in workloads.iter().zip(numbers(&case["fitted"])) {
            let found = predictor.predict(&workload(one)).unwrap();
            near(found.energy_j.value, fitted, 1e-5);
        }
        let found = predictor.predict(&workload(&case["new"])).unwrap().energy_j;
        near(found.value, number(&case["predicted"]), 1e-5);
        near(found.lo.unwrap(), number(&case["lo"]), 0.01);
        near(found.hi.unwrap(), number(&case["hi"]), 0.01);
    }
}

#[test]
fn the_hinge_and_its_p_match_complete_searches() {
    let cases = reference("hinge");
    for case in cases.as_array().unwrap() {
        let (x, y) = (numbers(&case["x"]), numbers(&case["y"]));
        let pairs = x.iter().zip(&y);
        let contexts: Vec<_> = pairs.map(|(x, y)| Configuration::single(*x, *y)).collect();
        let found = hinge_test(&contexts, 0.9).unwrap();
        let p = number(&case["p"]);
        // Four standard errors of the two simulations.
        let allowed = 4.0 * (p * (1.0 - p) / 200.0).sqrt() + 0.003;
        assert!((found.p - p).abs() < allowed, "{} is not {p}", found.p);
        if let Some(hinge) = found.hinge {
            near(hinge.place.value, number(&case["place"]), 1e-9);
            near(hinge.slope_before, number(&case["before"]), 1e-6);
            near(hinge.slope_after, number(&case["after"]), 1e-6);
        }
        assert_eq!(found.hinge.is_some(), p < 0.02);
    }
}

#[test]
fn rank_correlations_match_all_permutations() {
    for case in reference("ranks").as_array().unwrap() {
        let pairs: Vec<(f64, f64)> = numbers(&case["x"])
            .into_iter()
            .zip(numbers(&case["y"]))
            .collect();
        let found = rank_correlation(&pairs).unwrap();
        near(found.rho, number(&case["rho"]), 1e-9);
        let (p, is_exact) = (number(&case["p"]), pairs.len() <= 9);
        assert_eq!(found.is_exact, is_exact);
        // Above nine samples scipy's p is an approximation, and ours is counted from a selection.
        near(found.p, p, if is_exact { 1e-9 } else { 0.1 });
    }
}

#[test]
fn several_exponents_match_least_squares() {
    let expected = reference("regression");
    let regressor = |name: &str| Regressor {
        name: name.to_owned(),
        values: numbers(&expected[name]),
    };
    let regressors = ["layers", "hidden"].map(regressor);
    let found = multiple_power_law(&regressors, &numbers(&expected["y"]), 0.95).unwrap();
    near(found.condition, number(&expected["condition"]), 1e-6);
    for (at, exponent) in found.exponents.iter().enumerate() {
        near_interval(
            exponent.exponent,
            &numbers(&expected["exponents"][at]),
            1e-8,
        );
    }
}

#[test]
fn slopes_over_time_match_kendall_tests() {
    for case in reference("trend").as_array().unwrap() {
        let times = case["unix_ns"].as_array().unwrap().iter();
        let points: Vec<TrendPoint> = times
            .zip(numbers(&case["values"]))
            .map(|(unix_ns, value)| TrendPoint {
                unix_ns: unix_ns.as_i64().unwrap(),
                value,
            })
            .collect();
        let found = trend(&points, 0.95).unwrap();
        let expected = ["lo", "slope", "hi"].map(|key| number(&case[key]));
        near_interval(found.ln_slope_per_day, &expected, 1e-6);
    }
}
