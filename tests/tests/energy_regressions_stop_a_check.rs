//! The gate: one operation does three times its work, and is caught by its kind; the
//! unchanged program passes. How often a fifth more work is caught on a quiet machine is
//! what `target/release/gate-trials` tells: whoever runs this test may be busy.

use energy_tests::gate_trials::{Programs, Said, Trial};

fn programs() -> Programs {
    Programs {
        energy: env!("CARGO_BIN_EXE_energy-command").into(),
        program: env!("CARGO_BIN_EXE_working-program").into(),
        sensor: env!("CARGO_BIN_EXE_fake-powermetrics").into(),
    }
}

fn try_it(seed: u64, more: Option<&str>) -> Said {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial {
        seed,
        noise: (0.03, 0.02),
        repeat: 5,
        tokens: 200,
        more: more.map(str::to_owned),
    };
    trial.run(&programs(), folder.path())
}

/// One after the other: kinds are told apart by time, which neighbours disturb.
#[test]
fn more_work_of_one_operation_is_caught_by_its_kind_and_none_passes() {
    let said = try_it(11, Some("down_proj=3"));
    assert_eq!(said.code, Some(3), "{} {}", said.answer, said.errors);
    let caught = said.caught();
    assert!(!caught.is_empty(), "{}", said.answer);
    assert!(
        caught.iter().all(|kind| kind.ends_with("down_proj")),
        "{caught:?}"
    );
    let said = try_it(12, None);
    assert_eq!(said.code, Some(0), "{} {}", said.answer, said.errors);
    assert_eq!(said.caught(), [""; 0]);
}
