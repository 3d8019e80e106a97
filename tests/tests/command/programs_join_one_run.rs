//! `energy record`: programs that record spans join one run, whose energy their parent
//! measures; each process's energy goes to its own spans, spans of killed processes are
//! closed, and all accounts balance.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use energy_data::rows::RunStatus;
use energy_store::Store;
use energy_tests::{FakeSensor, StoredRun, energy, send, until, wait, write_whole};

const PROGRAM: &str = env!("CARGO_BIN_EXE_working-program");
const ENDLESS: &str = env!("CARGO_BIN_EXE_recorded-program");

/// `energy record` of a shell's line under a sensor of 4 W, or of what the line writes
/// to `watts`, that keeps count of its starts in `starts`.
fn record(folder: &Path, line: &str) -> Command {
    write_whole(&folder.join("watts"), "cpu 4");
    let sensor = FakeSensor::direct(counting(folder)).watts_from(&folder.join("watts"));
    let mut command = energy(env!("CARGO_BIN_EXE_energy-command"));
    command
        .current_dir(folder)
        .args(["record", "--db", "energy.db", "--source", "powermetrics"])
        .args(["--interval", "50ms", "--baseline", "200ms", "--"])
        .args(["sh", "-c", line])
        .envs(sensor.environment())
        .env("WORKING_PROGRAM_TOKENS", "40");
    command
}

fn counting(folder: &Path) -> PathBuf {
    let path = folder.join("sensor");
    let fake = env!("CARGO_BIN_EXE_fake-powermetrics");
    let starts = folder.join("starts");
    let text = format!(
        "#!/bin/sh\necho started >> '{}'\nexec '{fake}' \"$@\"\n",
        starts.display()
    );
    std::fs::write(&path, text).expect("written");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, mode).expect("executable");
    path
}

fn starts(folder: &Path) -> usize {
    let text = std::fs::read_to_string(folder.join("starts")).expect("starts");
    text.lines().count()
}

fn messages(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The one run that the file lists; nothing waits to join it.
fn only_run(folder: &Path) -> StoredRun {
    let path = folder.join("energy.db");
    let store = Store::open(&path).expect("a readable file");
    let runs = store.runs().expect("runs");
    assert_eq!(runs.len(), 1);
    assert_eq!(store.joining(&runs[0].row.uuid).expect("runs"), []);
    StoredRun::open(&path, "last")
}

#[test]
fn two_programs_are_one_run() {
    let folder = tempfile::tempdir().expect("a folder");
    // Work takes 10 W over idle. Each names its own file, which must not be created.
    let working = "echo cpu 14 > working && mv working watts";
    let line = format!("{working}; '{PROGRAM}' a.db & '{PROGRAM}' b.db & wait");
    let output = record(folder.path(), &line).output().expect("the command");
    assert!(output.status.success(), "{}", messages(&output));
    assert_eq!(starts(folder.path()), 1, "{}", messages(&output));
    assert!(!folder.path().join("a.db").exists() && !folder.path().join("b.db").exists());

    let run = only_run(folder.path());
    assert_eq!(run.status, RunStatus::Complete);
    run.assert_closed();
    run.assert_balanced();
    assert_eq!(run.labels()["inference"], 2);
    assert_eq!(run.labels()["token"], 80);
    let processes = "SELECT count(*) FROM processes WHERE run = ?1 AND has_spans";
    assert_eq!(run.number(processes), 2.0);
    // Both did the same: each has a large share of the spans' energy.
    let of_process = |rank: u32| {
        run.number(&format!(
            "SELECT sum(e.self_j) FROM node_energy e
             WHERE e.run = ?1 AND e.node IN (
                SELECT s.node FROM spans s JOIN threads t ON t.run = ?1 AND t.id = s.thread
                WHERE s.id >> 40 = ?1 AND t.process = (
                    SELECT id FROM processes WHERE run = ?1 AND has_spans
                    ORDER BY id LIMIT 1 OFFSET {rank}))
             AND e.attribution = (SELECT max(id) FROM attributions WHERE run = ?1)"
        ))
    };
    let (one, two) = (of_process(0), of_process(1));
    let spans = run.number(
        "SELECT spans_j FROM balance WHERE run = ?1
         AND attribution = (SELECT max(id) FROM attributions WHERE run = ?1)",
    );
    assert!(
        (one + two - spans).abs() < 1e-9 * spans,
        "{one} + {two}: {spans}"
    );
    assert!(one > 0.2 * spans && two > 0.2 * spans, "{one} {two}");
    // Activations are numbered by their starts, across processes.
    let spans = run.spans();
    assert!(spans.is_sorted_by_key(|span| span.start_ns));
    assert!(run.number("SELECT count(*) FROM samples WHERE run = ?1") > 3.0);
}

#[test]
fn spans_of_a_killed_program_are_closed_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = format!("'{ENDLESS}' a.db & echo $! > pid; wait $!; exit 3");
    let mut child = record(folder.path(), &line)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the command");
    let path = folder.path().join("energy.db");
    let has_spans = || {
        let found = StoredRun::try_open(&path, "last");
        let joining = |run: StoredRun| {
            let uuid = run.store().find_run("last").expect("the run").row.uuid;
            let joined = run.store().joining(&uuid).expect("runs");
            joined.first().is_some_and(|joined| {
                let spans = run.store().spans(joined.no).and_then(|rows| rows.all());
                !spans.expect("spans").is_empty()
            })
        };
        found.is_some_and(joining)
    };
    until("spans of the program", has_spans);
    let pid = std::fs::read_to_string(folder.path().join("pid")).expect("its pid");
    let pid = pid.trim().parse::<libc::pid_t>().expect("a pid");
    // SAFETY: a plain system call on a process that the test has started.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    assert_eq!(wait(&mut child, "energy record").code(), Some(3));
    let run = only_run(folder.path());
    assert_eq!(run.status, RunStatus::Complete);
    run.assert_closed();
    run.assert_balanced();
    assert_eq!(run.labels()["inference"], 1);
}

#[test]
fn the_programs_exit_is_passed_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = record(folder.path(), "echo its own words; exit 7").output();
    let output = output.expect("the command");
    assert_eq!(output.status.code(), Some(7), "{}", messages(&output));
    assert_eq!(output.stdout, b"its own words\n");
    let run = only_run(folder.path());
    run.assert_balanced();
    assert_eq!(run.spans(), []);

    let ended = record(folder.path(), "kill -TERM $$").output();
    assert_eq!(ended.expect("the command").status.code(), Some(143));

    let mut missing = energy(env!("CARGO_BIN_EXE_energy-command"));
    missing.current_dir(folder.path());
    let output = missing
        .args(["record", "--", "no-such-program-at-all"])
        .output();
    let output = output.expect("the command");
    assert_eq!(output.status.code(), Some(127));
    assert!(
        messages(&output).contains("no-such-program-at-all"),
        "{}",
        messages(&output)
    );
}

#[test]
fn a_signal_ends_both_and_keeps_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = record(folder.path(), &format!("exec '{ENDLESS}' a.db"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the command");
    let path = folder.path().join("energy.db");
    let joined = || {
        StoredRun::try_open(&path, "last").is_some_and(|run| {
            let uuid = run.store().find_run("last").expect("the run").row.uuid;
            !run.store().joining(&uuid).expect("runs").is_empty()
        })
    };
    until("the program's run", joined);
    send(&child, libc::SIGTERM);
    assert_eq!(wait(&mut child, "energy record").code(), Some(143));
    let run = only_run(folder.path());
    assert_eq!(run.status, RunStatus::Cancelled);
    run.assert_closed();
    run.assert_balanced();
    assert_eq!(run.labels()["inference"], 1);
}
