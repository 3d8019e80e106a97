//! On a simulated machine of known power, calibrated powers match the true ones.

use std::sync::Arc;

use crate::world::World;
use energy_analyzer::calibrate::{
    Bench, CalibrationSubject, KindPower, LEAST_RELATIVE_SD, MeasureOptions, MeasuredPowers, RunFn,
    UNKNOWN_RELATIVE_SD, measure,
};
use energy_data::units::Nanos;

/// Cost of the loop around a run in this world.
const LOOP: Nanos = Nanos::from_nanos(100);
const LOOP_W: f64 = 3.0;

/// Largest relative error of active power.
const TOLERANCE: f64 = 0.03;

struct Truth {
    kind: String,
    time: Nanos,
    watts: f64,
    layers: usize,
}

fn truth(kind: &str, time_ns: i64, watts: f64, layers: usize) -> Truth {
    Truth {
        kind: kind.to_owned(),
        time: Nanos::from_nanos(time_ns),
        watts,
        layers,
    }
}

fn subject<'w>(world: &'w World, truth: &'w Truth) -> CalibrationSubject<'w> {
    let run = |_| -> RunFn<'w> {
        Box::new(|| {
            world.spend(LOOP, LOOP_W);
            world.spend(truth.time, truth.watts);
            Ok(())
        })
    };
    CalibrationSubject {
        kind: truth.kind.clone(),
        runs: (0..truth.layers).map(run).collect(),
        passes: 1.0,
    }
}

fn run_world<'w>(
    world: &'w World,
    subjects: Vec<CalibrationSubject<'w>>,
    seconds: i64,
) -> anyhow::Result<MeasuredPowers> {
    let bench = Bench {
        subjects,
        empty: Box::new(|| {
            world.spend(LOOP, LOOP_W);
            Ok(())
        }),
        synchronize: Box::new(|| Ok(())),
        launches: false,
        sources: vec![Box::new(world.sensor())],
        clock: Arc::new(world.clone()),
        sleep: Box::new(|time| world.spend(time, 0.0)),
    };
    let budget = Nanos::from_millis(seconds * 1_000);
    measure(bench, &MeasureOptions { budget }, &mut |_| {})
}

fn power<'m>(measured: &'m MeasuredPowers, kind: &str) -> &'m KindPower {
    let mut found = measured.kinds.iter().filter(|power| power.kind == kind);
    let power = found
        .next()
        .unwrap_or_else(|| panic!("{kind} in {measured:?}"));
    assert!(found.next().is_none(), "{kind} on one root rail only");
    assert_eq!(power.rail, "package");
    power
}

fn assert_true(power: &KindPower, watts: f64) {
    let off = power.watts / watts - 1.0;
    assert!(off.abs() < TOLERANCE, "{power:?}, in truth {watts} W");
}

#[test]
fn every_kind_has_its_own_power() {
    let world = World::default();
    let truths = [
        truth("a", 2_000_000, 12.0, 3),
        truth("b", 300_000, 5.0, 3),
        // Shorter than 5 us: with the loop, 7.7 % too low.
        truth("c", 1_000, 20.0, 2),
    ];
    let subjects = truths.iter().map(|truth| subject(&world, truth)).collect();
    let measured = run_world(&world, subjects, 20).unwrap();
    for truth in &truths {
        let power = power(&measured, &truth.kind);
        assert_true(power, truth.watts);
        assert_eq!((power.rounds, power.together), (3, 1));
        assert_eq!(power.relative_sd, LEAST_RELATIVE_SD, "noise is below it");
        assert!(power.busy_ns > 900_000_000, "{power:?}");
    }
    assert_eq!(measured.silent_rails, ["gpu"], "{:?}", measured.kinds);
    assert!(measured.skipped.is_empty(), "{:?}", measured.skipped);
}

#[test]
fn kinds_beyond_the_budget_are_one_class() {
    let world = World::default();
    let mut truths: Vec<Truth> = (1..=9)
        .map(|k| truth(&format!("k{k}"), 100_000 * k, 8.0 + k as f64, 2))
        .collect();
    for small in &mut truths[..5] {
        small.watts = 7.0;
    }
    let subjects = truths.iter().map(|truth| subject(&world, truth)).collect();
    // Four idle times of 500 ms leave 2.6 s for each round: five slots.
    let measured = run_world(&world, subjects, 10).unwrap();
    for truth in &truths {
        let power = power(&measured, &truth.kind);
        let is_small = truth.watts == 7.0;
        assert_eq!(power.together, if is_small { 5 } else { 1 }, "{power:?}");
        assert_true(power, truth.watts);
        assert_eq!(power.relative_sd >= UNKNOWN_RELATIVE_SD, is_small);
    }
}

#[test]
fn a_run_that_fails_ends_it() {
    let world = World::default();
    let failing = CalibrationSubject {
        kind: "a".to_owned(),
        runs: vec![Box::new(|| anyhow::bail!("out of memory"))],
        passes: 1.0,
    };
    let error = run_world(&world, vec![failing], 10).unwrap_err();
    assert_eq!(error.to_string(), "out of memory");
}

#[cfg(feature = "inference")]
mod with_a_model {
    use super::*;
    use energy_analyzer::calibrate::subjects;
    use energy_models::capture::{CaptureOptions, Captured, capture};
    use energy_models::tiny::{self, TinyConfig};
    use energy_models::{LoadOptions, Model};

    fn captured() -> Captured {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.gguf");
        tiny::write_gguf(&path, &TinyConfig::default()).unwrap();
        let mut model = Model::load(&path, &LoadOptions::default()).unwrap();
        capture(&mut model, &CaptureOptions::default()).unwrap()
    }

    /// Steps are short and prompts long, each kind with its own power.
    fn truth_of(number: usize, kind: &str) -> Truth {
        let time_ns = if kind.contains("prefill") {
            4_000_000
        } else {
            90_000
        };
        truth(kind, time_ns, 4.0 + (number * 7 % 29) as f64 / 2.0, 1)
    }

    /// Runs the same work and also spends its true power for its true time.
    fn spending<'w>(
        world: &'w World,
        subject: CalibrationSubject<'w>,
        truth: &'w Truth,
    ) -> CalibrationSubject<'w> {
        let spending = |run: RunFn<'w>| -> RunFn<'w> {
            Box::new(move || {
                run()?;
                world.spend(truth.time, truth.watts);
                Ok(())
            })
        };
        CalibrationSubject {
            runs: subject.runs.into_iter().map(spending).collect(),
            ..subject
        }
    }

    #[test]
    fn every_operation_of_a_model_has_its_power() {
        let (world, captured) = (World::default(), captured());
        let kinds = subjects(&captured).into_iter().map(|subject| subject.kind);
        let numbered = kinds.enumerate();
        let truths: Vec<Truth> = numbered.map(|(k, kind)| truth_of(k, &kind)).collect();
        assert!(truths.len() > 25);
        let all = subjects(&captured).into_iter().zip(&truths);
        let all = all.map(|(subject, truth)| spending(&world, subject, truth));
        let measured = run_world(&world, all.collect(), 60).unwrap();
        for truth in &truths {
            let power = power(&measured, &truth.kind);
            assert_true(power, truth.watts);
            assert_eq!(power.together, 1, "{power:?}");
        }
    }
}
