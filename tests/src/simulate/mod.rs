//! Simulated traces: spans, samples of power rails, and the true energy of each span.
//!
//! A program is drawn first (order and durations of spans, powers of kinds), then the
//! power of each rail over time (`power.rs` holds the model), then the readings of a
//! sampler with its own clock. The same scenario, seed and settings give
//! the same trace.
//!
//! The model is linear in the active spans, as the methods assume that are scored
//! with it; [`HARSH`] settings violate their other assumptions. The results do not apply
//! to real sensors.

mod calibration;
mod draws;
mod error;
mod files;
mod power;
mod program;
mod scenario;
mod segments;
mod sensor;
mod settings;
mod timeline;
mod trace;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};

pub use calibration::{CalibratedPower, CalibrationErrors, TrueCalibration};
pub use error::SimulateError;
pub use scenario::Scenario;
pub use segments::{SpanSegment, self_segments};
pub use settings::{HARSH, PeriodMode, SensorModel, Settings};
pub use trace::{
    KindTruth, RailTruth, SimulatedRail, SimulatedSample, SimulatedSpan, SimulatedTrace, TraceTruth,
};

use draws::{Draws, Purpose};
use program::{ProgramRecord, SimulatedProgram};
use timeline::RunTimeline;

/// Largest distance of the sampler's clock from the spans', ms, where it is drawn.
const LARGEST_OFFSET_MS: f64 = 30.0;

/// Makes a trace.
///
/// # Errors
/// Settings that describe no trace, such as a sampling period of zero.
pub fn simulate(
    scenario: Scenario,
    seed: u64,
    settings: &Settings,
) -> Result<SimulatedTrace, SimulateError> {
    settings.check()?;
    let mut program = SimulatedProgram::new(seed, settings);
    let end_ns = workloads::run(scenario, &mut program);
    let recorded = program.finish();
    let threads = self_segments(&recorded.spans);
    let timeline = RunTimeline::new(&threads, end_ns);
    let mut machine = Draws::new(seed, Purpose::Machine, 0);
    let drawn_ms = machine.uniform(-LARGEST_OFFSET_MS, LARGEST_OFFSET_MS);
    let clock_offset_ms = settings.clock_offset_ms.unwrap_or(drawn_ms);
    let gain = power::gain(settings, timeline.ticks(), &mut machine);

    let rails: BTreeSet<SimulatedRail> = recorded
        .kind_power_w
        .iter()
        .flat_map(|one| one.keys().copied())
        .collect();
    let mut truth = TraceTruth {
        clock_offset_ms,
        rails: BTreeMap::new(),
        kinds: Vec::new(),
        span_energy_mj: vec![0.0; recorded.spans.len()],
        powers_w: recorded
            .kinds
            .iter()
            .cloned()
            .zip(recorded.kind_power_w.iter().cloned())
            .collect(),
    };
    let times = KindTimes::new(&recorded, threads.iter().flatten());
    let mut samples = Vec::new();
    for rail in rails {
        let span_power_w = recorded.span_power_w(rail);
        let run = power::run_rail(settings, seed, rail, &timeline, &gain, &span_power_w);
        let measured = (rail, run.truth.sensor);
        samples.extend(sensor::sample_rail(
            settings,
            seed,
            measured,
            &run.meter,
            end_ns,
            clock_offset_ms,
        ));
        truth
            .kinds
            .extend(times.truth(&recorded, rail, &run.span_energy_mj));
        let all = truth.span_energy_mj.iter_mut();
        all.zip(&run.span_energy_mj)
            .for_each(|(all, one)| *all += one);
        truth.rails.insert(rail, run.truth);
    }
    Ok(SimulatedTrace {
        scenario,
        seed,
        settings: settings.clone(),
        kinds: recorded.kinds,
        spans: recorded.spans,
        samples,
        truth,
    })
}

impl ProgramRecord {
    /// Power of each span on `rail` while it runs alone, W.
    fn span_power_w(&self, rail: SimulatedRail) -> Vec<f64> {
        let kinds: Vec<f64> = self
            .kind_power_w
            .iter()
            .map(|by_rail| by_rail.get(&rail).copied().unwrap_or(0.0))
            .collect();
        let spans = self.spans.iter().zip(&self.span_factor);
        spans
            .map(|(span, factor)| kinds[span.kind] * factor)
            .collect()
    }
}

/// By kind, what is the same on all rails.
struct KindTimes {
    self_time_ns: Vec<i64>,
    count: Vec<u64>,
}

impl KindTimes {
    fn new<'a>(recorded: &ProgramRecord, segments: impl Iterator<Item = &'a SpanSegment>) -> Self {
        let mut times = Self {
            self_time_ns: vec![0; recorded.kinds.len()],
            count: vec![0; recorded.kinds.len()],
        };
        for segment in segments {
            let kind = recorded.spans[segment.span].kind;
            times.self_time_ns[kind] += segment.end_ns - segment.start_ns;
        }
        recorded
            .spans
            .iter()
            .for_each(|span| times.count[span.kind] += 1);
        times
    }

    /// Truth of all kinds that use `rail`.
    fn truth(
        &self,
        recorded: &ProgramRecord,
        rail: SimulatedRail,
        span_energy_mj: &[f64],
    ) -> Vec<KindTruth> {
        let mut energy_mj = vec![0.0; recorded.kinds.len()];
        for (span, energy) in recorded.spans.iter().zip(span_energy_mj) {
            energy_mj[span.kind] += energy;
        }
        let using = recorded.kind_power_w.iter().enumerate();
        let using = using.filter(|(_, by_rail)| by_rail.contains_key(&rail));
        let truth = using.map(|(kind, _)| KindTruth {
            kind,
            rail,
            energy_mj: energy_mj[kind],
            self_time_ns: self.self_time_ns[kind],
            count: self.count[kind],
        });
        truth.collect()
    }
}
