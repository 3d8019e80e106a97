//! Busy other programs and a hot processor are conditions of a run and reported as
//! warnings.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use energy_data::rows::ConditionTime;
use energy_power::SourceChoice;
use energy_power::conditions::{LOAD_OTHER_PROCESSES, THERMAL_PRESSURE, THROTTLED_SAMPLES};
use energy_power::cpu_time;
use energy_tests::{FakeSensor, StoredRun, record_with, until};
use tracing::info_span;
use tracing_energy::{EnergyLayer, EnergyLayerBuilder};

fn builder(path: &Path, sensor: &FakeSensor) -> EnergyLayerBuilder {
    let launch = sensor.launch();
    EnergyLayer::builder()
        .database(path)
        .source(SourceChoice::Powermetrics)
        .source_options(|options| options.powermetrics = Some(launch))
}

fn sensor() -> FakeSensor {
    FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics")).set("WATTS", "cpu=4")
}

/// Busy programs of another user, one per processor.
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
fn busy_other_programs_are_reported() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("energy.db");
        let others = Others::start();
        let recorder = builder(&path, &sensor()).baseline(Duration::from_secs(1));
        let summary = record_with(recorder, || {
            info_span!("rest").in_scope(|| std::thread::sleep(Duration::from_secs(1)));
        });
        drop(others);
        let run = StoredRun::open(&path, "last");
        for time_point in [ConditionTime::Start, ConditionTime::End] {
            let load = run
                .condition(time_point, LOAD_OTHER_PROCESSES)
                .expect("a load");
            let load: f64 = load.parse().expect("a number");
            assert!(load > 0.5, "{time_point:?}: {load} cores");
        }
        for (kind, words) in [
            ("busy_baseline", "while idle power was measured"),
            ("busy_machine", "on average during the run"),
        ] {
            assert_eq!(run.events(kind), 1, "{kind}");
            let is_reported = summary.warnings.iter().any(|text| text.contains(words));
            assert!(is_reported, "{kind}: {:?}", summary.warnings);
        }
    });
}

#[test]
fn a_hot_processor_is_reported() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("energy.db");
        let hot = sensor().set("MISBEHAVE", "hot:6");
        let is_reported = || {
            StoredRun::try_open(&path, "last").is_some_and(|run| run.events("thermal_pressure") > 0)
        };
        let summary = record_with(builder(&path, &hot), || {
            info_span!("work").in_scope(|| until("a hot processor", is_reported));
        });
        let run = StoredRun::open(&path, "last");
        let condition = |time_point, key| run.condition(time_point, key);
        let start = condition(ConditionTime::Start, THERMAL_PRESSURE);
        assert_eq!(start.as_deref(), Some("nominal"));
        let end = condition(ConditionTime::End, THERMAL_PRESSURE);
        assert_eq!(end.as_deref(), Some("heavy"));
        let count = condition(ConditionTime::End, THROTTLED_SAMPLES).expect("a count");
        let count: f64 = count.parse().expect("a number");
        let samples = run
            .number("SELECT count(DISTINCT start_ns) FROM samples WHERE run = ?1 AND end_ns > 0");
        assert!((1.0..=samples).contains(&count), "{count} of {samples}");
        assert_eq!(run.events("conditions_changed"), 1);
        let is_reported = |text: &String| text.contains("throttled by heat");
        assert!(
            summary.warnings.iter().any(is_reported),
            "{:?}",
            summary.warnings
        );
    });
}
