//! Tests the path from a child process to validated samples: the energy reported by the fake
//! powermetrics must arrive, to the millijoule.
#![cfg(unix)]

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use energy_data::units::Nanos;
use energy_power::MonotonicClock;
use energy_power::cpu_time;
use energy_power::powermetrics::{Launch, Powermetrics, PowermetricsOptions};
use energy_power::sampler::{Sampler, SamplerMessage};
use energy_power::{Notice, Sample};
use tracing_energy::Clock;

/// Runs the fake with `environment` for `millis` and stops.
fn record(fake: &Path, environment: &[(&str, &str)], millis: u64) -> (Vec<Sample>, Vec<Notice>) {
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
    let settings = environment
        .iter()
        .map(|(name, value)| format!("{name}={value}").into());
    let options = PowermetricsOptions {
        launch: Launch {
            program: "/usr/bin/env".into(),
            arguments: settings.chain([fake.into()]).collect(),
        },
        interval: Nanos::from_millis(50),
        bound: None,
    };
    let source = Powermetrics::open(Arc::clone(&clock), options).unwrap();
    let (sender, messages) = mpsc::channel();
    let sampler = Sampler::spawn(vec![Box::new(source)], clock, sender);
    std::thread::sleep(Duration::from_millis(millis));
    let watch = sampler.watch();
    let children = watch.child_pids().into_iter();
    assert!(children.filter_map(cpu_time::other_process).count() == 1);
    let own_times = watch.thread_ids().into_iter().map(cpu_time::thread);
    assert!(own_times.flatten().count() == 3);
    let mut notices = sampler.stop();
    let mut samples = Vec::new();
    for message in messages {
        match message {
            SamplerMessage::Reading { reading, .. } => {
                samples.extend(reading.samples);
                notices.extend(reading.notices);
            }
            SamplerMessage::Error { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
    (samples, notices)
}

fn millijoules(samples: &[Sample], rail: usize) -> i64 {
    let joules = samples.iter().filter(|sample| sample.rail == rail);
    let joules: f64 = joules
        .filter_map(|sample| sample.energy)
        .map(|e| e.joules())
        .sum();
    (joules * 1e3).round() as i64
}

fn true_millijoules(file: &Path, rail: &str) -> i64 {
    let text = std::fs::read_to_string(file).unwrap();
    let joules = text.lines().filter_map(|line| line.strip_prefix(rail));
    let joules: f64 = joules
        .map(|joules| joules.trim().parse::<f64>().unwrap())
        .sum();
    (joules * 1e3).round() as i64
}

#[test]
fn all_energy_of_the_fake_sensor_is_recorded() {
    let _alone = crate::alone();
    let fake = Path::new(env!("CARGO_BIN_EXE_fake-powermetrics"));
    let folder = tempfile::tempdir().unwrap();
    let watts = ("FAKE_POWERMETRICS_WATTS", "cpu=4@0,14@0.3s;gpu=0.5");
    let died = folder.path().join("died").display().to_string();
    let die_once = format!("nan,die-once:4:{died}");
    for (name, faults) in [
        ("plain", "none"),
        ("restarted", &die_once),
        ("warning", "warning:3"),
    ] {
        let file = folder.path().join(name);
        let environment = [
            watts,
            ("FAKE_POWERMETRICS_TRUTH_FILE", file.to_str().unwrap()),
            ("FAKE_POWERMETRICS_MISBEHAVE", faults),
        ];
        let (samples, notices) = record(fake, &environment, 1_200);
        let kinds: Vec<_> = notices.iter().map(|notice| notice.kind).collect();
        let measured = millijoules(&samples, 0);
        match name {
            "plain" => assert_eq!(kinds, [""; 0]),
            "restarted" => assert_eq!(kinds, ["restart", "gap"]),
            _ => assert_eq!(kinds, ["rejected_document", "gap"]),
        }
        if name == "warning" {
            assert!(measured < true_millijoules(&file, "cpu"));
        } else {
            assert_eq!(measured, true_millijoules(&file, "cpu"), "{name}");
            assert_eq!(
                millijoules(&samples, 1),
                true_millijoules(&file, "gpu"),
                "{name}"
            );
        }
        assert!(samples.len() > 20, "{name}: {samples:?}");
    }
}
