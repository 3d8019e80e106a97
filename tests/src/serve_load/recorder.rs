//! A program that records itself: tokens of a fixed amount of work at a fixed pace.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use energy_power::cpu_time;
use energy_tests::{modelled, record_with};
use serde::{Deserialize, Serialize};
use tracing::{debug_span, info_span, trace_span};

const LAYERS: u64 = 12;
/// Steps of arithmetic in an operation.
const STEPS: u32 = 100_000;

/// CPU time of a recording program in seconds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CpuTime {
    /// Of the whole process.
    pub(crate) process_s: f64,
    /// Of the threads of the recorder, without the thread that works.
    pub(crate) recorder_s: f64,
    /// Elapsed time.
    pub(crate) wall_s: f64,
}

/// Records `tokens` tokens, one each `pace`, and returns the CPU time.
pub(crate) fn record(database: &Path, tokens: u64, pace: Duration) -> CpuTime {
    let begun = Instant::now();
    let builder = modelled(database).interval(Duration::from_millis(100));
    let _ = record_with(builder, || infer(tokens, pace));
    let seconds = |time: Option<energy_data::units::Nanos>| {
        time.map_or(f64::NAN, |time| time.nanos() as f64 * 1e-9)
    };
    let process_s = seconds(cpu_time::process());
    CpuTime {
        process_s,
        recorder_s: process_s - seconds(cpu_time::current_thread()),
        wall_s: begun.elapsed().as_secs_f64(),
    }
}

/// Executes [`record`] in a process of its own: the command `record` of this program.
pub(crate) fn record_in_child(database: &Path, tokens: u64, pace_ms: u64) -> CpuTime {
    let own = std::env::current_exe().expect("a path");
    let output = Command::new(own)
        .arg("record")
        .arg(database)
        .args(["--tokens", &tokens.to_string()])
        .args(["--pace-ms", &pace_ms.to_string()])
        .stderr(std::process::Stdio::inherit())
        .output()
        .expect("a recording program");
    assert!(output.status.success(), "the recording program failed");
    serde_json::from_slice(&output.stdout).expect("CPU times")
}

fn infer(tokens: u64, pace: Duration) {
    let begun = Instant::now();
    let _inference = info_span!("inference").entered();
    let _decode = info_span!("decode").entered();
    for token in 0..tokens {
        let due = begun + pace * u32::try_from(token).unwrap_or(u32::MAX);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let _token = info_span!("token", token).entered();
        for layer in 0..LAYERS {
            let _layer = debug_span!("layer", layer).entered();
            debug_span!("attention").in_scope(|| {
                trace_span!("q_proj").in_scope(arithmetic);
                trace_span!("scores").in_scope(arithmetic);
            });
            debug_span!("mlp").in_scope(|| {
                trace_span!("up_proj").in_scope(arithmetic);
                trace_span!("down_proj").in_scope(arithmetic);
            });
        }
    }
}

fn arithmetic() {
    let mut number = 1_u64;
    for _ in 0..STEPS {
        number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005));
    }
}
