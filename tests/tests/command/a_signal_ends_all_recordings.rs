//! A signal ends every recording of the program before it takes effect, not only
//! the one that was begun first.
#![cfg(unix)]

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use energy_data::rows::RunStatus;
use energy_tests::{StoredRun, send, until, wait};

#[test]
fn a_signal_ends_all_recordings() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let names = ["first", "second", "third"];
    let mut program = Command::new(env!("CARGO_BIN_EXE_recorded-program"))
        .arg(&path)
        .args(names)
        .spawn()
        .expect("the program");
    for name in names {
        let spans = || StoredRun::try_open(&path, name).map_or(0, |run| run.spans().len());
        until("spans in the file", || spans() > 10);
    }
    send(&program, libc::SIGTERM);
    let status = wait(&mut program, "the program");
    assert_eq!(status.signal(), Some(libc::SIGTERM), "{status:?}");
    for name in names {
        let run = StoredRun::open(&path, name);
        assert_eq!(run.status, RunStatus::Cancelled, "{name}");
        run.assert_closed();
        run.assert_balanced();
    }
}
