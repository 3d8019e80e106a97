//! A program that is idle before its first span, or has no span: the time is measured like
//! any other, without a warning.

use std::time::Duration;

use energy_tests::{StoredRun, burn, record};
use tracing::info_span;

/// Longer than a window may be missing.
const REST: Duration = Duration::from_millis(1_600);

fn assert_rest_is_measured(work: impl FnOnce()) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    record(&path, || {
        std::thread::sleep(REST);
        work();
    });
    let run = StoredRun::open(&path, "last");
    run.assert_closed();
    run.assert_balanced();
    assert_eq!(run.events("unmeasured"), 0);
    let measured = "SELECT sum(end_ns - start_ns) / 1e9 FROM samples
                    WHERE run = ?1 AND energy_j IS NOT NULL";
    let measured_s = run.number(measured);
    assert!(measured_s > 0.9 * REST.as_secs_f64(), "{measured_s} s");
}

#[test]
fn idle_time_without_spans_is_measured() {
    crate::undisturbed(|| {
        assert_rest_is_measured(|| ());
    });
}

#[test]
fn idle_time_before_a_span_is_measured() {
    crate::undisturbed(|| {
        assert_rest_is_measured(|| {
            info_span!("late").in_scope(|| burn(Duration::from_millis(100)));
        });
    });
}
