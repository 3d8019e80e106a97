//! A sensor that dies in the middle of a run is restarted: this is reported once, its
//! time without samples is no energy, and its CPU time stays the profiler's.

use std::time::Duration;

use energy_data::rows::CpuScope;
use energy_power::SourceChoice;
use energy_tests::{FakeSensor, StoredRun, burn, record_with, until};
use tracing::info_span;
use tracing_energy::EnergyLayer;
use tracing_energy::MemorySink;

#[test]
fn a_restarted_sensor_process_stays_the_profilers() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("energy.db");
        let died = folder.path().join("died");
        let sensor = FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics"))
            .set("WATTS", "cpu=9;gpu=0.5")
            .set("MISBEHAVE", format!("die-once:6:{}", died.display()));
        let memory = MemorySink::new();
        let builder = EnergyLayer::builder()
            .database(&path)
            .sink(memory.clone())
            .source(SourceChoice::Powermetrics)
            .source_options(|options| options.powermetrics = Some(sensor.launch()));
        let restarts = || {
            let events = memory.rows().events.into_iter();
            events
                .filter(|event| event.kind == "restart")
                .map(|event| event.time_ns)
                .collect::<Vec<_>>()
        };
        // CPU time of the sensor's processes after the first one died, in steps of 10 ms.
        let used_since = |restarted: i64| {
            let rows = memory.rows().cpu.into_iter();
            let rows = rows.filter(|row| row.scope == CpuScope::Sensor && row.start_ns > restarted);
            rows.map(|row| row.on_cpu_ns).sum::<i64>()
        };
        let summary = record_with(builder, || {
            info_span!("inference").in_scope(|| {
                until("the sensor dies", || {
                    burn(Duration::from_millis(20));
                    !restarts().is_empty()
                });
                until("the next one measures", || {
                    burn(Duration::from_millis(20));
                    let restarted = restarts()[0];
                    let later = |start_ns: i64| start_ns > restarted + 1_000_000_000;
                    memory.rows().samples.iter().any(|row| later(row.start_ns))
                });
                until("the second process counts, too", || {
                    burn(Duration::from_millis(20));
                    used_since(restarts()[0]) > 0
                });
            });
        });
        let restarts = restarts();
        assert_eq!(restarts.len(), 1, "{:?}", summary.warnings);
        let run = StoredRun::open(&path, "last");
        run.assert_whole(1);
        assert_eq!((run.events("restart"), run.events("gap")), (1, 1));

        for rail in summary
            .rails
            .iter()
            .filter(|rail| rail.rail.ends_with("/cpu"))
        {
            let accounts = rail.accounts.expect("measured");
            assert!(accounts.profiler_j.expect("known") > 0.0);
            // Nine watts, and none while there was no sensor.
            let seconds = summary.duration_ns as f64 / 1e9;
            assert!(
                accounts.measured_j < 9.0 * (seconds - 0.4),
                "{accounts:?} in {seconds} s"
            );
        }
    });
}
