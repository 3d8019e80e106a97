//! A program is stopped for seconds (Ctrl-Z) while a sensor of constant power runs, so the
//! sensor's documents queue up. No sample has more power than the sensor, and the stopped
//! time is neither lost nor counted twice.
#![cfg(unix)]

use std::process::Command;
use std::time::Duration;

use energy_tests::{FakeSensor, StoredRun, oracle, send, until, wait};

const WATTS: f64 = 10.0;

#[test]
fn documents_queued_during_a_stop_keep_their_power() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("energy.db");
        let sensor = FakeSensor::direct(env!("CARGO_BIN_EXE_fake-powermetrics"))
            .set("WATTS", format!("cpu={WATTS}"));
        let mut program = Command::new(env!("CARGO_BIN_EXE_working-program"))
            .arg(&path)
            .envs(sensor.environment())
            .env("WORKING_PROGRAM_TOKENS", "300")
            .spawn()
            .expect("the program");
        let spans = || StoredRun::try_open(&path, "last").map_or(0, |run| run.spans().len());
        until("spans in the file", || spans() > 50);
        send(&program, libc::SIGSTOP);
        std::thread::sleep(Duration::from_secs(3));
        send(&program, libc::SIGCONT);
        assert!(wait(&mut program, "the program").success());

        assert_eq!(oracle::check(&path), [""; 0]);
        let run = StoredRun::open(&path, "last");
        let of_cpu = "rail = (SELECT id FROM rails WHERE run = ?1 AND name = 'cpu') AND run = ?1";
        let number = |what: &str, table: &str| {
            run.number(&format!("SELECT {what} FROM {table} WHERE {of_cpu}"))
        };
        let highest = number("max(energy_j * 1e9 / (end_ns - start_ns))", "samples");
        // The sensor counts in whole millijoules.
        assert!(highest < WATTS * 1.01, "{highest} W");
        assert!(number("max(peak_w)", "balance") < WATTS * 1.01);
        let seconds = run.number("SELECT end_ns / 1e9 FROM runs WHERE no = ?1");
        assert!(seconds > 3.0, "{seconds} s");
        let energy = number("total(measured_j) + total(extrapolated_j)", "balance");
        let expected = WATTS * seconds;
        assert!(
            (energy - expected).abs() < 0.03 * expected,
            "{energy} J of {expected} J"
        );
    });
}
