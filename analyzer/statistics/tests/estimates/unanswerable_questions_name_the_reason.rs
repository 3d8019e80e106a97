//! Data that do not answer a question give a reason, never a number.

use energy_statistics::best::{FactorLevel, best_level};
use energy_statistics::compare::{ComparisonOptions, RunSample};
use energy_statistics::frontier::frontier;
use energy_statistics::hinge::hinge_test;
use energy_statistics::knee::knee;
use energy_statistics::prediction::{
    EnergyPredictor, MeasuredModel, MeasuredWorkload, ModelScaling, Workload,
};
use energy_statistics::rank::rank_correlation;
use energy_statistics::regression::{Regressor, multiple_power_law, separability};
use energy_statistics::{Configuration, NotEstimable, RunPair, TrendPoint, power_law, trend};

fn pairs(x: &[f64], y: &[f64]) -> Vec<Configuration> {
    x.iter()
        .zip(y)
        .map(|(x, y)| Configuration::single(*x, *y))
        .collect()
}

const FIVE: [f64; 5] = [1.0, 2.0, 3.0, 5.0, 8.0];

#[test]
fn laws_need_four_configurations_that_differ() {
    let three = power_law(&pairs(&FIVE[..3], &FIVE), 0.95).unwrap_err();
    assert_eq!(
        three.to_string(),
        "only 3 of at least 4 configurations: measure more"
    );
    let equal = power_law(&pairs(&[7.0; 5], &FIVE), 0.95).unwrap_err();
    assert_eq!(equal.to_string(), "x is the same in all samples: vary it");
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let found = power_law(&pairs(&FIVE, &[1.0, bad, 1.0, 1.0, 1.0]), 0.95);
        assert!(
            matches!(found, Err(NotEstimable::NotPositive { .. })),
            "{bad}: {found:?}"
        );
        let found = power_law(&pairs(&[1.0, bad, 3.0, 4.0, 5.0], &FIVE), 0.95);
        assert!(
            matches!(found, Err(NotEstimable::NotPositive { .. })),
            "{bad}: {found:?}"
        );
    }
    for confidence in [0.0, 1.0, -0.5, 95.0, f64::NAN] {
        let found = power_law(&pairs(&FIVE, &FIVE), confidence);
        assert!(
            matches!(found, Err(NotEstimable::InvalidConfidence { .. })),
            "{found:?}"
        );
    }
    let empty = [1.0, 2.0, 3.0, 4.0].map(|x| Configuration {
        x,
        values: Vec::new(),
    });
    assert_eq!(power_law(&empty, 0.9), Err(NotEstimable::NoRun));
}

/// Repeats of three configurations are not twelve configurations.
#[test]
fn repeats_are_no_configurations() {
    let one = |x: f64| Configuration {
        x,
        values: vec![x, 1.1 * x, 0.9 * x, x],
    };
    let found = power_law(&[one(1.0), one(2.0), one(4.0)], 0.95);
    assert!(matches!(
        found,
        Err(NotEstimable::TooFew {
            found: 3,
            needed: 4,
            ..
        })
    ));
    let contexts: Vec<_> = [1.0, 2.0, 3.0, 4.0, 4.0].map(one).to_vec();
    let found = hinge_test(&contexts, 0.9);
    assert!(matches!(
        found,
        Err(NotEstimable::TooFew {
            found: 4,
            needed: 5,
            ..
        })
    ));
}

#[test]
fn extreme_numbers_give_a_reason_or_finite_results() {
    let huge = pairs(
        &[1e300, 1e305, 1e307, 1.7e308],
        &[1e-300, 1e300, 1e-300, 1e300],
    );
    if let Ok(law) = power_law(&huge, 0.95) {
        assert!(law.exponent.value.is_finite() && law.residual_sd_ln.is_finite());
    }
    let near = pairs(&[1e9, 1e9 + 1e-6, 1e9, 1e9], &[1.0, 2.0, 3.0, 4.0]);
    assert!(matches!(
        power_law(&near, 0.95),
        Err(NotEstimable::NoVariance { .. })
    ));
    for context in [f64::NAN, f64::INFINITY] {
        let found = hinge_test(&pairs(&[1.0, 2.0, 3.0, 4.0, context], &FIVE), 0.9);
        assert_eq!(found, Err(NotEstimable::NotFinite));
    }
}

#[test]
fn exact_lines_have_no_saturation_and_exact_hinges_have_one() {
    let x: Vec<f64> = (1..=9).map(f64::from).collect();
    let line: Vec<f64> = x.iter().map(|x| 2.0 + 3.0 * x).collect();
    let found = hinge_test(&pairs(&x, &line), 0.9).unwrap();
    assert_eq!((found.p, found.hinge), (1.0, None));
    assert_eq!(found.words(), "none found (p = 1.000)");
    let hinge: Vec<f64> = x
        .iter()
        .map(|x| 2.0 + 3.0 * x + 6.0 * (x - 5.0_f64).max(0.0))
        .collect();
    let found = hinge_test(&pairs(&x, &hinge), 0.9).unwrap();
    let place = found.hinge.unwrap().place;
    assert_eq!(place.value, 5.0);
    assert!(place.contains(5.0) && place.width().unwrap() <= 0.5);
    assert!(found.words().starts_with("rises faster from about 5"));
    let flat: Vec<f64> = x.iter().map(|x| 2.0 + (5.0_f64 - x).max(0.0)).collect();
    let words = hinge_test(&pairs(&x, &flat), 0.9).unwrap().words();
    assert!(
        words.starts_with("stops falling from about 5") || words.starts_with("falls more slowly"),
        "{words}"
    );
}

fn measured(input_tokens: f64, output_tokens: f64, batch: f64) -> MeasuredWorkload {
    let energy = 10.0 + 0.05 * batch * input_tokens + (0.3 + 0.1 * batch) * output_tokens;
    MeasuredWorkload {
        workload: Workload {
            input_tokens,
            output_tokens,
            batch,
        },
        energies_j: vec![energy, 1.01 * energy],
    }
}

fn grid(inputs: &[f64], outputs: &[f64], batches: &[f64]) -> Vec<MeasuredWorkload> {
    let mut all = Vec::new();
    for input in inputs {
        for output in outputs {
            all.extend(
                batches
                    .iter()
                    .map(|batch| measured(*input, *output, *batch)),
            );
        }
    }
    all
}

fn workload(input_tokens: f64, output_tokens: f64, batch: f64) -> Workload {
    Workload {
        input_tokens,
        output_tokens,
        batch,
    }
}

#[test]
fn predictions_end_at_twice_the_range() {
    let inputs = [64.0, 256.0, 1024.0];
    let predictor =
        EnergyPredictor::fit(&grid(&inputs, &[16.0, 64.0, 128.0], &[1.0]), 0.9).unwrap();
    let within = predictor.predict(&workload(100.0, 100.0, 1.0)).unwrap();
    assert!(within.is_within_range && within.no_interval.is_none());
    let outside = predictor.predict(&workload(2048.0, 256.0, 1.0)).unwrap();
    assert!(!outside.is_within_range);
    let refused = predictor
        .predict(&workload(2049.0, 100.0, 1.0))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "input tokens 2049 is beyond twice the measured range (64 to 1024): measure a configuration \
         nearer to it"
    );
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        let found = predictor.predict(&workload(bad, 100.0, 1.0));
        assert!(
            matches!(found, Err(NotEstimable::InvalidInput { .. })),
            "{found:?}"
        );
    }
    assert!(predictor.predict(&workload(64.0, 64.0, 0.0)).is_err());
}

#[test]
fn effects_that_were_not_varied_are_not_predicted() {
    // The output was never varied.
    let constant = grid(&[64.0, 128.0, 256.0, 512.0], &[32.0], &[1.0]);
    let predictor = EnergyPredictor::fit(&constant, 0.9).unwrap();
    assert!(predictor.predict(&workload(100.0, 32.0, 1.0)).is_ok());
    assert_eq!(
        predictor.predict(&workload(100.0, 40.0, 1.0)),
        Err(NotEstimable::NotIdentified)
    );
    assert_eq!(
        predictor.predict(&workload(100.0, 32.0, 2.0)),
        Err(NotEstimable::NotIdentified)
    );
    // Input and output vary together.
    let together: Vec<_> = [16.0, 32.0, 64.0, 128.0, 256.0]
        .map(|tokens| measured(4.0 * tokens, tokens, 1.0))
        .to_vec();
    let predictor = EnergyPredictor::fit(&together, 0.9).unwrap();
    assert!(predictor.predict(&workload(400.0, 100.0, 1.0)).is_ok());
    assert_eq!(
        predictor.predict(&workload(400.0, 50.0, 1.0)),
        Err(NotEstimable::NotIdentified)
    );
    // Two outputs do not show the curvature.
    let two = grid(&[64.0], &[32.0, 64.0], &[1.0]);
    assert!(matches!(
        EnergyPredictor::fit(&two, 0.9),
        Err(NotEstimable::TooFew { .. })
    ));
    let one = EnergyPredictor::fit(&[measured(1.0, 1.0, 1.0)], 0.9);
    assert!(matches!(
        one,
        Err(NotEstimable::TooFew {
            found: 1,
            needed: 2,
            ..
        })
    ));
}

#[test]
fn few_configurations_give_predictions_without_interval() {
    let eight = grid(&[64.0, 256.0], &[16.0, 32.0, 64.0, 128.0], &[1.0]);
    let predictor = EnergyPredictor::fit(&eight, 0.9).unwrap();
    let found = predictor.predict(&workload(100.0, 40.0, 1.0)).unwrap();
    assert_eq!((found.energy_j.lo, found.energy_j.hi), (None, None));
    assert_eq!(
        found.no_interval.unwrap().to_string(),
        "only 8 of at least 9 configurations: measure more"
    );
    let errors = predictor.leave_one_out();
    assert_eq!((errors.predicted, errors.with_interval), (8, 0));
    assert!(errors.median_relative_error.unwrap() < 0.01);
}

#[test]
fn unseen_models_need_four_models_with_a_common_workload() {
    let model = |parameters: f64, inputs: &[f64]| MeasuredModel {
        name: parameters.to_string(),
        parameters,
        configurations: grid(inputs, &[16.0, 64.0], &[1.0])
            .into_iter()
            .map(|mut one| {
                one.energies_j
                    .iter_mut()
                    .for_each(|energy| *energy *= parameters / 1e9);
                one
            })
            .collect(),
    };
    let sizes = [1e8, 3e8, 1e9, 3e9, 1e10];
    let models = sizes.map(|size| model(size, &[64.0, 256.0]));
    let scaling = ModelScaling::fit(&models, 0.9).unwrap();
    assert!((scaling.law.exponent.value - 1.0).abs() < 1e-6);
    let found = scaling.predict(2e9, &workload(100.0, 32.0, 1.0)).unwrap();
    let expected = 2.0 * (10.0 + 5.0 + 0.4 * 32.0) * 1.01_f64.sqrt();
    assert!(
        (found.energy_j.value / expected - 1.0).abs() < 1e-3,
        "{found:?}"
    );
    let far = scaling
        .predict(3e10, &workload(100.0, 32.0, 1.0))
        .unwrap_err();
    assert!(
        far.to_string()
            .starts_with("parameters 30000000000 is beyond twice")
    );
    // The smallest and the largest model are beyond twice the range of the others.
    let errors = scaling.leave_one_model_out();
    assert_eq!(
        (errors.cells.len(), errors.predicted, errors.covered),
        (20, 12, 12)
    );
    let three = ModelScaling::fit(&models[..3], 0.9);
    assert!(matches!(
        three,
        Err(NotEstimable::TooFew {
            found: 3,
            needed: 4,
            ..
        })
    ));
    let mut apart = models.to_vec();
    apart[2] = model(1e9, &[65.0, 257.0]);
    assert_eq!(
        ModelScaling::fit(&apart, 0.9),
        Err(NotEstimable::NoCommonWorkload)
    );
}

#[test]
fn fronts_and_knees_need_points() {
    let pair = |x: f64, y: f64| vec![RunPair { x, y }];
    assert!(frontier(&[]).is_err());
    assert!(frontier(&[Vec::new()]).is_err());
    assert!(frontier(&[pair(1.0, 0.0)]).is_err());
    let four: Vec<_> = (1..=4).map(|at| pair(f64::from(at), 1.0)).collect();
    assert!(matches!(
        knee(&four),
        Err(NotEstimable::TooFew { needed: 5, .. })
    ));
    let equal: Vec<_> = (1..=5).map(|at| pair(2.0, f64::from(at))).collect();
    assert!(matches!(knee(&equal), Err(NotEstimable::NoVariance { .. })));
    let concave = [1.0, 5.0, 8.0, 9.5, 10.0];
    let concave: Vec<_> = (1..=5)
        .map(|at| pair(f64::from(at), concave[at as usize - 1]))
        .collect();
    assert_eq!(knee(&concave), Ok(None));
    let convex: Vec<_> = (1..=6)
        .map(|at| pair(f64::from(at), f64::from(at).powi(4) + 20.0))
        .collect();
    let found = knee(&convex).unwrap().unwrap();
    assert_eq!((found.shares, found.is_distinct), (None, None));
}

#[test]
fn levels_with_few_runs_are_not_excluded() {
    let level = |name: &str, values: &[f64]| FactorLevel {
        name: name.to_owned(),
        number: name.parse().ok(),
        samples: (0..)
            .zip(values)
            .map(|(at, value)| RunSample {
                value: *value,
                start_unix_ns: at * 1000,
                end_unix_ns: at * 1000 + 10,
            })
            .collect(),
    };
    let options = ComparisonOptions::default();
    let levels = [
        level("1", &[3.0, 3.01, 2.99]),
        level("2", &[1.0, 1.01, 0.99]),
        level("4", &[5.0]),
        level("8", &[1.001, 1.02, 0.985]),
    ];
    let found = best_level(&levels, &options).unwrap();
    let in_set: Vec<bool> = found.levels.iter().map(|level| level.is_in_set).collect();
    assert_eq!((found.best, in_set), (1, vec![false, true, true, true]));
    assert_eq!(
        (found.interval, found.is_certain),
        (Some([2.0, 8.0]), false)
    );
    let engines = [
        level("candle", &[1.0, 1.01, 1.0]),
        level("llama.cpp", &[0.5, 0.51, 0.5]),
    ];
    let found = best_level(&engines, &options).unwrap();
    assert_eq!(
        (found.best, found.interval, found.is_certain),
        (1, None, true)
    );
    assert!(best_level(&levels[..1], &options).is_err());
    let bad = [level("1", &[1.0]), level("2", &[f64::NAN])];
    assert!(matches!(
        best_level(&bad, &options),
        Err(NotEstimable::NotPositive { .. })
    ));
    let none = [level("1", &[1.0]), level("2", &[])];
    assert_eq!(best_level(&none, &options), Err(NotEstimable::NoRun));
}

fn regressor(name: &str, values: Vec<f64>) -> Regressor {
    Regressor {
        name: name.to_owned(),
        values,
    }
}

#[test]
fn dimensions_that_grow_together_are_inseparable() {
    let sizes: Vec<f64> = (1..=12).map(f64::from).collect();
    let layers = regressor("layers", sizes.clone());
    let hidden = regressor("hidden", sizes.iter().map(|one| 64.0 * one).collect());
    let other = sizes
        .iter()
        .enumerate()
        .map(|(at, one)| one * [1.0, 8.0, 3.0][at % 3]);
    let ffn = regressor("ffn", other.collect());
    let found = separability(&[layers.clone(), hidden.clone(), ffn.clone()]).unwrap_err();
    let NotEstimable::Inseparable { of, .. } = &found else {
        panic!("{found:?}")
    };
    assert_eq!(of, &["layers", "hidden"]);
    assert!(
        found
            .to_string()
            .starts_with("layers, hidden cannot be distinguished")
    );
    assert!(separability(&[layers.clone(), ffn.clone()]).unwrap() < 10.0);
    assert!(multiple_power_law(&[layers.clone(), ffn.clone()], &sizes, 0.95).is_ok());
    let constant = regressor("heads", vec![8.0; 12]);
    let found = separability(&[layers.clone(), constant]).unwrap_err();
    assert_eq!(
        found.to_string(),
        "heads is the same in all samples: vary it"
    );
    let nine = |one: &Regressor| regressor(&one.name, one.values[..9].to_vec());
    let found = multiple_power_law(&[nine(&layers), nine(&ffn)], &sizes[..9], 0.95);
    assert!(matches!(
        found,
        Err(NotEstimable::TooFew {
            found: 9,
            needed: 10,
            ..
        })
    ));
    assert!(separability(&[]).is_err());
}

#[test]
fn ranks_and_trends_need_samples_that_differ() {
    let three = rank_correlation(&[(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]);
    assert!(matches!(three, Err(NotEstimable::TooFew { .. })));
    let equal = rank_correlation(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0), (1.0, 4.0)]);
    assert!(matches!(equal, Err(NotEstimable::NoVariance { .. })));
    assert!(rank_correlation(&[(1.0, f64::NAN), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]).is_err());
    // Two of 24 orders are as extreme.
    let four = rank_correlation(&[(1.0, 5.0), (2.0, 6.0), (3.0, 7.0), (4.0, 8.0)]).unwrap();
    assert_eq!((four.rho, four.p), (1.0, 2.0 / 24.0));
    let point = |unix_ns: i64, value: f64| TrendPoint { unix_ns, value };
    let same = [point(5, 1.0); 6];
    assert!(matches!(
        trend(&same, 0.95),
        Err(NotEstimable::NoVariance { .. })
    ));
    assert!(trend(&[point(1, 1.0); 4], 0.95).is_err());
    let far = [i64::MIN, -1, 0, 1, i64::MAX].map(|at| point(at, 1.0));
    assert!(trend(&far, 0.95).is_ok());
}

/// The work does not grow with the square of the contexts.
#[test]
fn hundreds_of_contexts_are_searched() {
    let x: Vec<f64> = (1..=600).map(|at| f64::from(at) * 8.0).collect();
    let noise = |at: usize| 1.0 + 0.01 * ((at * 7919 % 13) as f64 - 6.0) / 6.0;
    let bend = |x: f64| 1.0 + x / 1000.0 + (x - 2000.0).max(0.0) / 1000.0;
    let y: Vec<f64> = x
        .iter()
        .enumerate()
        .map(|(at, x)| bend(*x) * noise(at))
        .collect();
    let hinge = hinge_test(&pairs(&x, &y), 0.9).unwrap().hinge.unwrap();
    assert!((hinge.place.value - 2000.0).abs() < 100.0, "{hinge:?}");
}
