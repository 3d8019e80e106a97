//! A sensor that cannot be started: `auto` reports the reason and models the power, an
//! explicit choice is an error with the next step.

use std::path::Path;

use energy_power::{SourceChoice, SourceError};
use energy_tests::{FakeSensor, StoredRun, energy_run, record_with, sensing, tokens};
use tracing_energy::{EnergyLayerBuilder, Error};

fn builder(path: &Path, choice: SourceChoice, sensor: &FakeSensor) -> EnergyLayerBuilder {
    let launch = Some(sensor.launch());
    sensing(path, choice, |options| options.powermetrics = launch)
}

/// Returns the error of an explicit choice of `sensor`, and the event of `auto`.
fn refused(sensor: &FakeSensor) -> (SourceError, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let error = match builder(&path, SourceChoice::Powermetrics, sensor).build() {
        Err(Error::Source(error)) => error,
        other => panic!("{other:?}"),
    };
    let summary = record_with(builder(&path, SourceChoice::Auto, sensor), || tokens(200));
    assert!(
        summary
            .rails
            .iter()
            .all(|rail| rail.rail.starts_with("modelled/"))
    );
    for words in ["power is modelled", "powermetrics"] {
        let is_reported = summary.warnings.iter().any(|text| text.contains(words));
        assert!(is_reported, "{words}: {:?}", summary.warnings);
    }
    let run = StoredRun::open(&path, "last");
    run.assert_whole(2 + 3 * 200);
    assert!(run.events("source_refused") > 0 && run.events("modelled") == 1);
    let message: String = run
        .store()
        .connection()
        .query_row(
            "SELECT message FROM events WHERE run = ?1 AND kind = 'source_refused' ORDER BY seq",
            [run.no],
            |row| row.get(0),
        )
        .expect("a notice");
    (error, message)
}

#[test]
fn sudo_wants_a_password() {
    let fake = FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics"));
    let (error, message) = refused(&fake.set("MISBEHAVE", "sudo"));
    assert!(matches!(error, SourceError::NotPermitted { .. }), "{error}");
    for text in [error.to_string(), message] {
        assert!(text.contains("NOPASSWD: /usr/bin/powermetrics"), "{text}");
    }
}

#[test]
fn the_executable_is_missing() {
    let (error, message) = refused(&FakeSensor::direct("/not/there/powermetrics"));
    assert!(matches!(error, SourceError::NotPresent { .. }), "{error}");
    for text in [error.to_string(), message] {
        assert!(text.contains("/not/there/powermetrics"), "{text}");
    }
}

/// Without options: the variable alone names the sensor.
#[test]
fn the_command_uses_the_sensor_of_its_variable() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let fake = FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics"));
    let run = |source: &str, sensor: &FakeSensor| {
        let mut command = energy_run(env!("CARGO_BIN_EXE_energy-command"), folder.path());
        command
            .args(["--source", source, "--max-tokens", "4"])
            .args([Path::new("--db"), &path])
            .envs(sensor.environment());
        let output = command.output().expect("the command");
        // The summary has it on stdout, an error goes to stderr.
        let message = [output.stdout, output.stderr].concat();
        let message = String::from_utf8_lossy(&message);
        let words: Vec<_> = message.split_whitespace().collect();
        (output.status.code(), words.join(" "))
    };
    let sources = || {
        let run = StoredRun::open(&path, "last");
        let rails = run.store().rails(run.no).and_then(|rows| rows.all());
        let rails = rails.expect("rails").into_iter();
        rails.map(|rail| rail.source).collect::<Vec<_>>()
    };
    let (code, message) = run("auto", &fake);
    assert_eq!(code, Some(0), "{message}");
    assert_eq!(sources(), ["powermetrics"; 3]);

    let refused = fake.set("MISBEHAVE", "superuser");
    let (code, message) = run("auto", &refused);
    assert_eq!(code, Some(0), "{message}");
    assert!(
        message.contains("NOPASSWD: /usr/bin/powermetrics"),
        "{message}"
    );
    assert!(!sources().contains(&"powermetrics".to_owned()));

    let before = StoredRun::open(&path, "last").no;
    let (code, message) = run("powermetrics", &refused);
    assert_eq!(code, Some(1), "{message}");
    assert!(
        message.contains("NOPASSWD: /usr/bin/powermetrics"),
        "{message}"
    );
    assert_eq!(
        StoredRun::open(&path, "last").no,
        before,
        "nothing was recorded"
    );
}
