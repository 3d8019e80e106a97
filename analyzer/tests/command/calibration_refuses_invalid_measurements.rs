//! Calibration refuses power that does not depend on the work, before it runs anything.

#![cfg(feature = "inference")]

use std::path::Path;
use std::time::Duration;

use energy_analyzer::calibrate::{CalibrateOptions, calibrate};
use energy_analyzer::options::SourceOptions;
use energy_analyzer::run::SpanDepth;
use energy_models::tiny::{self, TinyConfig};

fn options(folder: &Path, source: &str) -> CalibrateOptions {
    let model = folder.join("tiny.gguf");
    tiny::write_gguf(&model, &TinyConfig::default()).unwrap();
    CalibrateOptions {
        model: model.display().to_string(),
        power: SourceOptions {
            source: source.parse().unwrap(),
            ..SourceOptions::default()
        },
        ..CalibrateOptions::default()
    }
}

fn refusal(options: &CalibrateOptions) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut reports = 0;
    let error = calibrate(
        folder.path().join("energy.db").as_path(),
        options,
        &mut |_| reports += 1,
    )
    .unwrap_err();
    assert_eq!(reports, 0, "nothing was run before it was refused");
    error.to_string()
}

#[test]
fn modelled_and_replayed_power() {
    let folder = tempfile::tempdir().unwrap();
    let modelled = refusal(&options(folder.path(), "modelled"));
    assert!(
        modelled.starts_with("modelled power is a function of CPU time and cannot be calibrated"),
        "{modelled}"
    );
    let table = folder.path().join("power.csv");
    std::fs::write(
        &table,
        "t_start_ns,t_end_ns,rail,energy_mj\n0,100000000,cpu,500\n",
    )
    .unwrap();
    let replayed = refusal(&options(
        folder.path(),
        &format!("replay:{}", table.display()),
    ));
    assert!(
        replayed.contains("replayed power does not depend"),
        "{replayed}"
    );
}

#[test]
fn depths_whose_spans_all_have_children() {
    let folder = tempfile::tempdir().unwrap();
    for depth in [SpanDepth::Phase, SpanDepth::Layer] {
        let options = CalibrateOptions {
            depth,
            ..options(folder.path(), "auto")
        };
        assert!(refusal(&options).contains("module or deep"));
    }
}

#[test]
fn missing_models() {
    let folder = tempfile::tempdir().unwrap();
    let missing = CalibrateOptions {
        model: "no-such-file.gguf".to_owned(),
        budget: Duration::from_secs(60),
        ..options(folder.path(), "auto")
    };
    assert!(refusal(&missing).contains("no-such-file.gguf"));
}
