//! Reading commands show energies of a run whose process was killed without changing the
//! file; `energy attribute` writes them.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Output};

use energy_data::rows::RunStatus;
use energy_tests::{StoredRun, energy, oracle, until};
use serde_json::Value;

fn command(database: &Path, arguments: &[&str]) -> Output {
    let mut command = energy(env!("CARGO_BIN_EXE_energy-command"));
    command.args(["--db".as_ref(), database.as_os_str()]);
    command.args(arguments).output().expect("the command")
}

fn json(database: &Path, arguments: &[&str]) -> Value {
    let output = command(database, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The file and its write-ahead log.
fn bytes(database: &Path) -> [Vec<u8>; 2] {
    let log = database.with_extension("db-wal");
    [database.to_owned(), log].map(|file| std::fs::read(file).unwrap_or_default())
}

#[test]
fn a_crashed_run_is_shown_without_being_written_until_it_is_attributed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let mut program = Command::new(env!("CARGO_BIN_EXE_recorded-program"))
        .args([path.as_os_str(), "killed".as_ref()])
        .spawn()
        .expect("the program");
    let spans = || StoredRun::try_open(&path, "last").map_or(0, |run| run.spans().len());
    until("spans in the file", || spans() > 100);
    program.kill().expect("killed");
    program.wait().expect("reaped");

    let before = bytes(&path);
    for arguments in [
        &["runs"][..],
        &["summary"],
        &["show"],
        &["balance"],
        &["ops"],
        &["hot"],
        &["pipeline"],
        &["tokens"],
        &["power"],
        &["size"],
        &["query", "select * from v_runs"],
        &["report", "--output", "/dev/null"],
        &["prune", "--keep", "5", "--dry-run"],
    ] {
        let output = command(&path, arguments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {message}");
        assert!(
            message.contains("its process died") && message.contains("`energy attribute"),
            "{arguments:?}: {message}"
        );
    }
    let summary = json(&path, &["summary", "--format", "json"]);
    assert_eq!(summary["run"]["status"], "crashed");
    let seconds = summary["run"]["duration_ns"].as_f64().expect("a length") / 1e9;
    let shown_j = summary["balance"][0]["measured_j"]
        .as_f64()
        .expect("energy");
    assert!(seconds > 0.2 && seconds < 120.0, "{seconds} s");
    let view = json(
        &path,
        &["query", "select measured_j from v_runs", "--format", "json"],
    );
    assert_eq!(view["rows"][0][0].as_f64(), Some(shown_j), "{view}");
    assert_eq!(bytes(&path), before, "a command that reads has written");
    assert_eq!(oracle::check(&path), [""; 0]);

    let output = command(&path, &["attribute", "killed"]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && message.contains("closed at its last write"),
        "{message}"
    );
    let run = StoredRun::open(&path, "killed");
    assert_eq!(run.status, RunStatus::Crashed);
    run.assert_closed();
    run.assert_balanced();
    let stored = "SELECT total(measured_j) FROM balance WHERE run = ?1
                  AND attribution = (SELECT max(id) FROM attributions WHERE run = ?1)";
    let stored_j = run.number(stored);
    assert!(
        (stored_j - shown_j).abs() < 1e-9 * shown_j,
        "{stored_j} {shown_j}"
    );
    let again = command(&path, &["summary"]);
    let message = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!message.contains("its process died"), "{message}");
}
