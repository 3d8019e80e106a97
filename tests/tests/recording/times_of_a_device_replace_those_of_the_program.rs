//! Fields of a span state when a GPU worked for it. The span then belongs to the GPU's domain, the
//! recording has these times, and a second attribution divides the GPU's energy by them.

use std::time::Duration;

use energy_data::AttributeOptions;
use energy_data::rows::{GPU_BEGAN, GPU_ENDED};
use energy_tests::{StoredRun, burn, record_with};
use tracing::field::Empty;
use tracing::{Span, debug_span, info_span};
use tracing_energy::{
    Capture, Clock, Description, Energy, EnergyLayer, Kernel, Method, Nanos, PowerSource,
    Provenance, Rail, RailKind, Reading, Sample, SourceError,
};

/// A GPU that always needs 10 W.
struct SteadyGpu(Nanos);

impl PowerSource for SteadyGpu {
    fn describe(&self) -> Description {
        Description {
            name: "steady".to_owned(),
            rails: vec![Rail {
                name: "gpu".to_owned(),
                kind: RailKind::Gpu,
                parent: None,
                unit: "W",
            }],
            interval: Nanos::from_millis(5),
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
            limits: Vec::new(),
        }
    }

    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
        self.0 = clock.now();
        Ok(())
    }

    fn read(
        &mut self,
        clock: &dyn Clock,
        timeout: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        std::thread::sleep(timeout.duration());
        self.stop(clock, reading);
        Ok(())
    }

    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        let (start, end) = (self.0, clock.now());
        let energy = Some(Energy::from_joules(10.0 * (end - start).seconds()));
        reading.samples.push(Sample {
            rail: 0,
            start,
            end,
            energy,
        });
        self.0 = end;
    }
}

fn kernel(name: &'static str) -> Span {
    match name {
        "long" => debug_span!(
            "long",
            energy.gpu.began_ns = Empty,
            energy.gpu.ended_ns = Empty
        ),
        _ => debug_span!(
            "short",
            energy.gpu.began_ns = Empty,
            energy.gpu.ended_ns = Empty
        ),
    }
}

/// Launches two kernels of equal launch times, of which the device works on one for 75 ms and
/// on the other for 25 ms.
fn program() {
    let pass = info_span!("pass").entered();
    let (long, short) = (kernel("long"), kernel("short"));
    for launched in [&long, &short] {
        launched.in_scope(|| burn(Duration::from_millis(5)));
    }
    info_span!("wait").in_scope(|| burn(Duration::from_millis(105)));
    // Whatever happens between the wait and the records does not matter.
    burn(Duration::from_millis(3));
    for (span, began_ms, ended_ms) in [(&long, -102, -27), (&short, -27, -2)] {
        span.record("energy.gpu.began_ns", began_ms * 1_000_000_i64);
        span.record("energy.gpu.ended_ns", ended_ms * 1_000_000_i64);
    }
    drop((long, short, pass));
}

fn assert_times(run: &StoredRun) {
    let ended = "SELECT CAST(s.end_ns AS REAL) FROM spans s JOIN nodes n ON n.id = s.node
                 WHERE n.run = ?1 AND n.label = 'wait'";
    let waited = run.number(ended);
    let stated = |label: &str, field: &str| {
        run.number(&format!(
            "SELECT CAST(json_extract(f.json, '$.\"{field}\"') AS REAL) FROM spans s
             JOIN span_fields f ON f.span = s.id JOIN nodes n ON n.id = s.node
             WHERE n.run = ?1 AND n.label = '{label}'"
        ))
    };
    for (label, began_ms, ended_ms) in [("long", 102.0, 27.0), ("short", 27.0, 2.0)] {
        assert_eq!(stated(label, GPU_BEGAN), waited - began_ms * 1e6);
        assert_eq!(stated(label, GPU_ENDED), waited - ended_ms * 1e6);
    }
    let domains = "SELECT CAST(count(*) AS REAL) FROM callsites WHERE run = ?1 AND domain = 'gpu'";
    assert_eq!(run.number(domains), 2.0);
}

#[test]
fn times_of_a_device_replace_those_of_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let builder = EnergyLayer::builder()
        .database(&path)
        .power_source(SteadyGpu(Nanos::ZERO));
    let summary = record_with(builder, program);
    let run = StoredRun::open(&path, &summary.uuid);
    assert_times(&run);

    let again = AttributeOptions::new(Method::Proportional);
    let id = energy_store::reattribute(&path, &summary.uuid, &again).expect("attributed");
    run.assert_balanced();
    let energy = |label| {
        run.number(&format!(
            "SELECT sum(e.self_j) FROM node_energy e JOIN nodes n ON n.run = e.run AND n.id = e.node
             WHERE e.run = ?1 AND e.attribution = {id} AND n.label = '{label}'"
        ))
    };
    let ratio = energy("long") / energy("short");
    assert!((2.0..4.0).contains(&ratio), "{ratio} is not near 75 / 25");
}

#[test]
fn times_of_a_device_are_kept_without_other_fields() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let builder = EnergyLayer::builder()
        .database(&path)
        .capture(Capture::KeyFields)
        .power_source(SteadyGpu(Nanos::ZERO));
    let summary = record_with(builder, program);
    assert_times(&StoredRun::open(&path, &summary.uuid));
}
