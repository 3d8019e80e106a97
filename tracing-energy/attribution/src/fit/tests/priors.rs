//! Priors help where samples do not separate kinds.

use super::super::{CalibratedPrior, FitBasis, FitMethod, FitOptions, KnownIdle, RailInput, fit};
use super::known_powers::{error, fitted};
use super::trace::{IDLE_W, MS, Trace};

fn calibrated(trace: &Trace, off: f64, every: usize) -> RailInput {
    let known = |(k, watts): (usize, &f64)| {
        let watts = watts * if k % 2 == 0 { 1.0 + off } else { 1.0 - off };
        (k % every == 0).then_some(CalibratedPrior {
            watts,
            relative_sd: 0.08,
        })
    };
    RailInput {
        priors: trace.power_w.iter().enumerate().map(known).collect(),
        ..trace.rail()
    }
}

#[test]
fn a_calibration_splits_a_tied_pair() {
    let trace = Trace::tied(21).sampled(21, 100 * MS, 0, 0.01);
    let (_, plain) = fitted(&trace);
    let options = FitOptions {
        method: FitMethod::Calibrated,
        ..FitOptions::default()
    };
    let rail = trace
        .with_sensor(calibrated(&trace, 0.05, 1), |sensor| fit(sensor, &options))
        .rails
        .remove(0)
        .expect("sound");
    assert!(error(&trace, &rail) < 0.06, "{}", error(&trace, &rail));
    assert!(error(&trace, &rail) < error(&trace, &plain));
    assert_eq!(rail.kinds[0].basis, FitBasis::Calibrated);
}

#[test]
fn calibrations_are_ignored_unless_requested() {
    let trace = Trace::random(22, 6, 6).sampled(22, 100 * MS, 0, 0.01);
    let (_, plain) = fitted(&trace);
    let with = trace.with_sensor(calibrated(&trace, 0.3, 1), |sensor| {
        fit(sensor, &FitOptions::default())
    });
    assert_eq!(with.rails[0].as_ref().expect("sound"), &plain);
}

#[test]
fn some_calibrated_kinds_among_others_work() {
    let trace = Trace::random(23, 9, 10).sampled(23, 100 * MS, 0, 0.01);
    let options = FitOptions {
        method: FitMethod::Calibrated,
        ..FitOptions::default()
    };
    let rail = trace
        .with_sensor(calibrated(&trace, 0.05, 2), |sensor| fit(sensor, &options))
        .rails
        .remove(0)
        .expect("sound");
    assert!(error(&trace, &rail) < 0.04, "{}", error(&trace, &rail));
}

#[test]
fn an_earlier_run_narrows_a_short_one() {
    let long = Trace::random(24, 15, 20).sampled(24, 100 * MS, 0, 0.01);
    let (_, earlier) = fitted(&long);
    let mut short = Trace::random(25, 15, 3);
    short.power_w = long.power_w.clone();
    let short = short.sampled(25, 100 * MS, 0, 0.03);
    let (_, alone) = fitted(&short);
    let rail = RailInput {
        pooled: earlier.pool.clone(),
        ..short.rail()
    };
    let pooled = short
        .with_sensor(rail, |sensor| fit(sensor, &FitOptions::default()))
        .rails
        .remove(0)
        .expect("sound");
    assert!(
        error(&short, &pooled) < error(&short, &alone),
        "{} {}",
        error(&short, &pooled),
        error(&short, &alone)
    );
    assert!(error(&short, &pooled) < 0.08);
}

#[test]
fn given_idle_power_replaces_a_guess() {
    let mut trace = Trace::random(26, 5, 8).sampled(26, 100 * MS, 0, 0.01);
    let last = trace.pieces.last().expect("pieces").0;
    trace
        .windows
        .retain(|w| w.start_ns > 600 * MS && w.end_ns < last);
    let rail = RailInput {
        idle: Some(KnownIdle {
            watts: IDLE_W,
            sd_watts: 0.05,
        }),
        ..trace.rail()
    };
    let rail = trace
        .with_sensor(rail, |sensor| fit(sensor, &FitOptions::default()))
        .rails
        .remove(0)
        .expect("sound");
    assert!((rail.idle_w - IDLE_W).abs() < 0.3, "{}", rail.idle_w);
    assert!(
        rail.warnings
            .iter()
            .all(|w| !w.to_string().contains("idle"))
    );
}
