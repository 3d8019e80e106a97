//! A program's runs go to the file that `TRACING_ENERGY_DB` names, in place of its own; a
//! command whose user names the file ignores the variable.

use std::path::Path;
use std::process::{Command, Stdio};

use energy_data::rows::RunStatus;
use energy_tests::{StoredRun, energy_run, wait};

const COLLECTED: &str = "TRACING_ENERGY_DB";

/// Lets the recorded program write into its own file until it has spans somewhere in
/// `expected`, then ends it.
fn run_until_stored(own: &Path, collected: Option<&str>, expected: &Path, folder: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_recorded-program"));
    command.arg(own).current_dir(folder).env_remove(COLLECTED);
    if let Some(path) = collected {
        command.env(COLLECTED, path);
    }
    let mut child = command.spawn().expect("the program");
    energy_tests::until("a span in the file", || {
        let ended = child.try_wait().expect("a child");
        assert!(ended.is_none(), "it ended by itself: {ended:?}");
        StoredRun::try_open(expected, "last").is_some_and(|run| !run.spans().is_empty())
    });
    energy_tests::send(&child, libc::SIGTERM);
    wait(&mut child, "the program");
    assert_eq!(
        StoredRun::open(expected, "last").status,
        RunStatus::Cancelled
    );
}

#[test]
fn the_environment_selects_the_file_of_a_programs_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (own, all) = (folder.path().join("own.db"), folder.path().join("all.db"));
    run_until_stored(&own, Some("all.db"), &all, folder.path());
    assert!(!own.exists(), "its own file must not be created");
    run_until_stored(&own, Some(""), &own, folder.path());
    run_until_stored(&own, None, &own, folder.path());
}

#[test]
fn the_command_writes_to_its_users_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (own, all) = (folder.path().join("own.db"), folder.path().join("all.db"));
    let mut command = energy_run(env!("CARGO_BIN_EXE_energy-command"), folder.path());
    command
        .args(["--source", "modelled", "--max-tokens", "4"])
        .args([Path::new("--db"), &own])
        .env(COLLECTED, &all)
        .stdout(Stdio::null());
    assert!(command.status().expect("the command").success());
    assert_eq!(StoredRun::open(&own, "last").status, RunStatus::Complete);
    assert!(!all.exists());
}
