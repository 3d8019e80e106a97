//! A program that records itself and forks in the middle: `forking-program
//! DATABASE CHILDS-DATABASE`. Exits with 0 on success, else prints the failure on stderr.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use energy_power::SourceChoice;
use energy_tests::{burn, record_with, tokens};
use tracing::info_span;
use tracing_energy::{EnergyGuard, EnergyLayer};
use tracing_subscriber::prelude::*;

/// Time limit for a child that was signalled to end.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let database = arguments.next().expect("the database's path");
    let childs = arguments.next().expect("the child's database");
    let (layer, guard) = EnergyLayer::builder()
        .database(database)
        .source(SourceChoice::Modelled)
        .end_on_signal()
        .build()
        .expect("a recording");
    tracing_subscriber::registry().with(layer).init();
    let before = info_span!("before").entered();
    burn(Duration::from_millis(100));
    // SAFETY: the child runs on this thread alone; the recorder's other threads
    // hold no lock that it needs.
    let child = match unsafe { libc::fork() } {
        0 => return in_child(guard, before, &childs),
        child => child,
    };
    info_span!("concurrent").in_scope(|| burn(Duration::from_millis(100)));
    let recorded = waited(child);
    drop(before);
    // SAFETY: as above; this child waits for a signal and nothing else.
    let waiting = match unsafe { libc::fork() } {
        0 => loop {
            std::thread::sleep(Duration::from_millis(10));
        },
        child => child,
    };
    // SAFETY: a plain system call on our own child, which is not reaped yet.
    unsafe { libc::kill(waiting, libc::SIGTERM) };
    let ended = waited(waiting);
    info_span!("after").in_scope(|| burn(Duration::from_millis(100)));
    guard.finish();
    if recorded != Some(0) {
        eprintln!("the child failed: wait status {recorded:?}");
        return ExitCode::FAILURE;
    }
    if ended != Some(libc::SIGTERM) {
        eprintln!("SIGTERM did not end the second child: wait status {ended:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Leaves the parent's span, makes new ones, ends the parent's recording as if it
/// were its own, and records itself.
fn in_child(guard: EnergyGuard, before: tracing::span::EnteredSpan, childs: &PathBuf) -> ExitCode {
    info_span!("in the child").in_scope(|| burn(Duration::from_millis(20)));
    drop(before);
    guard.update_metadata(|metadata| metadata.name = Some("the child's".to_owned()));
    let summary = guard.finish();
    if summary.activations != 0 || !summary.rails.is_empty() {
        eprintln!("the child ended its parent's recording: {summary:?}");
        return ExitCode::FAILURE;
    }
    let builder = EnergyLayer::builder().database(childs);
    let builder = builder.source(SourceChoice::Modelled).end_on_signal();
    record_with(builder, || tokens(100));
    ExitCode::SUCCESS
}

/// The status of a child that has ended; one that hangs is killed, and then there
/// is none.
fn waited(child: libc::pid_t) -> Option<i32> {
    let begin = std::time::Instant::now();
    let mut status = 0;
    while begin.elapsed() < PATIENCE {
        // SAFETY: `status` outlives the call.
        if unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == child {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    // SAFETY: our own child, which is not reaped yet.
    unsafe { libc::kill(child, libc::SIGKILL) };
    None
}
