//! Any input gives a result that balances, or a refusal.

use proptest::prelude::*;

use super::super::{
    CalibratedPrior, FitMethod, FitOptions, FitSensor, FitWarning, FitWindow, KindInfo,
    PooledPrior, RailInput, RailOutcome, Refusal, TimelineBuilder, fit,
};
use super::known_powers::fitted;
use super::trace::{MS, Random, Trace};

/// Checks that each window balances, and that energies are finite and not negative.
fn check(rail: &RailOutcome, windows: &[FitWindow]) {
    assert_eq!(rail.windows.len(), windows.len());
    let (mut measured, mut accounted) = (0.0, 0.0);
    for (result, window) in rail
        .windows
        .iter()
        .zip(windows)
        .filter(|(result, _)| result.used)
    {
        let sum = result.idle_j + result.spans_j + result.other_accounts_j;
        assert!(
            (sum - window.energy_j).abs()
                <= 1e-9 * (window.energy_j.abs() + result.spans_j + result.idle_j)
        );
        assert!(result.spans_j >= 0.0 && result.idle_j >= 0.0);
        measured += window.energy_j;
        accounted += result.idle_j + result.other_accounts_j;
    }
    for kind in &rail.kinds {
        assert!(kind.energy_j.is_finite() && kind.energy_j >= 0.0);
        assert!(
            kind.lo_j <= kind.energy_j * 1.000_001 && kind.energy_j <= kind.hi_j * 1.000_001,
            "{kind:?}"
        );
        assert!(kind.extrapolated_j.is_finite() && kind.resolution.is_finite());
        accounted += kind.energy_j - kind.extrapolated_j;
    }
    let scale: f64 = windows
        .iter()
        .map(|w| {
            if w.energy_j.is_finite() {
                w.energy_j.abs()
            } else {
                0.0
            }
        })
        .sum();
    assert!(
        (measured - accounted).abs() <= 1e-9 * scale.max(1e-9),
        "{measured} {accounted}"
    );
    let grouped: usize = rail.groups.iter().map(|g| g.kinds.len()).sum();
    assert_eq!(
        grouped,
        rail.kinds.iter().filter(|k| k.group.is_some()).count()
    );
}

fn fit_windows(trace: &Trace, windows: Vec<FitWindow>) -> Result<RailOutcome, Refusal> {
    let rail = RailInput {
        windows: windows.clone(),
        ..RailInput::default()
    };
    let result = trace
        .with_sensor(rail, |sensor| fit(sensor, &FitOptions::default()))
        .rails
        .remove(0);
    if let Ok(rail) = &result {
        check(rail, &windows);
    }
    result
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_window_balances(
        seed in 0_u64..1000,
        kinds in 1_u32..20,
        every in 10_i64..300,
        offset in -60_i64..60,
        noise in 0.0_f64..0.5,
        lost in 0.0_f64..0.9,
        shifted in -1.0_f64..3.0,
    ) {
        let trace = Trace::random(seed, kinds, 4).sampled(seed, every * MS, offset * MS, noise);
        let mut random = Random::new(seed);
        let mut windows = trace.windows.clone();
        windows.retain(|_| random.uniform() > lost);
        windows.iter_mut().for_each(|w| w.energy_j -= shifted * (w.end_ns - w.start_ns) as f64 * 1e-9);
        match fit_windows(&trace, windows.clone()) {
            Ok(_) => prop_assert!(!windows.is_empty()),
            Err(refusal) => {
                prop_assert!(matches!(refusal, Refusal::NoWindows | Refusal::NoSpans));
            }
        }
    }

    #[test]
    fn the_order_of_windows_does_not_matter(seed in 0_u64..1000) {
        let trace = Trace::random(seed, 6, 3).sampled(seed, 50 * MS, 0, 0.05);
        let mut turned = trace.clone();
        turned.windows.reverse();
        let (_, mut rail) = fitted(&turned);
        rail.windows.reverse();
        prop_assert_eq!(rail, fitted(&trace).1);
    }
}

#[test]
fn input_without_samples_or_spans_is_refused() {
    let trace = Trace::random(1, 3, 2).sampled(1, 100 * MS, 0, 0.01);
    assert_eq!(fit_windows(&trace, vec![]), Err(Refusal::NoWindows));
    let nonsense = FitWindow {
        start_ns: 5,
        end_ns: 5,
        energy_j: 1.0,
    };
    assert_eq!(
        fit_windows(
            &trace,
            vec![
                nonsense,
                FitWindow {
                    end_ns: 9,
                    energy_j: f64::NAN,
                    ..nonsense
                }
            ]
        ),
        Err(Refusal::NoWindows)
    );
    let quiet = Trace {
        pieces: vec![],
        ..trace.clone()
    };
    assert_eq!(
        fit_windows(&quiet, trace.windows.clone()),
        Err(Refusal::NoSpans)
    );
    assert!(!Refusal::NoSpans.to_string().is_empty());
}

#[test]
fn one_sample_is_shared_in_proportion() {
    let trace = Trace::random(2, 3, 2).sampled(2, 100 * MS, 0, 0.01);
    let rail = fit_windows(&trace, trace.windows[8..9].to_vec()).expect("one window is enough");
    assert_eq!(rail.weight, 0.0);
    assert!(
        rail.warnings
            .iter()
            .any(|w| matches!(w, FitWarning::FewSamples { samples: 1, .. }))
    );
}

#[test]
fn windows_without_energy_give_none() {
    let trace = Trace::random(3, 3, 2).sampled(3, 50 * MS, 0, 0.01);
    let zero = trace
        .windows
        .iter()
        .map(|w| FitWindow {
            energy_j: 0.0,
            ..*w
        })
        .collect();
    let rail = fit_windows(&trace, zero).expect("zero is a number");
    assert!(rail.kinds.iter().map(|k| k.energy_j).sum::<f64>() < 1e-6);
}

#[test]
fn duplicates_are_left_out_and_overlaps_are_reported() {
    let trace = Trace::random(4, 3, 3).sampled(4, 100 * MS, 0, 0.01);
    let mut windows = trace.windows.clone();
    windows.extend_from_slice(&trace.windows[3..7]);
    windows.push(FitWindow {
        start_ns: windows[9].start_ns + 50 * MS,
        end_ns: windows[9].end_ns + 50 * MS,
        energy_j: 1.0,
    });
    let rail = fit_windows(&trace, windows).expect("sound");
    assert!(
        rail.warnings
            .contains(&FitWarning::WindowsLeftOut { windows: 4 })
    );
    assert!(
        rail.warnings
            .iter()
            .any(|w| matches!(w, FitWarning::OverlappingWindows { .. }))
    );
    assert_eq!(rail.windows.iter().filter(|w| !w.used).count(), 4);
}

#[test]
fn spans_far_from_all_windows_are_reported() {
    let trace = Trace::random(5, 3, 2).sampled(5, 100 * MS, 0, 0.01);
    let late = trace.windows.iter().map(|w| FitWindow {
        start_ns: w.start_ns + 3_600_000 * MS,
        end_ns: w.end_ns + 3_600_000 * MS,
        ..*w
    });
    let refused = fit_windows(&trace, late.collect()).map(|rail| rail.weight);
    assert_eq!(refused, Err(Refusal::NoSpans));
}

#[test]
fn small_kinds_among_ten_thousand_are_fitted_together() {
    let trace = Trace::random(6, 10_000, 30).sampled(6, 100 * MS, 0, 0.01);
    let rail = fit_windows(&trace, trace.windows.clone()).expect("sound");
    assert_eq!(rail.kinds.len(), 10_000);
    assert!(
        rail.warnings
            .iter()
            .any(|w| matches!(w, FitWarning::KindsPooled { .. }))
    );
}

#[test]
fn references_to_unknown_kinds_are_refused() {
    let trace = Trace::random(7, 3, 2).sampled(7, 100 * MS, 0, 0.01);
    let refused = |rail: RailInput, method: FitMethod| {
        let options = FitOptions {
            method,
            ..FitOptions::default()
        };
        trace
            .with_sensor(rail, |sensor| fit(sensor, &options))
            .rails
            .remove(0)
            .expect_err("damaged")
    };
    assert_eq!(
        refused(
            RailInput {
                timeline: 3,
                ..trace.rail()
            },
            FitMethod::Fitted
        ),
        Refusal::NoSuchTimeline
    );
    let bad = CalibratedPrior {
        watts: -1.0,
        relative_sd: 0.1,
    };
    assert_eq!(
        refused(
            RailInput {
                priors: vec![Some(bad)],
                ..trace.rail()
            },
            FitMethod::Calibrated
        ),
        Refusal::BadPrior
    );
    let pool = PooledPrior {
        kinds: vec![9],
        ln_power: vec![0.0],
        covariance: vec![1.0],
        drift: 0.1,
    };
    assert_eq!(
        refused(
            RailInput {
                pooled: Some(pool),
                ..trace.rail()
            },
            FitMethod::Fitted
        ),
        Refusal::UnknownKind
    );
    let pool = PooledPrior {
        kinds: vec![1],
        ln_power: vec![],
        covariance: vec![1.0],
        drift: 0.1,
    };
    assert_eq!(
        refused(
            RailInput {
                pooled: Some(pool),
                ..trace.rail()
            },
            FitMethod::Fitted
        ),
        Refusal::BadPrior
    );
    let timelines = [trace.timeline()];
    let rails = [trace.rail()];
    let few = fit(
        FitSensor {
            kinds: &[KindInfo::default()],
            timelines: &timelines,
            rails: &rails,
        },
        &FitOptions::default(),
    );
    assert_eq!(few.rails, [Err(Refusal::UnknownKind)]);
}

#[test]
fn invalid_pieces_are_ignored() {
    let mut builder = TimelineBuilder::new(0);
    builder.piece(10, 5, 0, 1.0, 1.0);
    builder.piece(0, 5, 0, f32::NAN, 1.0);
    builder.piece(0, 5, u32::MAX, 1.0, 1.0);
    builder.piece(0, 5_000_000, 0, 1.0, f32::NAN);
    builder.piece(i64::MIN, i64::MIN + 9, 0, 1.0, 1.0);
    builder.piece(i64::MAX - 9, i64::MAX, 0, 1.0, 1.0);
    assert_eq!(builder.build().kinds(), 1);
}
