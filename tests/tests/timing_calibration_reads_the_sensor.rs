//! `calibrate` with a sensor process: what it reads while a kind runs is the
//! kind's power, and the file holds it under the key of runs of that model. A program of its
//! own, because it sets environment variables.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use energy_analyzer::calibrate::{
    CalibrateOptions, CalibrationProgress, calibrate, key_of_run, machine,
};
use energy_analyzer::options::{RecordingOptions, SourceOptions};
use energy_analyzer::priors::{read_priors, write_priors};
use energy_analyzer::run::{RunOptions, record};
use energy_data::rows::RunRow;
use energy_models::tiny::{self, TinyConfig};
use energy_power::SourceChoice;
use energy_store::Store;

const IDLE_W: f64 = 4.0;
const DECODE_W: f64 = 16.0;
const PREFILL_W: f64 = 24.0;
/// On a loaded machine the sensor may learn late what runs; kinds differ by far more.
const TOLERANCE: f64 = 0.25;

fn watts(kind: &str) -> f64 {
    match kind {
        _ if kind.contains("decode") => IDLE_W + DECODE_W,
        _ if kind.contains("prefill") => IDLE_W + PREFILL_W,
        _ if kind.contains("together") => IDLE_W + 1.0,
        _ => IDLE_W,
    }
}

/// Sets the machine's power in the fake's file.
fn draw(file: &Path, watts: f64) {
    let new = file.with_extension("new");
    std::fs::write(&new, format!("cpu {watts}\n")).expect("written");
    std::fs::rename(&new, file).expect("replaced");
}

fn options(folder: &Path) -> CalibrateOptions {
    let model: PathBuf = folder.join("tiny.gguf");
    tiny::write_gguf(&model, &TinyConfig::default()).expect("a model");
    CalibrateOptions {
        model: model.display().to_string(),
        power: SourceOptions {
            source: SourceChoice::Powermetrics,
            interval: Duration::from_millis(100),
        },
        // Idle times take 2 s: five slots a round, the last for all small kinds.
        budget: Duration::from_secs(10),
        ..CalibrateOptions::default()
    }
}

/// A short run of the same model into the same file.
fn run(db: &Path, options: &CalibrateOptions) -> RunRow {
    let options = RunOptions {
        prompt: "hello".to_owned(),
        raw: true,
        max_tokens: 4,
        model: options.model.clone(),
        recording: RecordingOptions {
            power: options.power.clone(),
            baseline: Duration::ZERO,
            ..RecordingOptions::default()
        },
        ..RunOptions::default()
    };
    let recorded = record(db, &options, &mut std::io::sink(), &mut |_| {}).expect("recorded");
    let store = Store::open(db).expect("opens");
    store.find_run(&recorded.uuid).expect("found").row
}

#[test]
fn timing_calibration_reads_the_sensor() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("watts");
    draw(&file, IDLE_W);
    // SAFETY: the only test of this program; no other thread reads variables yet.
    unsafe {
        std::env::set_var(
            "TRACING_ENERGY_POWERMETRICS",
            env!("CARGO_BIN_EXE_fake-powermetrics"),
        );
        std::env::set_var("FAKE_POWERMETRICS_WATTS_FILE", &file);
    }
    let (db, options) = (folder.path().join("energy.db"), options(folder.path()));
    let mut lines = String::new();
    let calibrated = calibrate(&db, &options, &mut |progress| {
        if let CalibrationProgress::Measuring { kind, .. } = progress {
            draw(&file, watts(&kind));
            let _ = writeln!(lines, "{kind}");
        }
    })
    .expect("calibrated");

    assert_eq!(lines.matches("(idle)").count(), 4, "{lines}");
    let alone: Vec<_> = calibrated
        .measured
        .kinds
        .iter()
        .filter(|k| k.together == 1)
        .collect();
    assert!(alone.len() > 1, "{:?}", calibrated.measured);
    for kind in &alone {
        let truth = watts(&kind.kind) - IDLE_W;
        let off = kind.watts / truth - 1.0;
        assert!(off.abs() < TOLERANCE, "{kind:?}, in truth {truth} W");
        assert_eq!(kind.rail, "cpu");
    }
    assert_eq!(calibrated.measured.silent_rails, ["gpu", "ane"]);

    let key = &calibrated.row.key;
    assert_eq!(
        (key.machine.as_str(), key.source.as_str()),
        (machine().as_str(), "powermetrics")
    );
    assert_eq!((key.depth.as_str(), key.device.as_str()), ("module", "cpu"));
    let store = Store::open(&db).expect("opens");
    let found = store.find_calibration(key, false).expect("found");
    assert_eq!(
        (found.calibration.id, &found.calibration.row),
        (calibrated.id, &calibrated.row)
    );

    let of_run = key_of_run(&run(&db, &options), "powermetrics").expect("known");
    assert_eq!(&of_run, key);

    let table = folder.path().join("priors.csv");
    let mut out = Vec::new();
    let priors = calibrated.row.priors();
    write_priors(&mut out, &priors).expect("written");
    std::fs::write(&table, out).expect("written");
    assert_eq!(read_priors(&table).expect("read"), priors);
}
