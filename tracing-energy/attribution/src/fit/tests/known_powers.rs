//! Fits find the powers and the offset that a trace was made with.

use super::super::{
    FitBasis, FitKernel, FitOptions, FitWarning, RailInput, RailOutcome, SensorFit, fit,
};
use super::trace::{MS, Random, Trace};

pub(super) fn fitted(trace: &Trace) -> (SensorFit, RailOutcome) {
    let result = trace.with_sensor(trace.rail(), |sensor| fit(sensor, &FitOptions::default()));
    let rail = result.rails[0].clone().expect("the trace is sound");
    (result, rail)
}

pub(super) fn error(trace: &Trace, rail: &RailOutcome) -> f64 {
    let truth = trace.truth();
    let wrong: f64 = rail
        .kinds
        .iter()
        .zip(&truth)
        .map(|(k, t)| (k.energy_j - t).abs())
        .sum();
    wrong / truth.iter().sum::<f64>()
}

#[test]
fn powers_are_found() {
    let trace = Trace::random(1, 12, 20).sampled(1, 100 * MS, 0, 0.01);
    let (_, rail) = fitted(&trace);
    assert!(error(&trace, &rail) < 0.03, "{}", error(&trace, &rail));
    assert_eq!(rail.weight, 1.0);
    for (kind, truth) in rail.kinds.iter().zip(&trace.power_w) {
        let power = kind.power_w.expect("every kind ran");
        assert!((power / truth - 1.0).abs() < 0.15, "{power} for {truth}");
        assert_eq!(kind.basis, FitBasis::Measured);
    }
}

#[test]
fn intervals_hold_the_truth() {
    let (mut held, mut all) = (0, 0);
    for seed in 10..16 {
        let trace = Trace::random(seed, 10, 12).sampled(seed, 100 * MS, 3 * MS, 0.03);
        let (_, rail) = fitted(&trace);
        for (kind, truth) in rail.kinds.iter().zip(trace.truth()) {
            held += usize::from(kind.lo_j <= truth && truth <= kind.hi_j);
            all += 1;
        }
    }
    assert!(held * 100 >= all * 85, "{held} of {all}");
}

#[test]
fn the_offset_is_found() {
    for offset in [-27 * MS, 0, 13 * MS] {
        let trace = Trace::random(2, 12, 20).sampled(2, 50 * MS, offset, 0.01);
        let (result, _) = fitted(&trace);
        let off = result.clock_offset_ns - offset as f64;
        assert!(off.abs() < 1e6, "{off} ns off at {offset}");
    }
}

#[test]
fn an_offset_beyond_the_range_is_reported() {
    let trace = Trace::random(3, 12, 10).sampled(3, 100 * MS, 48 * MS, 0.01);
    let (result, rail) = fitted(&trace);
    assert!(result.clock_offset_ns.abs() <= 40e6);
    assert!(
        rail.warnings
            .iter()
            .any(|w| matches!(w, FitWarning::OffsetAtEdge { .. }))
    );
}

#[test]
fn a_fixed_offset_is_kept() {
    let trace = Trace::random(4, 5, 5).sampled(4, 50 * MS, 7 * MS, 0.01);
    let options = FitOptions {
        fixed_clock_offset_ns: Some(7 * MS),
        ..FitOptions::default()
    };
    let result = trace.with_sensor(trace.rail(), |sensor| fit(sensor, &options));
    assert_eq!(
        (result.clock_offset_ns, result.clock_offset_sd_ns),
        (7e6, 0.0)
    );
}

#[test]
fn kinds_in_a_fixed_proportion_are_one_group() {
    let trace = Trace::tied(5).sampled(5, 100 * MS, 0, 0.01);
    let (_, rail) = fitted(&trace);
    let pair = rail
        .groups
        .iter()
        .find(|g| g.kinds == [0, 1])
        .expect("the pair is a group");
    let truth = trace.truth();
    let both = truth[0] + truth[1];
    assert!((pair.energy_j / both - 1.0).abs() < 0.03);
    assert!(pair.lo_j < both && both < pair.hi_j);
    assert_eq!(rail.groups.len(), 2);
    assert_eq!(rail.kinds[0].basis, FitBasis::Grouped);
    assert!(rail.warnings.iter().any(|w| matches!(
        w,
        FitWarning::KindsGrouped {
            kinds: 2,
            groups: 1,
            ..
        }
    )));
}

#[test]
fn energy_in_windows_comes_from_prices() {
    let trace = Trace::random(6, 4, 6).sampled(6, 100 * MS, 0, 0.02);
    let options = FitOptions {
        fixed_clock_offset_ns: Some(0),
        ..FitOptions::default()
    };
    let rail = trace
        .with_sensor(trace.rail(), |sensor| fit(sensor, &options))
        .rails
        .remove(0)
        .expect("sound");
    for (i, window) in trace.windows.iter().enumerate() {
        let mut joules = 0.0;
        for (start, end, kind) in &trace.pieces {
            let ns = (end.min(&window.end_ns) - start.max(&window.start_ns)).max(0);
            joules += ns as f64 * 1e-9 * rail.price_w(i, *kind);
        }
        // Times within a slot are spread evenly, so edges differ a little.
        assert!(
            (joules - rail.windows[i].spans_j).abs() < 0.01,
            "{joules} {:?}",
            rail.windows[i]
        );
    }
}

#[test]
fn a_trailing_mean_as_long_as_its_interval_is_fitted_and_a_longer_one_is_not() {
    let trace = Trace::random(7, 6, 10).sampled(7, 100 * MS, 0, 0.01);
    let with = |ns| {
        let rail = RailInput {
            kernel: FitKernel::Trailing { ns },
            ..trace.rail()
        };
        trace
            .with_sensor(rail, |sensor| fit(sensor, &FitOptions::default()))
            .rails
            .remove(0)
            .expect("sound")
    };
    let same = with(100 * MS);
    assert!(same.weight > 0.9 && error(&trace, &same) < 0.05);
    let longer = with(1000 * MS);
    assert_eq!(longer.weight, 0.0);
    assert!(
        longer
            .warnings
            .iter()
            .any(|w| matches!(w, FitWarning::OverlappingMeans { .. }))
    );
    assert!(longer.warnings.iter().all(|w| !w.to_string().is_empty()));
}

/// The error of shares of time, all at one power.
fn error_of_time(trace: &Trace) -> f64 {
    let mut seconds = vec![0.0; trace.kinds.len()];
    for (start, end, kind) in &trace.pieces {
        seconds[*kind as usize] += (end - start) as f64 * 1e-9;
    }
    let truth = trace.truth();
    let all: f64 = truth.iter().sum();
    let level_w = all / seconds.iter().sum::<f64>();
    let off = seconds.iter().zip(&truth);
    off.map(|(s, t)| (s * level_w - t).abs()).sum::<f64>() / all
}

#[test]
fn fewer_merged_samples_than_kinds_are_hardly_worse_than_shares_of_time() {
    let (mut sum, mut time) = (0.0, 0.0);
    for seed in 8..16 {
        let trace = Trace::random(seed, 40, 2).sampled(seed, 100 * MS, 0, 0.01);
        assert!(trace.windows.len() < 40);
        let merged = RailInput {
            is_merged: true,
            ..trace.rail()
        };
        let fits = trace.with_sensor(merged, |sensor| fit(sensor, &FitOptions::default()));
        let rail = fits
            .rails
            .into_iter()
            .next()
            .expect("a rail")
            .expect("sound");
        sum += error(&trace, &rail) / 8.0;
        time += error_of_time(&trace) / 8.0;
        let mut warnings = rail.warnings.iter();
        assert!(warnings.any(|w| matches!(w, FitWarning::KindsPooled { .. })));
    }
    assert!(sum < time + 0.01, "{sum} of fits, {time} of shares of time");
}

#[test]
fn more_kinds_than_samples_separate_are_still_better_than_shares_of_time() {
    let trace = Trace::random(21, 90, 12).sampled(21, 100 * MS, 0, 0.01);
    let (_, rail) = fitted(&trace);
    let (fit, time) = (error(&trace, &rail), error_of_time(&trace));
    assert!(fit < time, "{fit} of the fit, {time} of shares of time");
}

/// A trace in which the sensor's clock is set during the run.
fn stepped(seed: u64, step: i64) -> Trace {
    let mut trace = Trace::random(seed, 8, 30);
    // Work with pauses of odd lengths, as in services.
    let mut random = Random::new(seed);
    let mut pauses = Vec::new();
    let mut at = 0;
    while at < 30_000 * MS {
        let [work, pause] = [0, 1].map(|_| (MS as f64 * (100.0 + 900.0 * random.uniform())) as i64);
        pauses.push((at + work, at + work + pause));
        at += work + pause;
    }
    let works = |piece: &(i64, i64, u32)| !pauses.iter().any(|r| piece.1 > r.0 && piece.0 < r.1);
    trace.pieces.retain(works);
    let mut trace = trace.sampled(seed, 100 * MS, 0, 0.01);
    let from = trace.windows.len() * 2 / 5;
    for window in &mut trace.windows[from..] {
        window.start_ns += step;
        window.end_ns += step;
    }
    trace
}

#[test]
fn a_clock_that_is_set_during_the_run_is_reported_and_widens_intervals() {
    let changes = |rail: &RailOutcome| {
        let mut warnings = rail.warnings.iter();
        warnings.find_map(|warning| match warning {
            FitWarning::OffsetChanges { from_ns, to_ns } => Some(to_ns - from_ns),
            _ => None,
        })
    };
    for seed in 40..43 {
        let (same, rail) = fitted(&stepped(seed, 0));
        assert_eq!(changes(&rail), None, "seed {seed}");
        for step in [60, 1_000, -700] {
            let (result, rail) = fitted(&stepped(seed, step * MS));
            let found = changes(&rail).unwrap_or_else(|| panic!("seed {seed}, {step} ms"));
            let off = found as f64 / 1e6 - step.abs() as f64;
            assert!(off.abs() < 20.0, "seed {seed}: {found} ns of {step} ms");
            assert!(result.clock_offset_sd_ns > 10.0 * same.clock_offset_sd_ns);
        }
    }
}
