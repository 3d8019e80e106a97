//! Tests the path from a child process to validated samples: the energy reported by the fake
//! powermetrics must arrive, to the millijoule.
#![cfg(unix)]

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use energy_data::units::Nanos;
use energy_power::MonotonicClock;
use energy_power::cpu_time;
use energy_power::powermetrics::{Launch, Powermetrics, PowermetricsOptions};
use energy_power::sampler::{Sampler, SamplerMessage};
use energy_power::{Notice, Sample};
use tracing_energy::Clock;

/// Runs the fake with `environment` until there are as many samples and a notice of the kind
/// that is awaited, and stops.
fn record(
    fake: &Path,
    environment: &[(&str, &str)],
    enough: usize,
    awaited: Option<&str>,
) -> (Vec<Sample>, Vec<Notice>) {
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
    let (mut samples, mut notices): (Vec<Sample>, Vec<Notice>) = Default::default();
    let mut keep = |message: SamplerMessage, notices: &mut Vec<Notice>| {
        match message {
            SamplerMessage::Reading { reading, .. } => {
                samples.extend(reading.samples);
                notices.extend(reading.notices);
            }
            SamplerMessage::Error { error, .. } => panic!("{error}"),
            _ => {}
        }
        samples.len()
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut kept = 0;
    while kept < enough || awaited.is_some_and(|kind| !notices.iter().any(|n| n.kind == kind)) {
        let left = deadline.saturating_duration_since(Instant::now());
        let message = messages.recv_timeout(left);
        kept = keep(
            message.expect("the sensor's samples arrive in time"),
            &mut notices,
        );
    }
    let watch = sampler.watch();
    let children = watch.child_pids().into_iter();
    assert!(children.filter_map(cpu_time::other_process).count() == 1);
    let own_times = watch.thread_ids().into_iter().map(cpu_time::thread);
    assert!(own_times.flatten().count() == 3);
    notices.extend(sampler.stop());
    for message in messages {
        keep(message, &mut notices);
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
    crate::undisturbed(|| {
        let fake = Path::new(env!("CARGO_BIN_EXE_fake-powermetrics"));
        let folder = tempfile::tempdir().unwrap();
        let watts = ("FAKE_POWERMETRICS_WATTS", "cpu=4@0,14@0.3s;gpu=0.5");
        let died = folder.path().join("died").display().to_string();
        let die_once = format!("nan,die-once:4:{died}");
        for (name, faults, notice) in [
            ("plain", "none", None),
            ("restarted", &*die_once, Some("restart")),
            ("warning", "warning:3", Some("rejected_document")),
        ] {
            let file = folder.path().join(name);
            let environment = [
                watts,
                ("FAKE_POWERMETRICS_TRUTH_FILE", file.to_str().unwrap()),
                ("FAKE_POWERMETRICS_MISBEHAVE", faults),
            ];
            let (samples, notices) = record(fake, &environment, 40, notice);
            // A sensor that a busy machine delays may miss some time, too.
            let mut kinds = notices.iter().map(|notice| notice.kind);
            let faults: Vec<_> = kinds.clone().filter(|kind| *kind != "gap").collect();
            assert_eq!(faults, Vec::from_iter(notice), "{name}");
            assert!(
                notice.is_none() || kinds.next_back() == Some("gap"),
                "{name}"
            );
            let measured = millijoules(&samples, 0);
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
        }
    });
}
