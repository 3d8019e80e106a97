//! Rows of another process reach a follower within a second of the time that they are about.

use std::process::Command;
use std::time::Duration;

use energy_host::unix_ns;
use energy_store::SqliteSink;
use energy_tests::{send, until};
use tracing_energy::live::{Follower, Update};

#[test]
fn timing_a_follower_sees_another_process_at_once() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("energy.db");
        drop(SqliteSink::create(&path).expect("a new file"));
        let mut follower = Follower::open(&path).expect("opens");
        let program = env!("CARGO_BIN_EXE_recorded-program");
        let mut child = Command::new(program)
            .arg(&path)
            .spawn()
            .expect("the program");
        let mut start_unix_ns = 0;
        let mut ages_ms = Vec::new();
        until("ten flushes", || {
            for update in follower.wait(Duration::from_millis(100)).expect("readable") {
                let Update::Rows { batch, .. } = update else {
                    continue;
                };
                if let Some(run) = &batch.run {
                    start_unix_ns = run.start_unix_ns;
                }
                let oldest = batch.spans.iter().filter(|row| row.token.is_some());
                let oldest = oldest.filter_map(|row| row.end_ns).min();
                ages_ms.extend(oldest.map(|ns| (unix_ns() - start_unix_ns - ns) / 1_000_000));
            }
            ages_ms.len() >= 10
        });
        send(&child, libc::SIGTERM);
        child.wait().expect("reaped");
        ages_ms.sort_unstable();
        // The oldest span of a flush is at most 250 ms old when it is written.
        assert!(ages_ms[ages_ms.len() / 2] < 1_000, "{ages_ms:?} ms");
    });
}
