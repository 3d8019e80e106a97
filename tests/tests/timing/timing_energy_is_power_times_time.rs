//! With a sensor of known power, totals equal power times time of the measured work, and
//! work of threads without spans is unattributed energy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use energy_data::rows::ThreadRole;
use energy_power::SourceChoice;
use energy_tests::{FakeSensor, burn, write_whole};
use tracing::info_span;
use tracing_energy::EnergyLayer;
use tracing_energy::MemorySink;
use tracing_subscriber::prelude::*;

const IDLE_W: f64 = 4.0;
const BUSY_W: f64 = 14.0;
/// One sample's worth: an interval of 100 ms, stretched as real ones are.
const SAMPLE_S: f64 = 0.12;

/// Two phases on this thread, and concurrently busy threads without spans.
fn program() {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    burn(Duration::from_millis(1));
                }
            });
        }
        info_span!("inference").in_scope(|| {
            info_span!("prefill").in_scope(|| burn(Duration::from_millis(700)));
            info_span!("decode").in_scope(|| burn(Duration::from_millis(1_300)));
        });
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn energy_is_power_times_time() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let watts = folder.path().join("watts");
        write_whole(&watts, &format!("cpu {IDLE_W}\n"));
        let sensor = FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics")).watts_from(&watts);
        let memory = MemorySink::new();
        let (layer, guard) = EnergyLayer::builder()
            .source(SourceChoice::Auto)
            .source_options(|options| options.powermetrics = Some(sensor.launch()))
            .baseline(Duration::from_millis(1_000))
            .sink(memory.clone())
            .build()
            .expect("a recording");
        write_whole(&watts, &format!("cpu {BUSY_W}\n"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), program);
        let summary = guard.finish();
        let rows = memory.rows();

        let inference = rows
            .spans
            .iter()
            .find(|span| span.parent.is_none())
            .expect("the work");
        let seconds = (inference.end_ns.expect("ended") - inference.start_ns) as f64 / 1e9;
        let (mut gross, mut idle) = (0.0, 0.0);
        for row in rows
            .attribution
            .span_energy
            .iter()
            .filter(|row| row.span == inference.seq)
        {
            gross += row.energy_j.expect("measured");
            idle += row.idle_j.expect("a baseline");
        }
        let within = BUSY_W * SAMPLE_S;
        assert!(
            (gross - BUSY_W * seconds).abs() < within,
            "gross {gross} J in {seconds} s"
        );
        let active = gross - idle;
        let expected = (BUSY_W - IDLE_W) * seconds;
        assert!(
            (active - expected).abs() < within,
            "active {active} J in {seconds} s"
        );

        let phases = rows
            .attribution
            .phase_energy
            .iter()
            .filter_map(|row| row.energy_j)
            .sum::<f64>();
        assert!(
            (phases - gross).abs() <= 1e-9 * gross,
            "phases {phases} J, total {gross} J"
        );

        let cpu = summary
            .rails
            .iter()
            .find(|rail| rail.rail == "powermetrics/cpu")
            .expect("a cpu rail");
        let accounts = cpu.accounts.expect("measured");
        let (spans, outside) = (accounts.spans_j, accounts.unattributed_j.expect("known"));
        assert!(
            outside < 0.1 * spans,
            "outside {outside} J, spans {spans} J"
        );
        assert!(
            accounts.profiler_j.expect("known") > 0.0,
            "the sensor's own work is the profiler's"
        );
        let is_own = |id: u32| {
            rows.threads
                .iter()
                .any(|t| t.id == id && t.role == ThreadRole::Profiler)
        };
        assert!(rows.spans.iter().all(|span| !is_own(span.thread)));
        assert!(energy_attribution::balances(&accounts), "{accounts:?}");
    });
}
