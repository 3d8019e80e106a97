//! A program without energy measurement, a concurrent sensor with a clock offset, and
//! `energy import chrome`: the offset is found, and each kind of work has the energy of its
//! power and time.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use energy_power::Recording;
use energy_tests::{FakeSensor, StoredRun, energy, send, until, wait, write_whole};

/// Delay of the trace's clock.
const OFF_MS: i64 = 730;
const IDLE_W: f64 = 4.0;
const KINDS: [(&str, f64); 3] = [("parse", 6.0), ("solve", 16.0), ("store", 10.0)];

/// Records the program, with idle time before and after it.
fn record(folder: &Path) {
    let watts = folder.join("watts");
    write_whole(&watts, &format!("cpu {IDLE_W}"));
    let sensor = FakeSensor::direct(env!("CARGO_BIN_EXE_fake-powermetrics"))
        .watts_from(&watts)
        .set("START_FILE", folder.join("started").display().to_string());
    let recording = std::fs::File::create(folder.join("power.plist")).expect("a file");
    let mut sensor = Command::new(env!("CARGO_BIN_EXE_fake-powermetrics"))
        .args(["-f", "plist", "-i", "100", "-s", "cpu_power"])
        .envs(sensor.environment())
        .stdin(Stdio::null())
        .stdout(recording)
        .spawn()
        .expect("a sensor");
    until("the sensor", || folder.join("started").exists());
    std::thread::sleep(Duration::from_millis(1_500));
    let program = Command::new(env!("CARGO_BIN_EXE_chrome-traced-program"))
        .arg(&watts)
        .current_dir(folder)
        .status();
    assert!(program.expect("a program").success());
    std::thread::sleep(Duration::from_millis(1_500));
    send(&sensor, libc::SIGTERM);
    wait(&mut sensor, "the sensor");
}

/// The trace, with the time of its name moved back: as written on a machine whose
/// clock was behind. Returns the start that it states.
fn put_off(folder: &Path) -> (PathBuf, i64) {
    let files = std::fs::read_dir(folder).expect("a folder");
    let micros = |path: &Path| -> Option<i64> {
        let stem = path.file_stem()?.to_str()?.strip_prefix("trace-")?;
        stem.parse().ok()
    };
    let found = files.filter_map(|file| {
        let path = file.ok()?.path();
        Some((micros(&path)?, path))
    });
    let found: Vec<(i64, PathBuf)> = found.collect();
    assert_eq!(found.len(), 1, "{found:?}");
    let start_us = found[0].0 - OFF_MS * 1_000;
    let moved = folder.join(format!("trace-{start_us}.json"));
    std::fs::rename(&found[0].1, &moved).expect("renamed");
    (moved, start_us * 1_000)
}

/// Returns the seconds of each kind in the trace.
fn times(trace: &Path) -> BTreeMap<String, f64> {
    let text = std::fs::read_to_string(trace).expect("a trace");
    let events: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a whole trace");
    let mut times = BTreeMap::new();
    for event in &events {
        let sign = match event["ph"].as_str() {
            Some("B") => -1.0,
            Some("E") => 1.0,
            _ => continue,
        };
        let name = event["name"].as_str().expect("a name").to_owned();
        *times.entry(name).or_insert(0.0) += sign * event["ts"].as_f64().expect("a time") * 1e-6;
    }
    times
}

fn messages(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn tracing_chrome_traces_get_energy() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        record(folder.path());
        let (trace, trace_unix_ns) = put_off(folder.path());
        let imported = energy(env!("CARGO_BIN_EXE_energy-command"))
            .current_dir(folder.path())
            .args(["import", "chrome", "--power", "power.plist"])
            .arg(trace.file_name().expect("a name"))
            .output()
            .expect("a command");
        let message = messages(&imported);
        eprintln!("{message}");
        assert!(imported.status.success(), "{message}");
        assert!(
            message.contains("by the method fitted, with intervals"),
            "{message}"
        );

        // powermetrics reports its start in whole seconds; the fake reports it exactly.
        let started = std::fs::read_to_string(folder.path().join("started")).expect("known");
        let started: i64 = started.parse().expect("a moment");
        let plist = Recording::open(&folder.path().join("power.plist")).expect("a recording");
        let placed = plist.wall.expect("a wall clock").start_unix_ns;
        let truth_ms = OFF_MS as f64 + (placed - started) as f64 / 1e6;
        let run = StoredRun::open(&folder.path().join("energy.db"), "last");
        let config = |what: &str| {
            run.number(&format!(
                "SELECT config ->> '$.{what}' FROM runs WHERE no = ?1"
            ))
        };
        let found_ms = config("clock_offset_ms");
        eprintln!(
            "offset {found_ms:.2} ms, in truth {truth_ms:.2} ms, sd {:.2}",
            config("clock_offset_sd_ms")
        );
        assert!((found_ms - truth_ms).abs() < 20.0, "{found_ms} {truth_ms}");
        let stored_ns = config("trace_start_unix_ns");
        assert!(
            (stored_ns - trace_unix_ns as f64).abs() < 1e4,
            "{stored_ns}"
        );

        let times = times(&trace);
        for (name, more_w) in KINDS {
            let truth_j = more_w * times[name];
            let figure = |column: &str| {
                run.number(&format!(
                "SELECT {column} FROM kind_energy k JOIN rails r ON r.run = k.run AND r.id = k.rail \
                 WHERE k.run = ?1 AND r.name = 'cpu' AND k.name = '{name}'"
            ))
            };
            let (own_j, lo_j, hi_j) = (figure("self_j"), figure("lo_j"), figure("hi_j"));
            eprintln!("{name}: {own_j:.2} J ({lo_j:.2} to {hi_j:.2}), in truth {truth_j:.2} J");
            // Nine intervals of ten hold the truth: half a width more on each side is
            // room for the tenth.
            let room = (hi_j - lo_j) / 2.0;
            let range = lo_j - room..=hi_j + room;
            assert!(range.contains(&truth_j), "{name}: {truth_j} {range:?}");
            assert!(
                (own_j - truth_j).abs() < 0.15 * truth_j,
                "{name}: {own_j} {truth_j}"
            );
        }
    });
}
