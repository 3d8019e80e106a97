//! SIGKILL in the middle of the work loses at most the last flush; a run that
//! another program records into the same file meanwhile is untouched. SIGTERM
//! ends a recording in order.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tracing_energy::rows::RunStatus;
use tracing_energy::store::Store;

fn start(database: &Path, name: &str) -> Child {
    let program = env!("CARGO_BIN_EXE_recorded-program");
    Command::new(program)
        .args([database.as_os_str(), name.as_ref()])
        .spawn()
        .expect("the program")
}

/// Activations in the file of the run called `name`; none while it is not there.
fn count(database: &Path, name: &str) -> Option<usize> {
    let store = Store::open(database).ok()?;
    let run = store.find_run(name).ok()?.no;
    Some(store.spans(run).ok()?.all().ok()?.len())
}

fn wait_for_spans(database: &Path, name: &str, wanted: usize) {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
        if count(database, name).is_some_and(|count| count >= wanted) {
            return;
        }
    }
    panic!("{name} did not record {wanted} activations in a minute");
}

fn send(child: &Child, signal: i32) {
    let pid = libc::pid_t::try_from(child.id()).expect("a pid");
    // SAFETY: plain system call on our own child, which is not reaped yet.
    unsafe { libc::kill(pid, signal) };
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
    let repaired = tracing_energy::repair_dead_runs(&store).expect("repaired");
    assert_eq!(repaired, [uuid], "the living run is left alone");
    let run = store.find_run("killed").expect("the run");
    assert_eq!(run.row.status, RunStatus::Crashed);
    let spans = store
        .spans(run.no)
        .and_then(|rows| rows.all())
        .expect("its activations");
    assert!(spans.len() >= 60 && spans.iter().all(|span| span.end_ns.is_some()));
    let sql = "SELECT sum(spans_j) FROM balance WHERE run = ?1";
    let spans_j: f64 = store
        .connection()
        .query_row(sql, [run.no], |row| row.get(0))
        .expect("attributed");
    assert!(spans_j > 0.0);
    drop(store);

    let before = count(&path, "other").expect("recorded");
    wait_for_spans(&path, "other", before + 20);
    send(&other, libc::SIGTERM);
    let status = other.wait().expect("reaped");
    assert!(
        !status.success(),
        "the signal takes effect once the recording has ended"
    );
    let store = Store::open(&path).expect("the database");
    assert_eq!(
        store.find_run("other").expect("the run").row.status,
        RunStatus::Cancelled
    );
}
