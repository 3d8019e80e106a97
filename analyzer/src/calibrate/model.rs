//! Calibrates a language model on this machine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use energy_data::rows::{CalibrationKey, CalibrationKindRow, CalibrationRow};
use energy_data::units::Nanos;
use energy_host as host;
use energy_models::capture::{CaptureOptions, Captured, capture};
use energy_models::{Device, LoadOptions, Model, ModelInfo, device};
use energy_power::MonotonicClock;
use energy_power::cpu_time;
use energy_power::{OpenOptions, PowerSource};
use energy_store::Store;
use tracing_energy::Clock;

use super::measure::{Bench, CalibrationProgress, MeasureOptions, MeasuredPowers, measure};
use super::meter::refuse_unmeasured;
use super::options::CalibrateOptions;
use super::slot::{CalibrationSubject, RunFn};
use crate::error::Error;
use crate::run::{RunEvent, RunOptions, SpanDepth};

/// A stored calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCalibration {
    /// Id in the file.
    pub id: i64,
    /// Stored row.
    pub row: CalibrationRow,
    /// Result of the measurement.
    pub measured: MeasuredPowers,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// Measures the power of each kind of the model's operations on this machine and stores it.
///
/// # Errors
/// If the model cannot be loaded, the source does not measure, the budget is too short, or
/// the database cannot be written.
pub fn calibrate(
    db: &Path,
    options: &CalibrateOptions,
    progress: &mut dyn FnMut(CalibrationProgress),
) -> anyhow::Result<ModelCalibration> {
    if options.depth < SpanDepth::Module {
        let text = format!(
            "--depth {} has only spans with children, which cannot be calibrated; use --depth \
             module or deep",
            crate::run::options::name(&options.depth)
        );
        return Err(Error::Request(text).into());
    }
    // Fail before the measurement, which takes minutes.
    let device = crate::run::open_device(&options.device)?;
    let path = crate::run::model_path(&options.model, &mut |event| {
        if let RunEvent::Step(step) = event {
            progress(CalibrationProgress::Preparing {
                step: step.to_owned(),
            });
        }
    })?;
    let store = Store::create(db)?;
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
    let sources = open(options, &clock)?;
    let names: Vec<_> = sources.iter().map(|s| s.describe().name).collect();
    let source = names.join("+");
    let checksum = crate::run::model_checksum(&path)?;
    let (model, captured) = load(options, &path, device)?;
    let bench = Bench {
        subjects: subjects(&captured),
        empty: Box::new(|| Ok(())),
        synchronize: Box::new(|| Ok(captured.synchronize()?)),
        launches: captured.launches(),
        sources,
        clock,
        sleep: Box::new(|time| std::thread::sleep(time.duration())),
    };
    let budget = Nanos::from(options.budget);
    let others = OtherPrograms::watch();
    let measured = measure(bench, &MeasureOptions { budget }, progress)?;
    let warnings: Vec<String> = others.warning().into_iter().collect();
    let mut kinds: Vec<_> = measured.kinds.iter().map(kind_row).collect();
    // Same order as read from the file.
    kinds.sort_by(|a, b| (&a.rail, &a.kind).cmp(&(&b.rail, &b.kind)));
    let row = CalibrationRow {
        created_unix_ns: host::unix_ns(),
        key: key(options, model.info(), checksum, source),
        details: details(options, &captured, &measured, &warnings),
        kinds,
    };
    anyhow::ensure!(
        !row.kinds.is_empty(),
        "no operation is above idle power on any rail ({}); check the source, and that the machine is idle",
        measured.silent_rails.join(", ")
    );
    let id = store.insert_calibration(&row)?;
    Ok(ModelCalibration {
        id,
        row,
        measured,
        warnings,
    })
}

/// Number of processors that other programs may keep busy without a warning; an idle system
/// and the sensor's process need less.
const QUIET_PROCESSORS: f64 = 0.1;

/// CPU time of other programs since a point in time. Their power is attributed to the kinds
/// that run at the same time.
struct OtherPrograms {
    since: Instant,
    begin: Option<Nanos>,
}

impl OtherPrograms {
    fn watch() -> Self {
        Self {
            since: Instant::now(),
            begin: Self::now(),
        }
    }

    /// Returns the machine's CPU time minus this process's.
    fn now() -> Option<Nanos> {
        Some(cpu_time::machine()? - cpu_time::process()?)
    }

    fn warning(&self) -> Option<String> {
        let spent = (Self::now()? - self.begin?).seconds();
        let busy = spent / self.since.elapsed().as_secs_f64();
        (busy > QUIET_PROCESSORS).then(|| {
            format!("other programs kept {busy:.1} processors busy during the measurement, which falsifies powers: calibrate again on an idle machine")
        })
    }
}

fn open(
    options: &CalibrateOptions,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Vec<Box<dyn PowerSource>>> {
    let open = OpenOptions {
        interval: Nanos::from(options.power.interval),
        ..OpenOptions::default()
    };
    let opened = energy_power::open(&options.power.source, &open, clock)?;
    refuse_unmeasured(&opened.sources).map_err(|error| {
        let mut text = error.to_string();
        for notice in opened.notices.iter().filter(|n| n.kind == "source_refused") {
            text.push_str(&format!("\n{}", notice.message));
        }
        anyhow::Error::msg(text)
    })?;
    Ok(opened.sources)
}

fn load(
    options: &CalibrateOptions,
    path: &Path,
    device: Device,
) -> anyhow::Result<(Model, Captured)> {
    let load = LoadOptions {
        device,
        depth: options.depth.of_model(),
        requantize: options.requantize.of_model(),
        ..LoadOptions::default()
    };
    let mut model = Model::load(path, &load)?;
    let captured = capture(&mut model, &CaptureOptions::default())?;
    Ok((model, captured))
}

/// Returns the kinds of captured operations, in order of execution.
pub fn subjects(captured: &Captured) -> Vec<CalibrationSubject<'_>> {
    let mut subjects: Vec<CalibrationSubject<'_>> = Vec::new();
    for case in &captured.cases {
        let run: RunFn<'_> = Box::new(|| Ok(case.run()?));
        match subjects.iter_mut().find(|known| known.kind == case.kind) {
            Some(known) => known.runs.push(run),
            None => subjects.push(CalibrationSubject {
                kind: case.kind.clone(),
                runs: vec![run],
                passes: passes(&case.kind),
            }),
        }
    }
    subjects
}

/// Returns the number of passes in a usual generation: one prefill, and a decode step per
/// token.
fn passes(kind: &str) -> f64 {
    let is_step = kind
        .split(" > ")
        .any(|name| name == energy_models::instrument::names::TOKEN);
    if is_step {
        RunOptions::default().max_tokens as f64
    } else {
        1.0
    }
}

fn key(
    options: &CalibrateOptions,
    info: &ModelInfo,
    checksum: String,
    source: String,
) -> CalibrationKey {
    CalibrationKey {
        machine: super::machine(),
        model: checksum,
        precision: info.precision.clone(),
        threads: u32::try_from(device::threads()).unwrap_or(u32::MAX),
        device: info.device.clone(),
        depth: options.depth.of_model().as_str().to_owned(),
        source,
    }
}

fn details(
    options: &CalibrateOptions,
    captured: &Captured,
    measured: &MeasuredPowers,
    warnings: &[String],
) -> String {
    let skipped = measured.skipped.iter().map(|skipped| {
        serde_json::json!({ "rail": skipped.rail, "kind": skipped.kind, "why": skipped.why })
    });
    let together = measured.kinds.iter().filter(|kind| kind.together > 1);
    let together: Vec<_> = together.map(|kind| (&kind.rail, &kind.kind)).collect();
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"), "model": options.model,
        "prompt_tokens": captured.prompt_tokens, "context": captured.context,
        "interval_ns": Nanos::from(options.power.interval).nanos(), "budget_ns": Nanos::from(options.budget).nanos(),
        "rounds": measured.rounds, "slot_ns": measured.slot.nanos(), "idle_ns": measured.idle.nanos(),
        "silent_rails": measured.silent_rails, "warnings": warnings, "measured_together": together, "skipped": skipped.collect::<Vec<_>>(),
    })
    .to_string()
}

fn kind_row(power: &super::KindPower) -> CalibrationKindRow {
    CalibrationKindRow {
        rail: power.rail.clone(),
        kind: power.kind.clone(),
        watts: power.watts,
        relative_sd: power.relative_sd,
        rounds: power.rounds,
        busy_ns: power.busy_ns,
    }
}
