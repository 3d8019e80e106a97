//! `energy run` that is interrupted: it ends by the signal, and the run is in the file as
//! cancelled, with its spans and their energy, its text and its token counts.
#![cfg(unix)]

use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Stdio};

use energy_data::rows::RunStatus;
use energy_tests::{StoredRun, energy_run, send, until, wait};

/// A run that goes on until it is interrupted, with SIGINT handled as `interrupt`
/// specifies: it may be ignored in the environment of the tests.
fn start(folder: &Path, database: &Path, interrupt: libc::sighandler_t) -> Child {
    start_into(folder, database, interrupt, Stdio::piped())
}

/// Starts such a run with its output connected to `stdout`.
fn start_into(
    folder: &Path,
    database: &Path,
    interrupt: libc::sighandler_t,
    stdout: Stdio,
) -> Child {
    let mut command = energy_run(env!("CARGO_BIN_EXE_energy-command"), folder);
    command
        .args(["--source", "modelled", "--max-tokens", "1000000"])
        .args(["--depth", "layer"])
        .args([Path::new("--db"), database])
        .stdout(stdout);
    let prepare = move || {
        // SAFETY: a plain system call with no handler of ours.
        unsafe { libc::signal(libc::SIGINT, interrupt) };
        Ok(())
    };
    // SAFETY: between fork and exec it calls `signal` alone, which may be called there.
    unsafe { command.pre_exec(prepare) };
    command.spawn().expect("the command")
}

/// Waits until `count` spans are in the file.
fn wait_for_spans(run: &mut Child, database: &Path, count: usize) -> usize {
    let spans = || StoredRun::try_open(database, "last").map_or(0, |run| run.spans().len());
    until("spans in the file", || {
        let ended = run.try_wait().expect("a child");
        assert!(ended.is_none(), "it ended by itself: {ended:?}");
        spans() > count
    });
    spans()
}

/// Sends a signal; the exit code that a shell shows of the end, and the printed text.
fn interrupted(mut run: Child, signal: i32) -> (i32, String) {
    let stdout = run.stdout.take().expect("its output");
    let reader = std::thread::spawn(move || std::io::read_to_string(stdout).expect("text"));
    send(&run, signal);
    let code = ended(&mut run);
    (code, reader.join().expect("a reader"))
}

/// The exit code that a shell shows of the end.
fn ended(run: &mut Child) -> i32 {
    let status = wait(run, "energy run");
    // A shell shows a program that died of a signal as 128 and its number.
    let died = status.signal().map(|signal| 128 + signal);
    status.code().or(died).expect("an exit")
}

#[test]
fn a_signal_ends_a_run_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    for (signal, code) in [
        (libc::SIGINT, 130),
        (libc::SIGTERM, 143),
        (libc::SIGHUP, 129),
    ] {
        let path = folder.path().join(format!("{signal}.db"));
        let mut run = start(folder.path(), &path, libc::SIG_DFL);
        wait_for_spans(&mut run, &path, 100);
        let (found, printed) = interrupted(run, signal);
        assert_eq!(found, code);
        let run = StoredRun::open(&path, "last");
        assert_eq!(run.status, RunStatus::Cancelled);
        assert!(run.spans().len() > 100);
        run.assert_closed();
        run.assert_balanced();
        let labels = run.labels();
        assert_eq!(labels.get("decode"), Some(&1), "{labels:?}");
        assert!(labels.keys().any(|label| label.starts_with("layer ")));
        // What was generated is known.
        let row = run.store().find_run("last").expect("the run").row;
        let tokens = i64::try_from(labels["token"]).expect("a count");
        assert_eq!(row.metadata.output_tokens, Some(tokens));
        assert!(row.metadata.input_tokens.is_some_and(|tokens| tokens > 0));
        let text = row.metadata.response.expect("the text");
        assert!(
            !text.is_empty() && printed.starts_with(&text),
            "{text:?} {printed:?}"
        );
        let per_token = run.number("SELECT energy_j / output_tokens FROM v_runs WHERE run = ?1");
        assert!(per_token > 0.0, "{per_token}");
    }
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let mut run = start(folder.path(), &path, libc::SIG_IGN);
    let before = wait_for_spans(&mut run, &path, 10);
    send(&run, libc::SIGINT);
    wait_for_spans(&mut run, &path, before + 100);
    assert_eq!(StoredRun::open(&path, "last").status, RunStatus::Running);
    assert_eq!(interrupted(run, libc::SIGTERM).0, 143);
    assert_eq!(StoredRun::open(&path, "last").status, RunStatus::Cancelled);
}

/// Returns a pipe that has no room.
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let descriptor = writer.as_raw_fd();
    let set = |flags: libc::c_int| {
        // SAFETY: a plain system call on an open descriptor.
        assert_eq!(unsafe { libc::fcntl(descriptor, libc::F_SETFL, flags) }, 0);
    };
    set(libc::O_NONBLOCK);
    while writer.write(&[b'.'; 512]).is_ok() {}
    while writer.write(b".").is_ok() {}
    set(0);
    (reader, writer)
}

/// The process does not reach its second token, because nobody reads its output.
#[test]
fn a_second_signal_ends_a_run_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let (_reader, writer) = full_pipe();
    let mut run = start_into(folder.path(), &path, libc::SIG_DFL, writer.into());
    wait_for_spans(&mut run, &path, 5);
    send(&run, libc::SIGINT);
    std::thread::sleep(std::time::Duration::from_millis(500));
    let now = run.try_wait().expect("a child");
    assert!(now.is_none(), "it ended at the first signal: {now:?}");
    send(&run, libc::SIGINT);
    assert_eq!(ended(&mut run), 130);
    let run = StoredRun::open(&path, "last");
    assert_eq!(run.status, RunStatus::Cancelled);
    run.assert_closed();
}
