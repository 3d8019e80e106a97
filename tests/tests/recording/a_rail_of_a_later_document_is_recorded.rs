//! A rail that the first documents of powermetrics lack is recorded from the first one
//! that has it.
#![cfg(unix)]

use std::time::Duration;

use energy_power::SourceChoice;
use energy_tests::{FakeSensor, StoredRun, record_with, sensing, tokens, until};
use tracing_energy::MemorySink;

#[test]
fn a_rail_of_a_later_document_is_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let memory = MemorySink::new();
    let sensor = FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics"));
    let sensor = sensor
        .set("WATTS", "cpu=8;gpu=3")
        .set("MISBEHAVE", "late-cpu:3");
    let source = SourceChoice::Powermetrics;
    let launch = Some(sensor.launch());
    let builder = sensing(&path, source, |options| options.powermetrics = launch)
        .sink(memory.clone())
        .interval(Duration::from_millis(100));
    let cpu_samples = || {
        let rows = memory.rows();
        let cpu = rows.rails.iter().find(|rail| rail.name == "cpu");
        let cpu = cpu.map(|rail| rail.id);
        let samples = rows
            .samples
            .iter()
            .filter(|sample| Some(sample.rail) == cpu);
        samples.count()
    };
    record_with(builder, || {
        until("the cpu is measured", || {
            tokens(20);
            cpu_samples() > 5
        });
    });
    let run = StoredRun::open(&path, "last");
    run.assert_closed();
    run.assert_balanced();
    assert_eq!(
        run.events("rail_appeared"),
        2,
        "the cpu and the neural engine"
    );
    let watts = |rail: &str| {
        run.number(&format!(
            "SELECT sum(energy_j) * 1e9 / sum(end_ns - start_ns) FROM samples s
             JOIN rails r ON r.run = s.run AND r.id = s.rail
             WHERE s.run = ?1 AND r.name = '{rail}'"
        ))
    };
    assert!((watts("cpu") - 8.0).abs() < 0.4, "{} W", watts("cpu"));
    assert!((watts("gpu") - 3.0).abs() < 0.2, "{} W", watts("gpu"));
    let start = |rail: &str| {
        run.number(&format!(
            "SELECT min(start_ns) FROM samples s
             JOIN rails r ON r.run = s.run AND r.id = s.rail
             WHERE s.run = ?1 AND r.name = '{rail}'"
        ))
    };
    assert!(start("cpu") > start("gpu"), "it is unknown before");
}
