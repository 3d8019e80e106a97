//! Tests the live source with scripted sensors.
#![cfg(unix)]

use crate::fake::{Fake, clock, millijoules, notices};
use crate::waiting::until;
use energy_data::units::Nanos;
use energy_power::powermetrics::{Launch, Powermetrics, PowermetricsOptions};
use energy_power::{PowerSource, Reading, SourceError};

/// Reads until `done`, for at most half a minute.
fn read_until(source: &mut Powermetrics, done: impl Fn(&Reading) -> bool) -> Reading {
    let clock = clock();
    let mut reading = Reading::default();
    for _ in 0..600 {
        if done(&reading) {
            return reading;
        }
        let timeout = Nanos::from_millis(50);
        source.read(&*clock, timeout, &mut reading).unwrap();
    }
    panic!("not done within half a minute: {reading:?}");
}

fn stop(source: &mut Powermetrics) -> Reading {
    let mut reading = Reading::default();
    source.stop(&*clock(), &mut reading);
    reading
}

#[test]
fn rails_and_first_samples_are_available_after_open() {
    let fake = Fake::new("document 7; next 8; while :; do next 9; done");
    let mut source = fake.open().unwrap();
    let description = source.describe();
    let names: Vec<_> = description.rails.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["cpu", "gpu", "ane"]);
    assert!(description.limits[0].contains("Mac0,0"));
    assert!(source.child_pid().is_some());
    let reading = read_until(&mut source, |reading| reading.samples.len() >= 6);
    assert_eq!(millijoules(&reading, 0)[..2], [Some(7), Some(8)]);
    assert_eq!(
        reading.samples[0].end - reading.samples[0].start,
        Nanos::from_millis(50)
    );
    // Threads register once they run, which on a busy machine may be late.
    for _ in 0..600 {
        if source.own_threads().len() == 2 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(source.own_threads().len(), 2);
    // The scripts' sleeps are longer on a busy machine.
    let reading = stop(&mut source);
    let mut kinds = notices(&reading).into_iter();
    assert!(
        kinds.all(|kind| ["gap", "overlap"].contains(&kind)),
        "{reading:?}"
    );
    assert_eq!(source.child_pid(), None);
}

#[test]
fn documents_after_the_signal_count() {
    let fake = Fake::new(
        "trap 'next 9; printf \"\\0<?xml cut\"; exit 0' TERM; document 7; while :; do sleep 0.01; done",
    );
    let mut source = fake.open().unwrap();
    let reading = stop(&mut source);
    assert_eq!(millijoules(&reading, 0), [Some(7), Some(9)]);
    assert!(!notices(&reading).contains(&"sensor_left"), "{reading:?}");
}

#[test]
fn a_child_that_ignores_the_signal_ends_when_the_pipe_is_closed() {
    let fake = Fake::new(
        "trap '' TERM; document 7; while :; do sleep 0.02; next 1 || exit; echo x >>\"$1/written\"; done",
    );
    let mut source = fake.open().unwrap();
    let reading = stop(&mut source);
    assert_eq!(source.child_pid(), None);
    assert!(reading.samples.len() > 3);
    // The pipe is closed: a write fails and the script ends.
    let length = || std::fs::metadata(fake.folder.path().join("written")).map_or(0, |m| m.len());
    let mut last = length();
    for _ in 0..100 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        if length() == last {
            return;
        }
        last = length();
    }
    panic!("the child still writes");
}

#[test]
fn the_child_has_no_stdin_and_its_own_process_group() {
    let fake = Fake::new(
        "read line && touch \"$1/had-input\"; document 7; \
         set -- \"$1\" $(cut -d')' -f2 /proc/$$/stat 2>/dev/null || true); \
         echo \"$$ $4\" >\"$1/group\"; touch \"$1/ready\"; sleep 60",
    );
    let mut source = fake.open().unwrap();
    until("the child starts", || fake.has("ready"));
    assert!(!fake.has("had-input"));
    let text = std::fs::read_to_string(fake.folder.path().join("group")).unwrap();
    if let [pid, group] = text.split_whitespace().collect::<Vec<_>>()[..] {
        assert_eq!(pid, group);
    }
    stop(&mut source);
}

#[test]
fn a_refusal_of_sudo_contains_the_sudoers_line() {
    let scripts = [
        "echo 'sudo: a password is required' >&2; exit 1",
        "echo 'powermetrics must be invoked as the superuser'; exit 1",
    ];
    for script in scripts {
        let error = Fake::new(script).open().err().unwrap();
        assert!(matches!(error, SourceError::NotPermitted { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains("NOPASSWD: /usr/bin/powermetrics")
        );
    }
}

#[test]
fn an_unknown_sampler_is_omitted() {
    let fake = Fake::new(
        "case \"$*\" in *ane_power*) echo 'unrecognized sampler: ane_power' >&2; exit 64;; esac; \
         document 7; sleep 60",
    );
    let mut source = fake.open().unwrap();
    assert!(source.describe().limits[0].contains("samplers cpu_power,gpu_power,thermal"));
    stop(&mut source);
}

#[test]
fn other_failures_contain_the_childs_output() {
    let error = Fake::new("echo 'no such luck' >&2; exit 3")
        .open()
        .err()
        .unwrap();
    assert!(matches!(error, SourceError::Retry { .. }), "{error}");
    assert!(error.to_string().contains("no such luck"), "{error}");
    let error = Fake::new("keys; printf '</dict>\\n</plist>\\n'; sleep 60")
        .open()
        .err()
        .unwrap();
    assert!(matches!(error, SourceError::NotPresent { .. }), "{error}");
    let options = PowermetricsOptions {
        launch: Launch::direct("/nonexistent/powermetrics"),
        ..Fake::new("").options()
    };
    let error = Powermetrics::open(clock(), options).err().unwrap();
    assert!(matches!(error, SourceError::NotPresent { .. }), "{error}");
}

#[test]
fn a_child_without_output_is_an_error() {
    let error = Fake::new("exec sleep 60").open().err().unwrap();
    assert!(
        error.to_string().contains("no document arrived in time"),
        "{error}"
    );
}

#[test]
fn invalid_documents_and_totals_are_reported_and_dropped() {
    let fake = Fake::new(
        "DELTA=false document 99; DELTA=true; next 7; \
         printf '\\0<plist version=\"1.0\">\\nwarning: x\\n</plist>\\n'; next 8; \
         while :; do next 9; done",
    );
    let mut source = fake.open().unwrap();
    let reading = read_until(&mut source, |reading| reading.samples.len() >= 6);
    assert_eq!(millijoules(&reading, 0)[..2], [Some(7), Some(8)]);
    let rejected: Vec<_> = reading
        .notices
        .iter()
        .filter(|notice| notice.kind == "rejected_document")
        .collect();
    assert_eq!(rejected.len(), 2);
    assert!(rejected[1].message.contains("line 2: "), "{rejected:?}");
    stop(&mut source);
}

#[test]
fn a_dead_child_is_restarted_and_the_gap_is_reported() {
    let fake = Fake::new(
        "if [ -e \"$1/second\" ]; then document 8; sleep 60; fi; \
         touch \"$1/second\"; document 7; echo 'out of luck' >&2; exit 9",
    );
    let mut source = fake.open().unwrap();
    let reading = read_until(&mut source, |reading| reading.samples.len() >= 6);
    assert_eq!(millijoules(&reading, 0), [Some(7), Some(8)]);
    assert_eq!(notices(&reading), ["restart", "gap"]);
    assert!(
        reading.notices[0].message.contains("out of luck"),
        "{reading:?}"
    );
    stop(&mut source);
}

#[test]
fn a_child_at_its_sample_limit_is_restarted_at_once() {
    let fake = Fake::new("echo x >>\"$1/starts\"; document 7; next 8; exit 0");
    let options = PowermetricsOptions {
        bound: Some(2),
        ..fake.options()
    };
    let mut source = Powermetrics::open(clock(), options).unwrap();
    let reading = read_until(&mut source, |reading| reading.samples.len() >= 12);
    assert!(notices(&reading).contains(&"respawn"));
    assert!(!notices(&reading).contains(&"restart"), "{reading:?}");
    stop(&mut source);
}

#[test]
fn windows_of_a_rail_never_overlap() {
    let fake = Fake::new("document 1; while :; do sleep 0.03; printf '\\0'; document 2; done");
    let mut source = fake.open().unwrap();
    let reading = read_until(&mut source, |reading| reading.samples.len() >= 18);
    let cpu: Vec<_> = reading.samples.iter().filter(|s| s.rail == 0).collect();
    assert!(cpu.windows(2).all(|pair| pair[0].end <= pair[1].start));
    stop(&mut source);
}
