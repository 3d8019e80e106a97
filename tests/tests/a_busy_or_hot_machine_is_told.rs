//! Other programs at work, and a processor that gets hot: both are conditions of a run
//! and told as doubts.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use energy_tests::{FakeSensor, StoredRun, record_with, until};
use tracing::info_span;
use tracing_energy::conditions::{LOAD_OTHERS, THERMAL_PRESSURE, THROTTLED_SAMPLES};
use tracing_energy::power::SourceChoice;
use tracing_energy::rows::Moment;
use tracing_energy::{Builder, EnergyLayer, cpu_time};

fn builder(path: &Path, sensor: &FakeSensor) -> Builder {
    let launch = sensor.launch();
    EnergyLayer::builder()
        .database(path)
        .source(SourceChoice::Powermetrics)
        .source_options(|options| options.powermetrics = Some(launch))
}

fn sensor() -> FakeSensor {
    FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics")).set("WATTS", "cpu=4")
}

/// Programs of somebody else that never rest, one for each processor.
struct Others(Vec<Child>);

impl Others {
    fn start() -> Self {
        let busy = || {
            let shell = Command::new("/bin/sh")
                .args(["-c", "while :; do :; done"])
                .spawn();
            shell.expect("a shell")
        };
        Self((0..cpu_time::processors()).map(|_| busy()).collect())
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn other_programs_at_work_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let others = Others::start();
    let recorder = builder(&path, &sensor()).baseline(Duration::from_secs(1));
    let summary = record_with(recorder, || {
        info_span!("rest").in_scope(|| std::thread::sleep(Duration::from_secs(1)));
    });
    drop(others);
    let run = StoredRun::open(&path, "last");
    for moment in [Moment::Start, Moment::End] {
        let load = run.condition(moment, LOAD_OTHERS).expect("a load");
        let load: f64 = load.parse().expect("a number");
        assert!(load > 0.5, "{moment:?}: {load} cores");
    }
    for (kind, words) in [
        ("busy_baseline", "while idle power was measured"),
        ("busy_machine", "on average during the run"),
    ] {
        assert_eq!(run.events(kind), 1, "{kind}");
        let told = summary.warnings.iter().any(|text| text.contains(words));
        assert!(told, "{kind}: {:?}", summary.warnings);
    }
}

#[test]
fn a_processor_that_gets_hot_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let hot = sensor().set("MISBEHAVE", "hot:6");
    let is_told =
        || StoredRun::try_open(&path, "last").is_some_and(|run| run.events("thermal_pressure") > 0);
    let summary = record_with(builder(&path, &hot), || {
        info_span!("work").in_scope(|| until("a hot processor", is_told));
    });
    let run = StoredRun::open(&path, "last");
    let condition = |moment, key| run.condition(moment, key);
    let start = condition(Moment::Start, THERMAL_PRESSURE);
    assert_eq!(start.as_deref(), Some("nominal"));
    let end = condition(Moment::End, THERMAL_PRESSURE);
    assert_eq!(end.as_deref(), Some("heavy"));
    let count = condition(Moment::End, THROTTLED_SAMPLES).expect("a count");
    let count: f64 = count.parse().expect("a number");
    let samples =
        run.number("SELECT count(DISTINCT start_ns) FROM samples WHERE run = ?1 AND end_ns > 0");
    assert!((1.0..=samples).contains(&count), "{count} of {samples}");
    assert_eq!(run.events("conditions_changed"), 1);
    let told = |text: &String| text.contains("slowed down by heat");
    assert!(summary.warnings.iter().any(told), "{:?}", summary.warnings);
}
