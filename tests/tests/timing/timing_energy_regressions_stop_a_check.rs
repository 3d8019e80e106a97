//! The gate: an operation with three times its work is reported by its kind; the unchanged
//! program passes. `target/release/gate-trials` measures how often 20 % more work is
//! reported on a quiet machine.

use energy_tests::gate_trials::{GateReport, GateTrial, Programs};

fn programs() -> Programs {
    Programs {
        energy: env!("CARGO_BIN_EXE_energy-command").into(),
        program: env!("CARGO_BIN_EXE_working-program").into(),
        sensor: env!("CARGO_BIN_EXE_fake-powermetrics").into(),
    }
}

fn try_it(seed: u64, more: Option<&str>) -> GateReport {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = GateTrial {
        seed,
        noise: (0.03, 0.02),
        repeat: 5,
        tokens: 200,
        more: more.map(str::to_owned),
    };
    trial.run(&programs(), folder.path())
}

/// One after the other: kinds are separated by time, which concurrent tests disturb.
#[test]
fn more_work_of_one_operation_is_reported_by_its_kind_and_none_passes() {
    crate::undisturbed(|| {
        let report = try_it(11, Some("down_proj=3"));
        assert_eq!(report.code, Some(3), "{} {}", report.answer, report.errors);
        let caught = report.caught();
        assert!(!caught.is_empty(), "{}", report.answer);
        assert!(
            caught.iter().all(|kind| kind.ends_with("down_proj")),
            "{caught:?}"
        );
        let report = try_it(12, None);
        assert_eq!(report.code, Some(0), "{} {}", report.answer, report.errors);
        assert_eq!(report.caught(), [""; 0]);
    });
}
