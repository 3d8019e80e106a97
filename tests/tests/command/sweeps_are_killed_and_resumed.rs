//! `energy sweep` is killed at random moments, together with the process of its trial or alone,
//! and resumed: no cell is lost, and none is run twice.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use energy_models::tiny::{self, TinyConfig};
use energy_tests::{energy, wait};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rusqlite::Connection;

const COMMAND: &str = env!("CARGO_BIN_EXE_energy-command");

/// Size of a campaign.
struct Campaign {
    /// Values of `--max-tokens`, `--batch` and `--prompt-tokens`.
    factors: [&'static str; 3],
    cells: usize,
    repeat: usize,
    kills: usize,
    seed: u64,
}

fn sweep(folder: &Path) -> Command {
    let mut command = energy(COMMAND);
    command
        .current_dir(folder)
        .args(["sweep", "--db", "energy.db"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn begin(folder: &Path, campaign: &Campaign) -> Child {
    let [max_tokens, batch, prompt_tokens] = campaign.factors;
    let repeat = campaign.repeat.to_string();
    let mut command = sweep(folder);
    command.args(["--model", "tiny.gguf", "--raw", "--baseline", "0s"]);
    command.args(["--source", "modelled", "--experiment", "cells"]);
    command.args(["--max-tokens", max_tokens, "--batch", batch]);
    command.args(["--prompt-tokens", prompt_tokens, "--repeat", &repeat]);
    command.spawn().expect("the command")
}

fn resume(folder: &Path) -> Child {
    let mut command = sweep(folder);
    command.args(["--resume", "cells", "--retry-failed"]);
    command.spawn().expect("the command")
}

/// Returns the children of a process.
fn children(pid: u32) -> Vec<i32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

fn kill(pid: i32) {
    // SAFETY: a plain system call; the pid was that of our process a moment ago.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Kills the sweep, the processes of its trials, or both. Returns whether the sweep was killed.
fn kill_some(child: &Child, random: &mut StdRng) -> bool {
    let of_trial = children(child.id());
    let choice = random.random_range(0..3);
    if choice != 1 {
        kill(i32::try_from(child.id()).expect("a pid"));
    }
    if choice != 0 {
        of_trial.into_iter().for_each(kill);
    }
    choice != 1
}

fn execute(campaign: &Campaign) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = TinyConfig::default();
    tiny::write_gguf(folder.path().join("tiny.gguf"), &config).expect("a model");
    let mut random = StdRng::seed_from_u64(campaign.seed);
    let mut child = begin(folder.path(), campaign);
    // The plan is in the file before anything can be killed.
    energy_tests::until("the plan", || planned(folder.path()) > 0);
    let mut kills = 0;
    while kills < campaign.kills {
        std::thread::sleep(Duration::from_millis(random.random_range(0..400)));
        if child.try_wait().expect("a child").is_some() {
            break;
        }
        kills += 1;
        if kill_some(&child, &mut random) {
            wait(&mut child, "the killed sweep");
            child = resume(folder.path());
        }
    }
    wait(&mut child, "the sweep");
    // Trials with a killed process were skipped; they are repeated now.
    let status = wait(&mut resume(folder.path()), "the last sweep");
    assert!(status.success(), "{status}");
    assert!(kills > 0);
    check(folder.path(), campaign);
}

/// Returns the number of trials in the file.
fn planned(folder: &Path) -> i64 {
    let path = folder.join("energy.db");
    if !path.exists() {
        return 0;
    }
    let count = |database: Connection| {
        database.query_row("SELECT count(*) FROM trials", [], |row| row.get(0))
    };
    Connection::open(path).and_then(count).unwrap_or(0)
}

/// Checks that every cell has exactly its complete runs.
fn check(folder: &Path, campaign: &Campaign) {
    let database = Connection::open(folder.join("energy.db")).expect("the database");
    let mut statement = database
        .prepare("SELECT configuration, status, run_uuid, run FROM v_trials")
        .expect("trials");
    let rows = statement.query_map([], |row| {
        let cell: (String, String) = (row.get(0)?, row.get(1)?);
        let run: (Option<String>, Option<i64>) = (row.get(2)?, row.get(3)?);
        Ok((cell, run))
    });
    let mut cells = BTreeMap::new();
    let mut uuids = BTreeSet::new();
    for row in rows.expect("trials") {
        let ((cell, status), (uuid, run)) = row.expect("a trial");
        assert_eq!(status, "complete", "{cell}");
        assert!(run.is_some(), "{cell}: its run is in the file");
        assert!(uuids.insert(uuid), "{cell}: a run of its own");
        *cells.entry(cell).or_insert(0) += 1;
    }
    assert_eq!(cells.len(), campaign.cells);
    assert!(
        cells.values().all(|count| *count == campaign.repeat),
        "{cells:?}"
    );
    // Every complete run belongs to a trial.
    let complete = "SELECT count(*) FROM runs WHERE status = 'complete'";
    let complete: i64 = database
        .query_row(complete, [], |row| row.get(0))
        .expect("a count");
    assert_eq!(
        usize::try_from(complete),
        Ok(campaign.cells * campaign.repeat)
    );
    let locks = std::fs::read_dir(folder).expect("a folder");
    let is_lock = |name: &str| name.ends_with(".lock");
    let locks = locks.filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        is_lock(&name.to_string_lossy())
    });
    assert_eq!(locks.count(), 0);
}

#[test]
fn a_killed_sweep_loses_and_doubles_no_cell() {
    execute(&Campaign {
        factors: ["1,2", "1,2", "4,8"],
        cells: 8,
        repeat: 2,
        kills: 5,
        seed: 1,
    });
}

/// Takes minutes: `.ci/full sweeps`.
#[test]
#[ignore = "a campaign of minutes"]
fn a_large_sweep_killed_ten_times_loses_and_doubles_no_cell() {
    for seed in 0..3 {
        execute(&Campaign {
            factors: ["1..4", "1,2,4", "4..32x2"],
            cells: 48,
            repeat: 3,
            kills: 10,
            seed,
        });
    }
}

/// Takes minutes: `.ci/full sweeps`.
#[test]
#[ignore = "a campaign of minutes"]
fn a_sweep_of_six_hundred_cells_is_complete() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = TinyConfig::default();
    tiny::write_gguf(folder.path().join("tiny.gguf"), &config).expect("a model");
    let campaign = Campaign {
        factors: ["1..20", "1..5", "4..24+4"],
        cells: 600,
        repeat: 1,
        kills: 0,
        seed: 0,
    };
    let ended = begin(folder.path(), &campaign).wait().expect("a child");
    assert!(ended.success(), "{ended}");
    check(folder.path(), &campaign);
}
