//! A sensor process keeps a third of a processor busy during the program: its energy is
//! the profiler's, and the program's work keeps its own, by every method. Its energy
//! during the idle baseline is idle energy and not charged again.
//!
//! ```text
//! program   |== work ==|  rest  |=== work ===| rest |
//! sensor    ==   ==   ==   ==   ==   ==   ==   ==       0.3 of a processor
//! power     4 W + 10 W for each processor that either keeps busy
//! ```

use std::path::Path;
use std::time::Duration;

use energy_data::AttributeOptions;
use energy_power::SourceChoice;
use energy_power::cpu_time;
use energy_store::reattribute;
use energy_tests::{FakeSensor, StoredRun, burn, record_with, write_whole};
use tracing::info_span;
use tracing_energy::{EnergyLayer, Method};

const CORE_W: f64 = 10.0;
const BURN: f64 = 0.3;
/// CPU times have a resolution of 10 ms.
const TOLERANCE: f64 = 0.15;

/// Works and sleeps, each for longer than the interval of CPU times; returns the CPU time
/// of the work in seconds.
fn program() -> f64 {
    let _run = info_span!("run").entered();
    let mut worked = 0.0;
    for turn in 0..5 {
        let now = || cpu_time::current_thread().expect("a clock").seconds();
        let begin = now();
        info_span!("work").in_scope(|| burn(Duration::from_millis(700 + 70 * turn)));
        worked += now() - begin;
        let rest = Duration::from_millis(450 - 40 * turn);
        info_span!("rest").in_scope(|| std::thread::sleep(rest));
    }
    worked
}

fn of_kind(run: &StoredRun, column: &str) -> f64 {
    run.number(&format!(
        "SELECT {column} FROM kind_energy k JOIN rails r ON r.run = k.run AND r.id = k.rail
         WHERE k.run = ?1 AND r.name = 'cpu' AND k.name = 'run > work'
           AND attribution = (SELECT max(id) FROM attributions WHERE run = ?1)"
    ))
}

fn of_rail(run: &StoredRun, column: &str) -> f64 {
    run.number(&format!(
        "SELECT {column} FROM balance b JOIN rails r ON r.run = b.run AND r.id = b.rail
         WHERE b.run = ?1 AND r.name = 'cpu'
           AND attribution = (SELECT max(id) FROM attributions WHERE run = ?1)"
    ))
}

/// Returns how many processors the sensor kept busy before the run or in it: on a loaded
/// machine it gets less than it requests.
fn busy(run: &StoredRun, when: &str) -> f64 {
    run.number(&format!(
        "SELECT sum(on_cpu_ns) * 1.0 / sum(end_ns - start_ns) FROM cpu
         WHERE run = ?1 AND scope = 'sensor' AND {when}"
    ))
}

/// Returns the factor that compensates the energy charged to other processes, which do not
/// draw power in this test.
fn without_others(run: &StoredRun) -> f64 {
    let active = of_rail(run, "measured_j - coalesce(idle_j, 0)");
    active / (active - of_rail(run, "coalesce(other_processes_j, 0)"))
}

/// The sensor is busy from the program's start, or also during the idle baseline.
#[derive(Clone, Copy, PartialEq)]
enum Busy {
    WithTheProgram,
    Always,
}

fn record(folder: &Path, busy: Busy) -> (f64, String) {
    let started = folder.join("started");
    let sensor = FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics"))
        .set("BUSY_WATTS", format!("4,{CORE_W}"))
        .set("BURN", BURN.to_string())
        .set("BURN_FROM", started.display().to_string());
    if busy == Busy::Always {
        write_whole(&started, "");
    }
    let builder = EnergyLayer::builder()
        .database(folder.join("energy.db"))
        .source(SourceChoice::Powermetrics)
        .source_options(|options| options.powermetrics = Some(sensor.launch()))
        .baseline(Duration::from_secs(2));
    let mut worked = 0.0;
    let summary = record_with(builder, || {
        write_whole(&started, "");
        worked = program();
    });
    (worked, summary.uuid)
}

#[test]
fn cpu_time_of_a_sensor_process_is_the_profilers() {
    crate::undisturbed(|| {
        check(Busy::WithTheProgram);
    });
}

#[test]
fn a_sensor_that_was_busy_before_is_counted_once() {
    crate::undisturbed(|| {
        check(Busy::Always);
    });
}

fn check(busy_when: Busy) {
    let folder = tempfile::tempdir().expect("a folder");
    let (worked, uuid) = record(folder.path(), busy_when);
    let path = folder.path().join("energy.db");
    let truth = CORE_W * worked;
    let run = StoredRun::open(&path, "last");
    run.assert_balanced();
    let seconds = run.number("SELECT end_ns / 1e9 FROM runs WHERE no = ?1");

    let factor = without_others(&run);
    let spans = of_rail(&run, "spans_j") * factor;
    assert!(
        (spans / truth - 1.0).abs() < TOLERANCE,
        "spans {spans} J, in truth {truth} J in {seconds} s; {:?}",
        [
            "measured",
            "idle",
            "spans",
            "unattributed",
            "other_processes",
            "profiler"
        ]
        .map(|account| of_rail(&run, &format!("{account}_j")))
    );
    let rate = match busy_when {
        Busy::WithTheProgram => busy(&run, "start_ns >= 0"),
        Busy::Always => busy(&run, "end_ns <= 0"),
    };
    assert!(rate > BURN / 4.0, "the sensor did not work: {rate}");
    let burnt = CORE_W * rate * seconds;
    let profiler = of_rail(&run, "profiler_j") * factor;
    match busy_when {
        Busy::WithTheProgram => assert!(
            profiler > 0.5 * burnt && profiler < 1.5 * burnt,
            "profiler {profiler} J, in truth about {burnt} J"
        ),
        Busy::Always => {
            let (idle, truth) = (of_rail(&run, "idle_j"), 4.0 * seconds + burnt);
            assert!(
                (idle / truth - 1.0).abs() < TOLERANCE,
                "idle {idle} J, in truth {truth} J with the sensor's own"
            );
            assert!(
                profiler < 0.3 * burnt,
                "{profiler} J in addition to {burnt} J in idle"
            );
        }
    }

    let fitted = AttributeOptions::new(Method::Fitted);
    reattribute(&path, &uuid, &fitted).expect("attributed");
    run.assert_balanced();
    let factor = without_others(&run);
    let [lo, energy, hi] = ["lo_j", "self_j", "hi_j"].map(|end| of_kind(&run, end) * factor);
    assert!(
        (lo..=hi).contains(&truth),
        "fitted {energy} J, {lo} to {hi} J, in truth {truth} J: {:?}",
        run.warnings()
    );
    let is_charged = of_rail(&run, "profiler_j") * factor > 0.5 * burnt;
    assert_eq!(is_charged, busy_when == Busy::WithTheProgram);
}
