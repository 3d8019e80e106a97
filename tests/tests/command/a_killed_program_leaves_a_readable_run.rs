//! SIGKILL in the middle of the work loses at most the last flush; a run that
//! another program records into the same file concurrently is unchanged. SIGTERM
//! ends a recording in order.

use std::path::Path;
use std::process::{Child, Command};

use energy_data::rows::{ConditionTime, RunStatus};
use energy_power::conditions::CORES;
use energy_store::Store;
use energy_tests::{StoredRun, send, until};

fn start(database: &Path, name: &str) -> Child {
    let program = env!("CARGO_BIN_EXE_recorded-program");
    Command::new(program)
        .args([database.as_os_str(), name.as_ref()])
        .spawn()
        .expect("the program")
}

/// Activations in the file of the run called `name`; none while it is not there.
fn count(database: &Path, name: &str) -> usize {
    StoredRun::try_open(database, name).map_or(0, |run| run.spans().len())
}

fn wait_for_spans(database: &Path, name: &str, wanted: usize) {
    until(name, || count(database, name) >= wanted);
}

#[test]
fn a_killed_program_leaves_a_readable_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let mut killed = start(&path, "killed");
    let mut other = start(&path, "other");
    wait_for_spans(&path, "killed", 60);
    wait_for_spans(&path, "other", 60);
    send(&killed, libc::SIGKILL);
    killed.wait().expect("reaped");

    let store = Store::open_writable(&path).expect("the database");
    let uuid = store.find_run("killed").expect("the run").row.uuid;
    let repaired = energy_store::repair_dead_runs(&store).expect("repaired");
    assert_eq!(repaired, [uuid], "the active run is unchanged");
    let run = store.find_run("killed").expect("the run");
    assert_eq!(run.row.status, RunStatus::Crashed);
    drop(store);
    let run = StoredRun::open(&path, "killed");
    assert!(run.spans().len() >= 60);
    assert!(run.condition(ConditionTime::Start, CORES).is_some());
    let ends = "SELECT count(*) FROM conditions WHERE run = ?1 AND time_point = 'end'";
    assert_eq!(run.number(ends), 0.0, "nobody read how it ended");
    run.assert_closed();
    run.assert_balanced();
    assert!(run.number("SELECT sum(spans_j) FROM balance WHERE run = ?1") > 0.0);

    let before = count(&path, "other");
    wait_for_spans(&path, "other", before + 20);
    send(&other, libc::SIGTERM);
    let status = other.wait().expect("reaped");
    assert!(
        !status.success(),
        "the signal takes effect once the recording has ended"
    );
    let other = StoredRun::open(&path, "other");
    assert_eq!(other.status, RunStatus::Cancelled);
    assert!(other.condition(ConditionTime::End, CORES).is_some());
}
