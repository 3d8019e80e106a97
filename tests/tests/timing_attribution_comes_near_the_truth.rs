//! The attributed energies of a real program whose kinds have known powers are close to
//! the true ones, and closest with a calibration. `cargo run --release
//! --bin truth` is the same for longer, with figures. A program of its own, because it sets
//! an environment variable: the number of threads.

use std::time::Duration;

use energy_data::units::Nanos;
use energy_models::Depth;
use energy_tests::truth::{Reads, Score, TruthSchedule, follow, use_one_thread};
use tracing_energy::Method;

/// A few seconds on a machine that may be busy; the goals of the longer schedule
/// are narrower.
const CALIBRATED: f64 = 0.25;
const MORE_THAN_PLAIN: f64 = 0.05;
const COVERAGE: f64 = 0.7;

fn schedule() -> TruthSchedule {
    TruthSchedule {
        depth: Depth::Deep,
        runs: 1,
        time: Duration::from_secs(4),
        calibration: Duration::from_secs(14),
        reads: Reads {
            interval: Nanos::from_millis(50),
            idle_w: 4.0,
            noise: 0.01,
            ahead: Nanos::from_millis(5),
            seed: 1,
        },
    }
}

#[test]
fn timing_attribution_comes_near_the_truth() {
    // SAFETY: the only test of this program; no other thread reads variables yet.
    unsafe { use_one_thread() };
    // What else the machine does varies the program's power. A fault of the method shows in
    // every try.
    let tries = std::iter::repeat_with(distance_from_the_truth).take(3);
    let failures = Vec::from_iter(tries.map_while(Result::err));
    assert!(failures.len() < 3, "{}", failures.join("\n\n"));
}

/// Follows the program once. The error names what is too far from the truth.
fn distance_from_the_truth() -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let runs = follow(&schedule(), folder.path(), &mut drop);
    let runs = runs.expect("attributed");
    let [plain, fitted, calibrated] =
        Method::ALL.map(|method| Score::together(runs.iter().map(|run| run.score(method))));
    assert!(runs.iter().all(|run| run.imbalance <= 1e-9));
    assert!(calibrated.kinds.len() > 10, "{calibrated:?}");
    let warnings = &runs[0].warnings;
    let error = calibrated.error();
    if error >= CALIBRATED {
        return Err(format!("calibrated: {error} {warnings:?} {calibrated:#?}"));
    }
    let more = fitted.error() - plain.error();
    if more >= MORE_THAN_PLAIN {
        return Err(format!("fitted: {more} more {warnings:?} {fitted:#?}"));
    }
    for score in [&fitted, &calibrated] {
        let coverage = score.coverage().expect("intervals");
        if coverage < COVERAGE {
            return Err(format!("coverage: {coverage} {warnings:?} {score:#?}"));
        }
    }
    Ok(())
}
