//! Calibrates the program, records it several times, and attributes each run by
//! every method.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use energy_analyzer::calibrate::{
    Bench, CalibrationProgress, CalibrationSubject, MeasureOptions, MeasuredPowers, RunFn, measure,
    subjects,
};
use energy_analyzer::query::{GroupBy, Recording, shares};
use energy_attribution::imbalance;
use energy_data::AttributeOptions;
use energy_data::Prior;
use energy_data::units::Nanos;
use energy_models::capture::{CaptureOptions, capture};
use energy_models::{Depth, Model};
use energy_power::MonotonicClock;
use energy_store::reattribute;
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use tracing_energy::{EnergyLayer, Method};
use tracing_subscriber::prelude::*;

use super::program::{model, work};
use super::{Reads, Score, TrueSensor, TruthLayer, TruthMeter};
use crate::StoredRun;

/// Schedule of calibration and recordings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TruthSchedule {
    /// Depth of the model's spans. Only spans without children are calibrated: at
    /// the depth `module` attention has much self time.
    pub depth: Depth,
    /// Recordings.
    pub runs: u32,
    /// Length of each.
    pub time: Duration,
    /// Time to calibrate for.
    pub calibration: Duration,
    /// The sensor.
    pub reads: Reads,
}

/// Result of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Scores by method.
    pub scores: Vec<(Method, Score)>,
    /// Largest error of any balance, relative to its largest account.
    pub imbalance: f64,
    /// Warnings of the estimating methods.
    pub warnings: Vec<String>,
}

/// Any error of the schedule.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the schedule in `folder`; `report` receives progress messages.
///
/// # Errors
/// Errors of the model, the recorder or a method.
pub fn follow(
    schedule: &TruthSchedule,
    folder: &Path,
    report: &mut dyn FnMut(String),
) -> Result<Vec<Outcome>, Failure> {
    let meter = TruthMeter::default();
    let mut model = model(folder, schedule.depth)?;
    let measured = calibrate(schedule, &meter, &mut model, report)?;
    report(format!("calibrated {} kinds", measured.kinds.len()));
    for skipped in &measured.skipped {
        report(format!("{}: {}", skipped.kind, skipped.why));
    }
    let priors = priors(&measured);
    let mut runs = Vec::new();
    for number in 0..schedule.runs {
        let mut random = ChaCha12Rng::seed_from_u64(schedule.reads.seed + u64::from(number));
        let recorded = record(schedule, folder, &meter, || {
            work(&mut model, schedule.time, &mut random)
        })?;
        let outcome = attribute(folder, &recorded, &priors)?;
        report(format!("recorded run {} of {}", number + 1, schedule.runs));
        runs.push(outcome);
    }
    Ok(runs)
}

/// Cases run outside of spans, so their kinds are reported to the meter explicitly.
fn calibrate(
    schedule: &TruthSchedule,
    meter: &TruthMeter,
    model: &mut Model,
    report: &mut dyn FnMut(String),
) -> Result<MeasuredPowers, Failure> {
    let captured = capture(model, &CaptureOptions::default())?;
    let known = |subject: CalibrationSubject<'_>| meter.kind(&subject.kind);
    let kinds: Vec<u32> = subjects(&captured).into_iter().map(known).collect();
    let counted = |(subject, kind): (_, u32)| counted(meter, subject, kind);
    let bench = Bench {
        subjects: subjects(&captured)
            .into_iter()
            .zip(kinds)
            .map(counted)
            .collect(),
        empty: Box::new(|| Ok(())),
        synchronize: Box::new(|| Ok(captured.synchronize()?)),
        launches: captured.launches(),
        sources: vec![Box::new(TrueSensor::new(meter, schedule.reads))],
        clock: Arc::new(MonotonicClock::starting_in(Duration::ZERO)),
        sleep: Box::new(|time| std::thread::sleep(time.duration())),
    };
    let budget = Nanos::from(schedule.calibration);
    let mut progress = |progress| {
        if let CalibrationProgress::Measuring { done: 0, slots, .. } = progress {
            report(format!("calibrating in {slots} slots"));
        }
    };
    Ok(measure(bench, &MeasureOptions { budget }, &mut progress)?)
}

/// The same work, whose true energy is counted.
fn counted<'m>(
    meter: &'m TruthMeter,
    subject: CalibrationSubject<'m>,
    kind: u32,
) -> CalibrationSubject<'m> {
    let count = |run: RunFn<'m>| -> RunFn<'m> { Box::new(move || meter.working(kind, &run)) };
    CalibrationSubject {
        runs: subject.runs.into_iter().map(count).collect(),
        ..subject
    }
}

fn priors(measured: &MeasuredPowers) -> Vec<Prior> {
    let prior = |kind: &energy_analyzer::calibrate::KindPower| Prior {
        kind: kind.kind.clone(),
        watts: kind.watts,
        relative_sd: kind.relative_sd,
        rail: Some(kind.rail.clone()),
    };
    measured.kinds.iter().map(prior).collect()
}

/// A recording with its truth.
struct RecordedRun {
    uuid: String,
    truth: HashMap<String, f64>,
}

fn record(
    schedule: &TruthSchedule,
    folder: &Path,
    meter: &TruthMeter,
    work: impl FnOnce() -> Result<(), energy_models::Error>,
) -> Result<RecordedRun, Failure> {
    let before = meter.by_kind();
    let sensor = TrueSensor::new(meter, schedule.reads);
    let (layer, guard) = EnergyLayer::builder()
        .database(folder.join("energy.db"))
        .interval(schedule.reads.interval.duration())
        .power_source(sensor)
        .baseline(Duration::from_secs(1))
        .build()?;
    let subscriber = tracing_subscriber::registry().with(TruthLayer::new(meter));
    tracing::subscriber::with_default(subscriber.with(layer), work)?;
    let summary = guard.finish();
    let earlier = |kind: &String| before.get(kind).copied().unwrap_or(0.0);
    let after = meter.by_kind().into_iter();
    let truth = after.map(|(kind, energy)| (kind.clone(), energy - earlier(&kind)));
    Ok(RecordedRun {
        uuid: summary.uuid,
        truth: truth.collect(),
    })
}

fn attribute(folder: &Path, recorded: &RecordedRun, priors: &[Prior]) -> Result<Outcome, Failure> {
    let path = folder.join("energy.db");
    let mut outcome = Outcome {
        scores: Vec::new(),
        imbalance: 0.0,
        warnings: Vec::new(),
    };
    for method in Method::ALL {
        let options = AttributeOptions {
            priors: match method {
                Method::Calibrated => priors.to_vec(),
                _ => Vec::new(),
            },
            ..AttributeOptions::new(method)
        };
        reattribute(&path, &recorded.uuid, &options)?;
        let recording = Recording::open(&path)?;
        let run = recording.run(&recorded.uuid)?;
        let shares = shares(&recording, &run, None, GroupBy::Kind, false)?;
        let score = Score::new(&recorded.truth, &shares);
        outcome.scores.push((method, score));
        let stored = StoredRun::open(&path, &recorded.uuid);
        outcome.warnings.extend(stored.warnings());
        for accounts in ["balance", "sample_balance"].map(|table| stored.accounts(table)) {
            let off = accounts.iter().map(imbalance);
            outcome.imbalance = off.fold(outcome.imbalance, f64::max);
        }
    }
    Ok(outcome)
}

impl Outcome {
    /// The score of a method.
    ///
    /// # Panics
    /// For a method that was not run.
    pub fn score(&self, method: Method) -> &Score {
        let found = self.scores.iter().find(|(of, _)| *of == method);
        &found.expect("every method was used").1
    }
}
